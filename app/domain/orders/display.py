"""Orders about the texts on a station's display."""

from app.domain.orders.reading import Argument, Describe
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {}

LABELS: dict[Order, str] = {}

DESCRIBE: Describe = {}
