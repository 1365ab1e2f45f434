"""Orders about the tariffs that a 2.1 station knows itself."""

from app.domain.orders.reading import Argument, Describe
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {}

LABELS: dict[Order, str] = {}

DESCRIBE: Describe = {}
