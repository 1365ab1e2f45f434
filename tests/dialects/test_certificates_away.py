"""What asks for a certificate while the database is away hears no, in its message's own words."""

from datetime import UTC, datetime

import pytest

from tests.support import examples
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.ocpp import schemas
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

ASKED = [
    (Version.V201, "Get15118EVCertificate"),
    (Version.V201, "GetCertificateStatus"),
    (Version.V21, "Get15118EVCertificate"),
    (Version.V21, "GetCertificateStatus"),
    (Version.V21, "GetCertificateChainStatus"),
]


@pytest.mark.parametrize(("version", "action"), ASKED)
def test_it_is_answered_as_failed(version, action):
    route = DIALECTS[version].routes[action]
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    context = Context(None, None, 7, "UTC", {}, now)
    answer = route.without_storage(Fields(examples.most(version, action)), context)
    assert schemas.violation(version, action, "result", answer) is None
    told = answer.get("certificateStatus") or [answer]
    assert {one["status"] for one in told} == {"Failed"}
    assert not route.spooled
