"""The token itself: whom it acts as, and how far it reaches."""

from sqlalchemy import select

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.models import ApiToken
from app.schemas.answers import read

noun = Noun("token", "Whom the token acts as.")

TOKEN = _rows.answer(
    "Token",
    "The token of this request. No `site_ids`: it reaches all sites.",
    ApiToken,
    without=("token_hash",),
    role=read(str, lambda row: row.user.role_name),
    user_name=read(str, lambda row: row.user.name),
    tenant_id=int,
    site_ids=read(list[int], lambda row: [site.id for site in row.user.sites]),
)


@noun.get("/token", "Read the token", answers={200: TOKEN})
def show(ask: Ask) -> object:
    """The token of this request; a way to see whether it works."""
    return ask.db.scalar(select(ApiToken).where(ApiToken.id == ask.caller.token_id))
