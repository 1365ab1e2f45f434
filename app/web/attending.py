"""What needs attention, as Home and the API tell it: found once in some seconds for all alike."""

from sqlalchemy.orm import Session

from app.process.clock import utc_now
from app.queries.ground.findings import Finding
from app.queries.office import attention, attention_devices
from app.web import kept, scope

#: Findings may be so old, in seconds, and those that are dear to make; a change is told at once.
KEPT_S, UNMEASURED_S = 5.0, 60.0
_TOPICS = " ".join(("home", "stations", "sessions", "bills", "handshakes"))


def findings(db: Session) -> list[Finding]:
    """What needs a person now, for the reach of an open database session, most pressing first.

    The rows that it names belong to no session: what is not loaded with them is not there.
    """
    reach = scope.of(db)
    assert reach is not None
    tenant_id = reach.tenant_id

    def unmeasured() -> list[Finding]:
        return attention_devices.unmeasured(db, tenant_id, utc_now())

    def find() -> list[Finding]:
        dear = kept.get(tenant_id, ("unmeasured", reach), UNMEASURED_S, unmeasured)
        # On the same connection, so that nobody waits for a second one.
        with Session(db.connection()) as own:
            scope.narrow(own, reach)
            return attention.findings(own, tenant_id=tenant_id, now=utc_now(), unmeasured=dear)

    return kept.get(tenant_id, ("findings", reach), KEPT_S, find, _TOPICS)
