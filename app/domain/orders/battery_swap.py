"""Orders about swapping batteries (2.1 block S)."""

from app.domain.orders.reading import Argument, Describe
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {}

LABELS: dict[Order, str] = {}

DESCRIBE: Describe = {}
