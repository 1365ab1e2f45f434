"""Commands of the desk: what was asked of stations, by whom, and what came of it."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from htmx_flask import request

from app.domain.commands import broadcasts, command_rules, commands, orders
from app.domain.commands.orders import spec
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import OPEN_STATES, CommandState
from app.extensions import db, the_settings
from app.models import Command
from app.process.clock import utc_now
from app.queries.commands import commands as queries
from app.text.sentences import translated
from app.uow import unit_of_work
from app.views.commands._station_commands import to_question
from app.views.ground import _bulk, _doing
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("commands", __name__, url_prefix="/commands")
_command = _doing.by_number(Command, "There is no such command.")
blueprint.add_app_template_filter(
    lambda command: translated(orders.describe(command.order, command.arguments)), "order_words"
)
blueprint.add_app_template_filter(
    lambda order: translated(orders.SPECS[order].label), "order_label"
)
blueprint.add_app_template_filter(lambda state: state in OPEN_STATES, "under_way")
blueprint.add_app_template_filter(lambda state: commands.STATE_WORDS[state], "state_words")
blueprint.add_app_template_filter(
    lambda command: translated(spec.attempts_sentence(command)), "attempts_told"
)

STATES = [
    ("open", "under way"),
    ("failed", "not accepted"),
    *((state.value, commands.STATE_WORDS[state]) for state in CommandState),
]


@blueprint.get("")
def index() -> ResponseReturnValue:
    """All commands, narrowed by the URL."""
    wanted = _wanted()
    return listing.shown(
        *("commands", COLUMNS, lambda wish: queries.page(db.session(), wanted, wish)),
        "commands/commands/index.html",
        lambda page: {
            "states": STATES,
            "labels": [(order.value, spec.label) for order, spec in orders.SPECS.items()],
            "askers": [(name, name) for name in queries.askers(db.session())],
        },
        since=wanted.since,
        until=wanted.until,
    )


COLUMNS = [
    *read("id requested_at station=station.identity order=order.value"),
    ("words", lambda row: orders.describe(row.order, row.arguments)),
    *read("state=state.value sentence requested_by sent_at settled_at latency_ms"),
]


def _wanted() -> queries.Filter:
    return listing.asked(
        queries.Filter, since=listing.day("from"), until=listing.day("to", end=True)
    )


_bulk.hang(
    blueprint,
    broadcasts.MANY,
    lambda work: _wanted().select(),
    {
        "repeat": lambda n: ngettext(
            "%(num)s command is repeated.", "%(num)s commands are repeated.", n
        )
    },
    lambda action, more: {"ttl_s": the_settings().command_ttl_s},
)


@blueprint.get("/<int:command_id>")
def show(command_id: int) -> ResponseReturnValue:
    """One command; asked for by htmx, the row that follows its own state."""
    command = _command(command_id)
    row = request.htmx and "whole" not in request.args
    template = "commands/commands/_command.html" if row else "commands/commands/show.html"
    return render_template(template, command=command)


@blueprint.post("/<int:command_id>/repeat")
def repeat(command_id: int) -> ResponseReturnValue:
    """Ask the same of the same station once more."""
    command = _command(command_id)
    ttl_s = the_settings().command_ttl_s
    try:
        with unit_of_work() as work:
            again = broadcasts.repeat(work, actor(), command, now=utc_now(), ttl_s=ttl_s, known=())
    except command_rules.EndsSessions:
        return to_question(command.station, command.order, command.arguments)
    if request.htmx:
        return render_template("commands/commands/_command.html", command=again), 202
    return back("commands.show", command_id=again.id)
