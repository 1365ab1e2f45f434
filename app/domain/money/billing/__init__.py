"""The money of charging sessions: one bill each, and what replaces it.

`settle_all` does whatever ended sessions are due; bills (the CDRs) are only ever
added, so a change is a credit and a correction.
"""

from app.domain.money.billing.assessment import (
    Assessment,
    assess,
    locked,
    other_ends,
    running_quote,
)
from app.domain.money.billing.chain import Fault, faults_of, verify
from app.domain.money.billing.corrections import (
    Difference,
    check_named,
    correct,
    correct_difference,
    correct_differences,
    recompute,
    refund,
)
from app.domain.money.billing.issue import issue_all, mark_slipped, provisional_until, unsettled
from app.domain.money.billing.ledger import standing
from app.domain.money.billing.settle import apply_late, difference, late_payments, settle_all
