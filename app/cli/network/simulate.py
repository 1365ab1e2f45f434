"""`flask simulate`: chargers in software against any URL.

The simulator is a program of its own (`python -m worker.simulator`), because
the business knows no worker; this is its name among the other commands.
"""

import os
import sys

import click


@click.command(
    "simulate",
    help="Run simulated chargers against a worker; --help lists the simulator's own options.",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def group(arguments: tuple[str, ...]) -> None:
    """Become the simulator: Ctrl-C and the exit status are its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "worker.simulator", *arguments])
