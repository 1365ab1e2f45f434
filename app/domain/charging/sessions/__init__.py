"""Charging sessions: begin, end, and what happens when the charger tells it otherwise.

Both operations are idempotent and keep what they cannot match: a charger whose
report is refused sends it again for ever, or throws it away (FIELD 1.6, 3.4).
"""

from app.domain.charging.sessions.begin import Begun, begin_all, lease_refs
from app.domain.charging.sessions.end import Stopping, end_all, keep_unnamed
from app.domain.charging.sessions.provisional import close_provisionally
from app.domain.charging.sessions.row import flag, remove_flag
from app.domain.charging.sessions.starts import Start, Starting
from app.domain.charging.sessions.stops import Stop, assign_stray, candidates
from app.domain.charging.sessions.take import Told, take_all
from app.domain.charging.sessions.transaction_events import TransactionReport
from app.domain.charging.sessions.unordered import Taken, take_readings
