"""flask alert-rule: what is watched, and who is told."""

from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.ground.vocabulary import AlertKind
from app.domain.network import sites
from app.models import AlertRule
from app.resource import ALERT_RULES

group = cli.Group("alert-rule", help="What is watched, and who is told of it.")


def _read(
    db: Session, tenant_id: int, values: dict[str, Any], _row: AlertRule | None
) -> dict[str, Any]:
    """Leave out what was not typed; '' empties a list."""
    found = cli.typed(values)
    if places := found.pop("site", None):
        found["site_ids"] = {sites.named(db, tenant_id, name).id for name in places if name}
    for name in ("mail_to", "escalate_to"):
        if name in found:
            found[name] = [address for address in found[name] if address]
    return found


plain = Plain(
    group,
    ALERT_RULES,
    options=(
        click.option(
            "--kind", type=click.Choice([kind.value for kind in AlertKind]), help="What is watched."
        ),
        click.option("--site", multiple=True, help="Where; several times for several."),
        click.option("--mail-to", multiple=True, help="An address; several times for several."),
        click.option("--escalate-to", multiple=True, help="Who is told if nobody acknowledges."),
    ),
    read=_read,
)
plain.add("Add the rule NAME.", lambda rule: f"Added the alert rule {rule.name} ({rule.kind}).")
plain.list("List the rules.", "id name kind minutes mail_to sites")
plain.show("Show the rule NAME.")
plain.edit(
    "Change the rule NAME; what is not given stays.",
)
plain.archive("Have the rule NAME watch no more; what it found is closed.", "Watch again.")
