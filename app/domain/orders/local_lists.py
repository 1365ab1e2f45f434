"""Orders about the list of tags that a station knows by heart."""

from app.domain.orders.reading import Argument, Describe
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {}

LABELS: dict[Order, str] = {}

DESCRIBE: Describe = {}
