"""Imports and exports as jobs: what they are asked with, and which rows were left out."""

from typing import Literal, Self

from app.domain.ground.vocabulary import JobKind, JobState
from app.schemas.answers import Answer
from app.schemas.base import Flag, Instant, RowId, Schema, Text, left_out, needed

#: Characters of a file that is imported.
LONGEST = 3_000_000


class Jobs(Schema):
    """Which jobs are listed."""

    kind: JobKind = left_out("Of this kind.")
    state: JobState = left_out("In this state.")


class RowError(Answer):
    """A row of a file that was left out."""

    line: int = needed("The line of the file at which it begins.")
    value: str = needed("What it is about.")
    sentence: str = needed("Why it cannot be used.")

    @classmethod
    def of(cls, line: int, value: str, sentence: str) -> Self:
        """What a job keeps of it."""
        return cls(line=line, value=value, sentence=sentence)


class NewImport(
    Schema,
    example={
        "noun": "tags",
        "text": "tag,label,driver\n04A2B3C4,red card,ada@example.org\n",
        "make_groups": True,
    },
):
    """A CSV file, and what is agreed to beforehand."""

    noun: Literal["tags", "drivers", "stations", "sites"] = needed("What its rows are.")
    text: Text = needed(
        "The file, with its heading; commas, semicolons or tabs.", min_length=1, max_length=LONGEST
    )
    timezone: Text = left_out("Of times without an offset: IANA name; UTC.", max_length=64)
    valid_only: Flag = left_out("Import the valid rows though others are not.")
    dry_run: Flag = left_out("Only say what would happen.")
    ignore_columns: Flag = left_out("Leave columns out that are not understood.")
    make_groups: Flag = left_out("Make the groups of tags that do not exist.")
    unblock: Flag = left_out("Unblock what is blocked here and active in the file.")
    site: Text = left_out("Of stations whose row names none: the name of a site.", max_length=200)


class NewExport(
    Schema,
    example={
        "noun": "sessions",
        "format": "xlsx",
        "since": "2026-10-01T00:00:00Z",
        "until": "2026-11-01T00:00:00Z",
        "timezone": "Europe/Berlin",
    },
):
    """Which list is written to a file, narrowed to what."""

    noun: Literal["sessions", "bills"] = needed("What its rows are.")
    format: Literal["csv", "xlsx"] = left_out("CSV if left out.")
    timezone: Text = left_out("The clock of its times: IANA name; UTC.", max_length=64)
    since: Instant = left_out("Sessions that began, or bills issued, from then on.")
    until: Instant = left_out("Before then.")
    site_id: RowId = left_out("At this site.")
    station_id: RowId = left_out("Sessions at this station.")
    driver_id: RowId = left_out("Of this driver.")
    tag_id: RowId = left_out("Sessions with this tag.")
