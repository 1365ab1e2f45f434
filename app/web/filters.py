"""What templates write with: filters for numbers and times, and a few globals of every page."""

from datetime import datetime
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

from babel import Locale
from flask import Flask, g, has_request_context, url_for
from flask_babel import get_domain, get_locale
from flask_babel import gettext as _
from werkzeug.routing import BuildError

from app.domain.ground.texts import N_
from app.process.clock import utc_now
from app.text import audit_words, numbers, writers
from app.text.sentences import translated


def protocol(subprotocol: str) -> str:
    """A WebSocket subprotocol as people say it: `ocpp1.6` is `OCPP 1.6`."""
    return subprotocol.replace("ocpp", "OCPP ", 1)


def query_string(args: dict[str, Any]) -> str:
    """Parameters (a value or a list of values each) as the part of a URL after `?`."""
    return urlencode(args, doseq=True)


def _now() -> datetime:
    """The time the page is rendered at; a page fixes it once in `g.now` so that its ages agree."""
    if has_request_context() and "now" in g:
        return cast(datetime, g.now)
    return utc_now()


def _zone() -> str:
    """The zone the signed-in person reads times in (`g.zone`), or UTC."""
    return g.get("zone", "UTC") if has_request_context() else "UTC"


def page_url(noun: str, page: str = "index", **values: Any) -> str | None:
    """The address of a noun's page; None when there is none, and the menu leaves it out."""
    try:
        return url_for(f"{noun}.{page}" if page else noun, **values)
    except BuildError:
        return None


def browser(agent: str) -> str:
    """A User-Agent header in two words people know: `Firefox on Linux`."""
    programs = {"Edg": "Edge", "OPR": "Opera", "Firefox": "", "Chrome": "", "Safari": ""}
    systems = {
        "Android": "",
        "iPhone": "",
        "iPad": "",
        "Windows": "",
        "Mac OS": "macOS",
        "Linux": "",
    }
    program = next((name or word for word, name in programs.items() if f"{word}/" in agent), "")
    system = next((name or word for word, name in systems.items() if word in agent), "")
    if program and system:
        return str(_("%(program)s on %(system)s", program=program, system=system))
    return str(translated(program or system or agent[:40] or "a browser"))


def worded(field: Any) -> None:
    """Put a placed field's label, choices and placeholder into the reader's language."""
    field.placed = True
    field.label.text = translated(field.label.text)
    if hint := (field.render_kw or {}).get("placeholder"):
        field.render_kw = {**field.render_kw, "placeholder": translated(hint)}
    choices = getattr(field, "choices", None)
    if isinstance(choices, dict):
        field.choices = {translated(title): _choices(found) for title, found in choices.items()}
    elif choices:
        field.choices = _choices(choices)


def _choices(choices: Any) -> list[Any]:
    return [
        (choice[0], translated(choice[1]), *choice[2:]) if isinstance(choice, tuple) else choice
        for choice in choices
    ]


@cache
def _texts(locale: Locale | None) -> Any:
    """The desk's texts in the language of the page, which is this one."""
    return get_domain().get_translations()


def _speak(app: Flask) -> None:
    """Have templates look their texts up as flask-babel does, without asking it thrice for each."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: _texts(get_locale()).ugettext(text),
        ngettext=lambda one, many, number: _texts(get_locale()).ungettext(one, many, number),
        newstyle=True,
    )


def register(app: Flask) -> None:
    """Give the app's templates these filters and globals."""
    _speak(app)
    for function in (
        *(numbers.kwh, numbers.watt_hours, numbers.kw, numbers.money, numbers.number),
        *(
            numbers.price,
            numbers.plain,
            numbers.duration,
            numbers.clock,
            numbers.iso,
            writers.month,
        ),
        *(protocol, browser, query_string),
    ):
        app.add_template_filter(function)
    app.add_template_filter(writers.desk, "say")
    app.add_template_filter(translated)
    app.add_template_filter(audit_words.value, "audit_value")
    app.add_template_global(worded)
    app.add_template_filter(lambda moment: numbers.ago(moment, _now()), "ago")
    app.add_template_filter(
        lambda moment, style="minute", zone="": numbers.local(moment, style, zone or _zone()),
        "local",
    )
    app.add_template_filter(lambda moment: numbers.near(moment, _now(), _zone()), "near")
    app.add_template_global(_now, "now")
    app.add_template_global(numbers.change)
    app.add_template_global(numbers.language, "reading")
    app.add_template_global(N_, "N_")
    app.add_template_global(page_url)
