"""What a charging session costs.  Pure: no clock, no database."""

from app.domain.tariffs.quote import Evidence, Interval, Line, Phrase, Quote, TaxTotal, Usage
from app.domain.tariffs.tariff import Component, Kind, Restriction, Tariff, TaxMode

__all__ = [
    "Component",
    "Evidence",
    "Interval",
    "Kind",
    "Line",
    "Phrase",
    "Quote",
    "Restriction",
    "Tariff",
    "TaxMode",
    "TaxTotal",
    "Usage",
]
