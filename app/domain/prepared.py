"""What a preparation gives back (see `app.domain.preparations`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.vocabulary import Actor
from app.models import Station


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arguments as the dialects get them, and what the command is about."""

    arguments: dict[str, Any]
    subject: str | None = None
    session_id: int | None = None


Preparation = Callable[[Session, Actor, Station, dict[str, Any], datetime], Prepared]
