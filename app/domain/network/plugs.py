"""The plugs of a station as people describe them, before the station has said a word."""

from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.models import Connector, Station

MOST = 100
#: What a plug may be; a station never says it over OCPP 1.6.
TYPES = ("Type 2", "Type 1", "CCS", "CHAdeMO", "NACS", "MCS", "Schuko", "GB/T AC", "GB/T DC")
_OTHERWISE = {
    "Type 2": "type2,typ 2,typ2,mennekes,iec 62196 type 2,iec_62196_t2,ctype2,stype2",
    "Type 1": "type1,typ 1,typ1,j1772,sae j1772,iec_62196_t1,ctype1",
    "CCS": "ccs2,ccs 2,ccs1,ccs 1,combo,combo 2,combo2,ccs combo 2,ccs (combo 2),ccs (typ 2),"
    "iec_62196_t2_combo,iec_62196_t1_combo,cccs1,cccs2",
    "Schuko": "schuko-steckdose,haushaltssteckdose,domestic_f",
    "CHAdeMO": "cg105",
}
_KINDS = {kind.casefold(): kind for kind in TYPES} | {
    name: kind for kind, names in _OTHERWISE.items() for name in names.split(",")
}


def kind(name: str) -> str:
    """The kind of plug that people and other systems call so; a name that is not known as it is."""
    return _KINDS.get(" ".join(name.split()).casefold(), name)


def of(station: Station) -> list[Connector]:
    """The station's plugs, without connector 0, which is the station itself."""
    return [connector for connector in station.connectors if connector.evse > 0]


def count(station: Station) -> int:
    """How many plugs are known."""
    return len(of(station))


def preset(db: Session, station: Station, number: int, plug_type: str | None) -> None:
    """Describe `number` plugs of one type and the station's power.

    Plugs beyond the number go, unless the station has reported them itself.
    """
    if not 0 <= number <= MOST:
        raise Invalid(f"A station has at most {MOST} connectors.", field="connectors")
    if plug_type and plug_type not in TYPES:
        raise Invalid("The plug is one of " + ", ".join(TYPES) + ".", field="plug_type")
    known = {plug.evse: plug for plug in of(station)}
    for evse in range(1, number + 1):
        if evse not in known:
            known[evse] = Connector(station_id=station.id, evse=evse, connector=1)
            db.add(known[evse])
        if plug_type:
            known[evse].plug_type = plug_type
        known[evse].max_power_w = station.max_power_w or known[evse].max_power_w
    for evse, plug in known.items():
        if evse > number and plug.status_at is None:
            db.delete(plug)
    db.flush()
    db.expire(station, ["connectors"])


def power(max_power_w: float | None) -> float | None:
    """Check a greatest power in watts; raises `Invalid`."""
    if max_power_w is not None and not 0 < max_power_w <= 10_000_000:
        raise Invalid("The greatest power is more than 0 and at most 10 MW.", field="max_power_w")
    return max_power_w
