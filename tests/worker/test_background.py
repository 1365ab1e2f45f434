"""Background work of a worker ends when it is told."""

import gevent
import gevent.event

from worker.storage import StorageAway, end, for_ever


def test_work_whose_end_looks_like_a_database_that_is_away_ends_all_the_same():
    begun = []

    def ask():
        begun.append(1)
        try:
            gevent.event.Event().wait()
        except gevent.GreenletExit as killed:  # a rollback within a query
            raise StorageAway("another command is already in progress") from killed

    greenlet = gevent.spawn(for_ever, ask)
    gevent.idle()
    assert begun
    end(greenlet)
    assert greenlet.dead
