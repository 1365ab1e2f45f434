"""Two who edit a row in the same moment, on PostgreSQL: whoever comes second is told so."""

from datetime import UTC, datetime

import pytest

from app.domain.access import drivers
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, Actor
from app.domain.network import tenants
from app.domain.office import api_tokens, sent_forms, staff
from app.extensions import db as flask_db
from app.models import Driver
from app.uow import unit_of_work
from tests.api.client import Api
from tests.support.beside import beside

pytestmark = pytest.mark.postgres
NOW = datetime.now(UTC)
GRACE = {"email": "grace@example.org", "name": "Grace", "role": "admin"}


@pytest.fixture
def ada(postgres_app):
    with unit_of_work() as db:
        tenant = tenants.first(db, now=NOW)
        return drivers.add(db, SYSTEM, tenant.id, name="Ada", now=NOW)


def test_an_edit_with_if_match_beside_another_one_is_refused(postgres_app, ada):
    with unit_of_work() as db:
        person = staff.create(db, SYSTEM, tenant_id=ada.tenant_id, now=NOW, **GRACE)
        _, secret = api_tokens.issue(db, SYSTEM, person, name="test", now=NOW)
    api, one = Api(postgres_app, secret), f"/drivers/{ada.id}"
    api.get(one)
    read = {"If-Match": api.answer.headers["ETag"]}
    with unit_of_work() as db:
        drivers.edit(db, SYSTEM, db.get_one(Driver, ada.id), note="blue car", now=NOW)
        db.flush()
        status = beside(
            postgres_app,
            lambda: postgres_app.test_client().patch(
                f"/api/v1{one}", json={"note": "red car"},
                headers={"Authorization": f"Bearer {secret}", **read},
            ).status_code,
        )  # fmt: skip
    assert status() == 412
    assert flask_db.session.get(Driver, ada.id, populate_existing=True).note == "blue car"


def test_a_form_that_is_saved_beside_another_one_is_refused(postgres_app, ada):
    opened = sent_forms.newest_change(flask_db.session(), ada)

    def save():
        with unit_of_work() as db:
            row = db.get_one(Driver, ada.id)
            try:
                sent_forms.refuse_changed(db, row, opened)
            except Conflict as error:
                return error.sentence
            drivers.edit(db, SYSTEM, row, note="red car", now=NOW)
            return ""

    with unit_of_work() as db:
        row = db.get_one(Driver, ada.id)
        sent_forms.refuse_changed(db, row, opened)
        drivers.edit(db, Actor("Grace"), row, note="blue car", now=NOW)
        said = beside(postgres_app, save)
    assert said().startswith("Grace has changed this since you opened it.")
    assert flask_db.session.get(Driver, ada.id, populate_existing=True).note == "blue car"
