"""The money of charging sessions: one bill each, and what replaces it.

`settle` does whatever an ended session is due; bills (the CDRs) are only ever
added, so a change is a credit and a correction.
"""

from app.domain.money.billing.assessment import Assessment, assess, locked, running_quote
from app.domain.money.billing.backlog import mark_slipped, unsettled
from app.domain.money.billing.contradictions import other_ends
from app.domain.money.billing.corrections import check_named, correct, refund
from app.domain.money.billing.issue import issue, provisional_until
from app.domain.money.billing.late import apply_late, difference, late_payments
from app.domain.money.billing.recount import Difference, correct_difference, recompute
from app.domain.money.billing.rows import standing
from app.domain.money.billing.settle import settle, settle_all
from app.domain.money.billing.usage import Measured, usage_of
from app.domain.money.billing.verify import Fault, faults_of, verify

__all__ = [
    "Assessment",
    "Difference",
    "Fault",
    "Measured",
    "apply_late",
    "assess",
    "check_named",
    "correct",
    "correct_difference",
    "difference",
    "faults_of",
    "issue",
    "late_payments",
    "locked",
    "mark_slipped",
    "other_ends",
    "provisional_until",
    "recompute",
    "refund",
    "running_quote",
    "settle",
    "settle_all",
    "standing",
    "unsettled",
    "usage_of",
    "verify",
]
