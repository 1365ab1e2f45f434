"""Fixtures of domain tests that run on both databases."""

from tests.support.charging import any_app

__all__ = ["any_app"]
