"""VAT numbers: whether one has the form and the check digit of its country (2.1 C18.FR.09)."""

import re
from dataclasses import dataclass

from stdnum.util import get_cc_module

#: Prefixes of VAT numbers that are no code of a country by themselves: Greece, Northern Ireland.
_COUNTRIES = {"EL": "GR", "XI": "GB"}
#: What people write between the parts of a number.
_BETWEEN = re.compile(r"[\s.\-/]")
_PREFIX = re.compile(r"[A-Z]{2}")
LONGEST = 20


@dataclass(frozen=True, slots=True)
class VatNumber:
    """A number in its compact form, with the prefix of its country."""

    prefix: str
    text: str

    @property
    def number(self) -> str:
        """It without the prefix, as a register is asked for it."""
        return self.text.removeprefix(self.prefix)


def read(text: str) -> VatNumber | None:
    """Read a VAT number; None where it is none of the country that its prefix names."""
    compact = _BETWEEN.sub("", text).upper()
    prefix = compact[:2]
    if len(compact) > LONGEST or not _PREFIX.fullmatch(prefix):
        return None
    rules = get_cc_module(_COUNTRIES.get(prefix, prefix).lower(), "vat")
    if rules is None:
        return None
    # Some countries' rules want the prefix, some do without it.
    fits = any(rules.is_valid(form) for form in (compact, compact.removeprefix(prefix)))
    return VatNumber(prefix, compact) if fits else None
