"""What the desk shows to a browser in this process, and Grace, who may sign in there."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import tenants
from app.domain.office import staff
from app.models import User
from tests.support import seed

PASSWORD = "correct horse battery"


def page(client: Any, address: str, status: int = 200) -> str:
    """The text of a page."""
    answer = client.get(address)
    assert answer.status_code == status, address
    return str(answer.text)


@pytest.fixture
def desk(app: Any, made: seed.Seeded) -> dict[str, Any]:
    """Browsers by the role of who is signed in."""
    return {role: seed.signed_in(app, user) for role, user in made.people.items()}


@pytest.fixture
def grace(db: Session, now: datetime) -> User:
    """An admin who has a password."""
    person = {"email": "grace@example.org", "name": "Grace Hopper", "role": "admin"}
    tenant = tenants.first(db, now=now)
    user = staff.create(db, SYSTEM, tenant_id=tenant.id, password=PASSWORD, now=now, **person)
    db.commit()
    return user
