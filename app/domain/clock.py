"""Which time to believe: the charger's where it can be true, else when we received it."""

from datetime import datetime, timedelta

#: A charger may replay its offline queue this long after the fact.
OLDEST = timedelta(days=30)
#: A charger's clock may run ahead of ours by this much.
NEWEST = timedelta(minutes=5)


def believable(claimed: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """Return the instant to do business with, and whether it had to be replaced.

    A missing time is no doubt (the message came when it came); one that lies
    more than 30 days back or five minutes ahead is (FIELD T2).
    """
    if claimed is None:
        return received_at, False
    if received_at - OLDEST <= claimed <= received_at + NEWEST:
        return claimed, False
    return received_at, True
