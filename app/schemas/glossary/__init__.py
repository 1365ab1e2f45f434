"""What a member is, said once for all schemas that have it: its description and its example.

What a schema says itself comes first; then `Schema.member` stands here, then `member`.
"""

from typing import Any

from app.schemas.glossary import charging, office, stations
from app.schemas.glossary.examples import EXAMPLES

MEMBERS = {**stations.MEMBERS, **charging.MEMBERS, **office.MEMBERS}


def words(schema: str, member: str) -> str:
    """What a member is, or nothing."""
    return MEMBERS.get(f"{schema}.{member}") or MEMBERS.get(member, "")


def explain(schema: str, members: dict[str, Any]) -> None:
    """Give each member its words that has none of its own."""
    for name, member in members.items():
        if not member.get("description") and (said := words(schema, name)):
            member["description"] = said


def example(schema: str, member: str) -> Any:
    """A value of a member, or None."""
    return EXAMPLES.get(f"{schema}.{member}", EXAMPLES.get(member))
