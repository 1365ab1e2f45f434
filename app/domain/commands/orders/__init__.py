"""The orders: one record for each, with all that is true of it; no word of the wire is in here.

One file per noun lists the records of its orders, `catalogue` all of them.  What they are made of
(`spec`, `reading`, `shapes`) knows no noun.
"""

from app.domain.commands.orders.spec import SPECS, Prepared, Spec, arguments, describe, meant

__all__ = ["SPECS", "Prepared", "Spec", "arguments", "describe", "meant"]
