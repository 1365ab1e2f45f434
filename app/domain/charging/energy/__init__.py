"""From what a meter said to watt-hours that may be billed.  Pure: no clock, no database.

`measure(facts)` gives the energy of a session with all it rests on; flags say
what was odd about it, and some of them hold the bill until a person has looked.
"""

from app.domain.charging.energy.facts import CurvePoint, EnergyFacts, EnergyFlag, EnergyResult
from app.domain.charging.energy.measure import measure
from app.domain.charging.energy.plausibility import (
    DEFAULT_MAX_POWER_W,
    digits_of,
    limit_wh,
    live_energy,
    since_start,
)
from app.domain.charging.energy.readings import (
    EXPORT,
    INTERVAL,
    LARGEST_WH,
    NET,
    POWER,
    REGISTER,
    Reading,
    at_outlet,
    billing_register,
    can_be_in,
    on_the_way,
    to_base_unit,
)
