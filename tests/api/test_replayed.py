"""What programs read stays as it was: each answer to a GET was recorded, and is replayed.

Where an answer is meant to be another it is recorded anew: run this file with RECORD_ANSWERS=1,
and see by the difference who reads what.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.api.ground._endpoint import ENDPOINTS, File
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import SYSTEM, Actor, JobKind, Role
from app.domain.office import api_tokens, jobs
from app.domain.office.rights import BUILT_IN
from app.domain.office.sign_ins import digest
from app.models import ApiToken, Review
from app.process import clock
from tests.api.client import Api
from tests.security import town
from tests.security.walk import WORDS

#: What time it is all the while.
NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
RECORDED = Path(__file__).parents[1] / "fixtures/answers.jsonl"
#: What tells of the installation, which is another in each test.
INSTALLATION = {"/settings", "/system"}
#: The API calls these parameters otherwise than the desk.
IDS = {"order_id": "command_id"}


@pytest.fixture
def answers(app, db, monkeypatch):
    """Each address of an answer in JSON that is not the document itself, and the answer."""
    monkeypatch.setattr(clock.SHARED, "now", lambda: NOW)
    side = town.network(db, NOW)
    for token in db.query(ApiToken).filter_by(tenant_id=side.tenant_id):
        token.token_hash, token.last_used_at = digest("amp_replayed"), NOW
    given = {"tenant_id": side.tenant_id, "now": NOW}
    theirs = db.scalar(select(ApiToken.user_id).where(ApiToken.tenant_id == side.tenant_id))
    machine = api_tokens.add_machine(
        *(db, SYSTEM), name="Billing", owner_id=theirs, role="viewer", **given
    )
    actor = Actor("Ada", user_id=theirs, rights=BUILT_IN[Role.ADMIN])
    job = jobs.ask(db, actor, JobKind.EXPORT_SESSIONS, arguments={"format": "csv"}, **given)
    db.commit()
    special = {
        "/jobs/{job_id}": job.id,
        "/machines/{user_id}": machine.id,
        "/reports/{kind}": "energy",
        "/sessions/{session_id}/review": db.scalar(select(func.max(Review.session_id))),
    }
    api = Api(app, "amp_replayed")
    return {address: api.get(address) for address in addresses(side.ids, special)}


def addresses(ids, special):
    words = {name: values[0] for name, values in WORDS.items()} | {"version": 7, "connector": 1}
    words |= {name: ids[known] for name, known in IDS.items()} | ids
    for one in ENDPOINTS:
        answer = one.answers.get(200)
        if one.method != "GET" or one.path in INSTALLATION:
            continue
        if answer is not None and not isinstance(answer, File):
            narrow = "?limit=2" if isinstance(answer, Pages) else ""
            own = dict.fromkeys(words, special[one.path]) if one.path in special else words
            yield one.path.format_map(own) + narrow


def test_every_answer_is_as_it_was_recorded(answers):
    lines = [json.dumps([address, answers[address]], sort_keys=True) for address in sorted(answers)]
    if os.environ.get("RECORD_ANSWERS") == "1":
        RECORDED.write_text("\n".join(lines) + "\n")
    assert lines == RECORDED.read_text().splitlines()
