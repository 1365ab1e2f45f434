"""Ampdesk's business and its desk: everything that is shared between the processes.

Importing this package loads no Flask: the worker's pure parts and the tests
of the domain start in milliseconds.  `create_app` loads the rest on demand.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__version__ = "0.1.0"


def create_app(**overrides: Any) -> "Flask":
    """Build the Flask application; see `app.factory.create_app`."""
    from app.factory import create_app as build

    return build(**overrides)
