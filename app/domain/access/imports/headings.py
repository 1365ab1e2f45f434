"""What columns are called: by us, by other systems, in spreadsheets, in English and German.

Case, blanks, hyphens, underscores and accents make no difference.  A name that
can mean two things takes the first that no surer name has taken.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.schemas.network import NewSite

#: A meaning that nothing here has: such a column is not understood.
NOTHING = ""
#: A column that no import has business with: what our exports add, and passing states.
IDLE = "-"
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@dataclass(slots=True)
class Match:
    """Which field each column fills, by its place.

    `unknown` and `idle` are places, `twice` pairs of places that mean the same;
    `missing` is the field without which the file cannot be used.
    """

    fields: dict[int, str] = field(default_factory=dict)
    unknown: list[int] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)
    twice: list[tuple[int, int]] = field(default_factory=list)
    missing: str = ""

    @property
    def count(self) -> int:
        """How many columns are understood."""
        return len(self.fields) + len(self.idle)


class Vocabulary:
    """The columns of one kind of file; one of `needed` must be there, the usual one first."""

    def __init__(
        self,
        needed: Sequence[str],
        sure: Mapping[str, str],
        unsure: Mapping[str, Sequence[str]],
        idle: str = "",
    ) -> None:
        self.needed = needed
        self._meanings: dict[str, tuple[str, ...]] = {}
        for meaning, names in sure.items():
            self._learn(f"{meaning},{names}", (meaning,))
        for names, meanings in unsure.items():
            self._learn(names, (*meanings, NOTHING))
        self._learn(idle, (IDLE,))

    def _learn(self, names: str, meanings: tuple[str, ...]) -> None:
        for name in filter(None, names.split(",")):
            for form in (_form(name), _form(name.translate(_SPELLED))):
                self._meanings.setdefault(form, meanings)

    def match(self, names: Sequence[str]) -> Match:
        """Tell what each heading means."""
        found = Match()
        taken: dict[str, int] = {}
        meant = [(place, self._meanings.get(_form(name), (NOTHING,)))
                 for place, name in enumerate(names)]  # fmt: skip
        for place, meanings in sorted(meant, key=lambda one: len(one[1])):
            meaning = next((one for one in meanings if one not in taken), None)
            if meaning is None:
                found.twice.append((taken[meanings[0]], place))
            elif meaning == IDLE:
                found.idle.append(place)
            elif meaning == NOTHING:
                found.unknown.append(place)
            else:
                taken[meaning], found.fields[place] = place, meaning
        found.unknown.sort()
        if not any(name in taken for name in self.needed):
            found.missing = self.needed[0]
        return found


def _form(name: str) -> str:
    """The form in which headings are compared: letters and digits alone."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in parts if char.isalnum())


_EMAIL = "mail,email address,e-mail-adresse,mailadresse,mail address"
_LABELS = "name,note,notes,notiz,bemerkung,kommentar,comment,remark,description,beschreibung"
_WHO = "driver name,fahrer,fahrername,owner,inhaber,besitzer,user,user name,benutzer,nutzer"
_NOTES = "notes,notiz,notizen,bemerkung,bemerkungen,kommentar,comment,remark,beschreibung"
_ALSO_OURS = "id,pk,archived at,added,created at,updated at,last updated"

TAGS = Vocabulary(
    ("tag",),
    {
        "tag": "idtag,uid,rfid,token,tag id,token uid,token id,id token,rfid uid,rfid tag,rfid id,"
        "rfid nummer,rfid nr,rfid code,card uid,card id,karten uid,karten id,kartenkennung,"
        "chip id,chip uid,chipnummer,hex uid,uid hex,nfc,nfc id,nfc uid,rfid karte,value",
        "label": "bezeichnung,alias,kartenname,card name",
        "driver": _WHO + ",holder,card holder,karteninhaber,kunde,customer,mitarbeiter,employee",
        "email": _EMAIL + ",driver email,fahrer e-mail,user email,benutzer e-mail",
        "group": "gruppe,parentidtag,parent,parent token,parent id,group id,tag group,kartengruppe",
        "status": "state,zustand,kartenstatus,sperrstatus,card status,token status",
        "blocked": "is blocked,gesperrt,sperre,locked,disabled,deaktiviert,karte gesperrt",
        "valid": "is valid,active,is active,aktiv,enabled,aktiviert,freigegeben,gültig,whitelisted",
        "expires": "expires at,expiry,expiry date,expiration,expiration date,valid until,valid to,"
        "gültig bis,gültigkeit,ablauf,ablaufdatum,läuft ab,läuft ab am,befristet bis,"
        "expires on,valid thru,expiry date time,expiry datetime",
        "limit": "concurrent limit,max active transaction count,max sessions,sessions at once,"
        "gleichzeitige ladungen,gleichzeitige ladevorgänge,max active transactions,"
        "max number of active transactions",
        "sites": "site,standorte,standort,location,locations",
        "stations": "station,ladestationen,ladestation,charge points,charge point",
    },
    {
        "card,card number,card no,card nr,karte,kartennummer,karten nr,kartennr,ladekarte,"
        "ladekartennummer,visual number,printed number,aufgedruckte nummer": ("tag", "label"),
        "contract id,auth id,emaid,evco id,vertragsnummer,vertrags id": ("tag",),
        _LABELS: ("label",),
    },
    _ALSO_OURS
    + ",in transaction,tag pk,id tag pk,ocpp tag pk,user pk,last tap,active transaction count",
)

DRIVERS = Vocabulary(
    ("name", "last_name", "first_name"),
    {
        "name": _WHO + ",full name,display name,vollständiger name,kunde,customer,mitarbeiter,"
        "employee,driver,vor und nachname",
        "first_name": "vorname,given name,forename",
        "last_name": "nachname,surname,family name,familienname,zuname",
        "email": _EMAIL + ",driver email,user email",
        "language": "sprache,lang,locale,preferred language,receipts in,korrespondenzsprache",
        "tariff": "tarif,tariff name,tarifname,price plan",
        "note": _NOTES + ",description",
    },
    {},
    _ALSO_OURS + ",tags,sessions,user pk",
)

STATIONS = Vocabulary(
    ("identity",),
    {
        "identity": "charge box id,chargebox,charge box identity,charge point id,chargepoint,"
        "charge point identity,cpid,cp id,charging station id,station id,stations id,ocpp id,"
        "ocpp identity,ocpp kennung,kennung,ladepunkt id,ladestations id,wallbox id",
        "name": "bezeichnung,label,display name,stationsname,station name,alias",
        "site": "standort,location,ort,site name,place,lade standort",
        "connectors": "anschlüsse,number of connectors,connector count,plugs,number of plugs,"
        "ladepunkte,anzahl ladepunkte,anzahl anschlüsse,stecker anzahl",
        "plug_type": "plug,steckertyp,stecker,connector type,anschlusstyp,socket type",
        "max_power_w": "max power,maximum power w,leistung w,leistung in w,leistung in watt,watt,"
        "maximale leistung w",
        "max_power_kw": "power kw,leistung kw,leistung in kw,kw,maximum power kw,nennleistung kw,"
        "max leistung kw,maximale leistung kw,rated power kw",
        "power": "leistung,nennleistung,maximale leistung,max leistung,rated power,maximum power",
        "password": "passwort,kennwort,authorization key,auth key,basic auth password",
        "security_profile": "sicherheitsprofil,security,ocpp security profile",
        "mode": "modus,betriebsart",
        "registration": "zulassung,registration status",
        "validation": "prüfung,schema validation",
        "username_alias": "user name,username,benutzername,basic auth user",
        "tariff": "tarif,tariff name",
        "note": _NOTES,
    },
    {
        "station,ladestation,wallbox,charger,charging station,säule,ladesäule": (
            "identity",
            "name",
        ),
        "description": ("name", "note"),
    },
    _ALSO_OURS + ",online,last seen at,connected at,vendor,model,serial,firmware,protocol,power_w,"
    "deviations,ocpp protocol,last heartbeat,last heartbeat timestamp,charge box pk,"
    "endpoint address,charge point vendor,charge point model,charge point serial number,fw version,"
    "charge box serial number,hersteller,modell,seriennummer",
)

SITES = Vocabulary(
    ("name",),
    {
        **dict.fromkeys(NewSite.asked(), ""),
        "name": "standort,site,site name,bezeichnung,location,location name",
        "timezone": "zeitzone,time zone",
        "currency": "währung",
        "address": "adresse,anschrift",
        "latitude": "lat,breite,breitengrad",
        "longitude": "lon,lng,länge,längengrad",
        "supply_limit_kw": "supply limit,anschlussleistung kw",
        "tariff": "tarif,tariff name",
        "seller_name": "verkäufer",
        "seller_tax_number": "steuernummer",
    },
    {},
    _ALSO_OURS + ",stations,online",
)
