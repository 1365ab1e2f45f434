"""What charging profiles may say in OCPP 2.1 beyond 2.0.1."""

from app.domain.limits.profile_documents import MODES, MORE_NUMBERS
from worker.dialects.v201 import charging_profile as v201

#: limit_l2 -> limit_L2, discharge_limit -> dischargeLimit, setpoint_reactive_l3 -> …Reactive_L3
RATES = {
    name: name.replace("_limit", "Limit")
    .replace("_reactive", "Reactive")
    .replace("_l2", "_L2")
    .replace("_l3", "_L3")
    for name in MORE_NUMBERS
}
OPERATION_MODES = {mode: mode.title().replace("_", "") for mode in MODES}

WORDS = v201.Words(
    "2.1",
    {**v201.WORDS.purposes, "priority": "PriorityCharging", "generation": "LocalGeneration"},
    {**v201.WORDS.kinds, "dynamic": ("Dynamic", None)},
    RATES,
    OPERATION_MODES,
)
