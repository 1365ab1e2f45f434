"""flask report-schedule: reports that go out by mail every week or month."""

from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import ReportKind
from app.domain.network import sites
from app.domain.office import schedules
from app.models import Job, ReportSchedule
from app.resource import REPORT_SCHEDULES

group = cli.Group("report-schedule", help="Reports that go out by mail every week or month.")


def _read(
    db: Session, tenant_id: int, values: dict[str, Any], _row: ReportSchedule | None
) -> dict[str, Any]:
    """Leave out what was not typed; '' is all sites."""
    found = {name: value for name, value in values.items() if value not in (None, (), False)}
    if (site := found.pop("site", None)) is not None:
        found["site_id"] = sites.named(db, tenant_id, site).id if site else None
    if "format" in found:
        found["file_format"] = found.pop("format")
    if "to" in found:
        found["recipients"] = list(found.pop("to"))
    return found


plain = Plain(
    group,
    REPORT_SCHEDULES,
    options=(
        click.option(
            "--kind", type=click.Choice([kind.value for kind in ReportKind]), help="What it is of."
        ),
        click.option("--by", help="What its lines are; as is usual."),
        click.option("--site", help="Only this site."),
        click.option(
            "--every", type=click.Choice(["week", "month"]), help="How often; usually by month."
        ),
        click.option(
            "--format", type=click.Choice(["pdf", "xlsx", "csv"]), help="Of its file; usually pdf."
        ),
        click.option("--to", multiple=True, help="An address; several times for several."),
        click.option("--confirm-outside", is_flag=True, help="Also addresses of no staff."),
    ),
    read=_read,
)
plain.add("Add the schedule NAME.", lambda row: f"Added the report schedule {row.name}.")
plain.list("List the schedules.", "id name kind every recipients next_run_at")
plain.show("Show the schedule NAME.")
plain.edit(
    "Change the schedule NAME; what is not given stays.",
)
plain.archive("Pause the schedule NAME.", "Take it up again.")
plain.does(schedules.run, "Began", "Make and send the report of the schedule NAME now.")


@group.command("runs")
@click.argument("name")
@cli.json_option
def runs(name: str, as_json: bool) -> None:
    """List what the schedule NAME sent, the newest first."""
    db = cli.reading()
    row = schedules.named(db, cli.the_tenant(db).id, name)
    jobs = schedules.runs(db, row, 100)
    mails = schedules.mails(db, jobs)

    def sent(job: Job) -> list[str]:
        return [f"{mail.recipient}: {mail.state}" for mail in mails.get(job.id, [])]

    columns = [
        *read("id state file=file_name made_at=ended_at"),
        ("mails", sent),
        *read("sentence"),
    ]
    cli.print_rows(jobs, columns, json=as_json)
