"""Configuration keys (OCPP 1.6 sections 5.3 and 5.8)."""

from app.domain.device import settings
from app.domain.device.device_model import Told
from app.domain.device.variable_names import plain, truth
from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, Unfit
from worker.ocpp.fields import Fields

#: What became of a change, in the domain's words.
VERDICTS = {"Accepted": "accepted", "RebootRequired": "reboot_required"}


def _read(arguments: Arguments) -> Payload:
    keys = list(arguments.get("keys", ()))
    if any(len(key) > 50 for key in keys):
        raise Unfit("A key of OCPP 1.6 has 50 characters at most.")
    return {"key": keys} if keys else {}


def _told(answer: Payload, arguments: Arguments) -> Outcome:
    """Read the list of settings, whatever case its members have (FIELD R10)."""
    members = {name.casefold(): value for name, value in answer.items()}
    listed = Fields({"all": members.get("configurationkey") or []}).list("all")
    told = [one for one in map(_setting, listed) if one is not None]
    unknown = members.get("unknownkey") or []
    unknown = [str(key) for key in (unknown if isinstance(unknown, list) else [unknown])]
    facts = {"told": told, "unknown": [plain(key) for key in unknown]}
    sentence = f"{len(told)} settings read" + (f", {len(unknown)} unknown." if unknown else ".")
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts)


def _setting(item: Fields) -> Told | None:
    key = item.text("key")
    if key is None:
        return None
    value = item.raw("value")
    text = None if value is None else str(value).lower() if value in (True, False) else str(value)
    locked = truth(item.raw("readonly"))
    return Told(plain(key), text, writable=None if locked is None else not locked)


def _set(arguments: Arguments) -> Payload:
    (key, value), *more = settings.pairs(arguments)
    if more or len(key) > 50 or len(value) > 500:
        raise Unfit("OCPP 1.6 changes one setting at a time, of at most 500 characters.")
    return {"key": key, "value": value}


def _changed(answer: Payload, arguments: Arguments) -> Facts:
    key, value = settings.pairs(arguments)[0]
    verdict = VERDICTS.get(str(answer.get("status")), "rejected")
    return {"changed": [(plain(key), value, verdict)]}


ORDERS: dict[Order, Encoding] = {
    Order.CHANGE_SETTING: Encoding(
        "ChangeConfiguration",
        _set,
        frozenset({"Accepted", "RebootRequired"}),
        {
            "RebootRequired": "The setting is stored and takes effect after a restart.",
            "NotSupported": "The charger does not know this setting.",
        },
        facts=_changed,
    ),
    Order.READ_SETTINGS: Encoding("GetConfiguration", _read, decode=_told),
}
