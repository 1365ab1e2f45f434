"""How messages are said: one function for each shape, the same for every version that has it."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from app.domain.charging.energy import POWER, REGISTER, at_outlet, to_base_unit
from app.domain.ground.vocabulary import Json
from app.text.message_parts import (
    at,
    counted,
    decimal,
    named,
    plug,
    record,
    records,
    register,
    said,
    short,
)
from app.text.numbers import kw, kwh, number

Request = Json
Say = Callable[[Request, Request], str]

#: Things of a list that are said one by one; the rest is counted.
_EACH = 2


def _each(things: Iterable[str]) -> str:
    every = [text for text in things if text]
    more = len(every) - _EACH
    return said(*every[:_EACH], f"{more} more" if more > 0 else None)


# What both versions have, in different shapes


def boot(request: Request, answer: Request) -> str:
    about = record(request.get("chargingStation")) or request
    vendor = about.get("vendorName", about.get("chargePointVendor"))
    model = about.get("model", about.get("chargePointModel"))
    return said(
        f"{short(vendor)} {short(model)}".strip(),
        named("firmware", about.get("firmwareVersion")),
        named("serial", about.get("serialNumber", about.get("chargePointSerialNumber"))),
        request.get("reason"),
    )


def tag(request: Request, answer: Request) -> str:
    return named("tag", at(request, "idToken.idToken") or request.get("idTag"))


def status_word(request: Request, answer: Request) -> str:
    error = request.get("errorCode")
    word = request.get("connectorStatus", request.get("status"))
    return said(
        plug(request),
        word,
        None if error == "NoError" else error,
        named("vendor", request.get("vendorErrorCode")),
        request.get("info"),
    )


def start(request: Request, answer: Request) -> str:
    return said(
        plug(request),
        tag(request, answer),
        register("from", request.get("meterStart")),
        named("session", answer.get("transactionId")),
    )


def stop(request: Request, answer: Request) -> str:
    return said(
        named("session", request.get("transactionId")),
        register("at", request.get("meterStop")),
        request.get("reason"),
        tag(request, answer),
    )


def event(request: Request, answer: Request) -> str:
    """A TransactionEvent: what happened, to which session, and what the meter showed."""
    about = record(request.get("transactionInfo"))
    cost = decimal(answer.get("totalCost"))
    return said(
        request.get("eventType"),
        request.get("triggerReason"),
        plug(request),
        tag(request, answer),
        about.get("chargingState"),
        named("stopped:", about.get("stoppedReason")),
        _samples(request),
        named("session", about.get("transactionId")),
        "offline" if request.get("offline") is True else None,
        None if cost is None else f"cost {number(cost, 2)}",
    )


def meter(request: Request, answer: Request) -> str:
    values = _sampled(request)
    if not values:
        return said("0 samples", plug(request))
    return said(counted(len(values), "sample"), _samples(request))


def _sampled(request: Request) -> list[Request]:
    return [
        sample
        for reading in records(request.get("meterValue"))
        for sample in records(reading.get("sampledValue"))
    ]


def _samples(request: Request) -> str:
    values = _sampled(request)
    energy, power, charge = (_latest(values, name) for name in (REGISTER, POWER, "SoC"))
    return said(
        None if energy is None else kwh(energy, 3),
        None if power is None else kw(power),
        None if charge is None else f"{number(charge)} %",
    )


def _latest(samples: list[Request], measurand: str) -> Decimal | None:
    """The last unphased value of a measurand, else the sum of the last phases; base unit."""
    phases: dict[str, Decimal] = {}
    for sample in samples:
        value = decimal(sample.get("value"))
        location = sample.get("location")
        if value is None or (sample.get("measurand") or REGISTER) != measurand:
            continue
        if isinstance(location, str) and not at_outlet(location):
            continue
        unit = at(sample, "unitOfMeasure.unit") or sample.get("unit")
        power_of_ten = at(sample, "unitOfMeasure.multiplier")
        small = isinstance(power_of_ten, int) and abs(power_of_ten) < 10
        base, _ = to_base_unit(
            value, unit if isinstance(unit, str) else None, measurand, power_of_ten if small else 0
        )
        phases[short(sample.get("phase"))] = base
    return phases.get("", sum(phases.values(), Decimal(0))) if phases else None


def read_settings(request: Request, answer: Request) -> str:
    keys = request.get("key")
    asked = said(*keys[:3]) if isinstance(keys, list) and keys else "all settings"
    told, unknown = at(answer, "configurationKey.#"), at(answer, "unknownKey.#")
    return said(
        asked, None if told is None else f"{told} told", f"{unknown} unknown" if unknown else None
    )


# What only 2.x has


def _variable(one: Request, value: str = "") -> str:
    """`Component.Variable`, with what it is or becomes."""
    name = ".".join(
        filter(None, (short(at(one, "component.name")), short(at(one, "variable.name"))))
    )
    found = one.get(value) if value else None
    return f"{name} = {short(found)}" if name and found is not None else name


def set_variables(request: Request, answer: Request) -> str:
    return _each(
        _variable(one, "attributeValue") for one in records(request.get("setVariableData"))
    )


def get_variables(request: Request, answer: Request) -> str:
    told = records(answer.get("getVariableResult"))
    asked = records(request.get("getVariableData"))
    return _each(_variable(one, "attributeValue") for one in told) or _each(map(_variable, asked))


def device_event(request: Request, answer: Request) -> str:
    def one(event: Request) -> str:
        return said(
            _variable(event, "actualValue"),
            plug(record(event.get("component"))),
            "cleared" if event.get("cleared") is True else None,
            event.get("techInfo"),
        )

    return _each(one(event) for event in records(request.get("eventData")))


def monitors(request: Request, answer: Request) -> str:
    return _each(
        f"{_variable(one)} {short(one.get('type'))} {short(one.get('value'))}".strip()
        for one in records(request.get("setMonitoringData"))
    )


def part(what: str, path: str) -> Say:
    """One part of a report in several: how much it holds and whether more follows."""

    def say(request: Request, answer: Request) -> str:
        more = request.get("tbc") is True
        place = decimal(request.get("seqNo"))
        return said(
            counted(at(request, path), what),
            f"part {number(place + 1)}" if place is not None and (more or place) else None,
            "more to come" if more else None,
            named("request", request.get("requestId")),
        )

    return say


def words(*names: tuple[str, str] | str) -> Say:
    """Say fields one after the other, by their paths; a pair puts a word in front of its field.

    `plug` stands for the place that a request names, `tag` for its tag, and a path that begins
    with `>` is looked up in the answer.
    """

    def say(request: Request, answer: Request) -> str:
        found: list[object] = []
        for name in names:
            word, path = ("", name) if isinstance(name, str) else name
            if path in ("plug", "tag"):
                found.append(plug(request) if path == "plug" else tag(request, answer))
                continue
            looked = at(answer, path[1:]) if path.startswith(">") else at(request, path)
            if isinstance(looked, list):
                looked = ", ".join(filter(None, map(short, looked[:3])))
            if isinstance(looked, dict):
                looked = None
            if word.endswith("?"):
                found.append(word[:-1] if looked is True else None)
            else:
                found.append(named(word, looked) if word else looked)
        return said(*found)

    return say


_PROFILE = ("chargingProfile", "csChargingProfiles")


def profile(request: Request, answer: Request) -> str:
    profile = next((found for name in _PROFILE if (found := record(request.get(name)))), {})
    return said(
        plug(request),
        profile.get("chargingProfilePurpose"),
        named("stack level", profile.get("stackLevel")),
        named("profile", profile.get("id", profile.get("chargingProfileId"))),
    )
