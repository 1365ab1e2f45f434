"""Fixtures of the tasks' tests."""

from tests.support.charging import any_app

__all__ = ["any_app"]
