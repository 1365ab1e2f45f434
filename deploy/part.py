"""Become one part of Ampdesk: `python -m deploy.part NAME`, for containers and units of systemd.

`deploy.processes` says what the parts are; `migrate` brings the database up to date and ends, and
`healthy web` or `healthy worker` asks that part on this computer whether it is alive, as the exit
status tells.  Settings come from the environment, as everywhere.
"""

import os
import sys
import urllib.request
from collections.abc import Mapping

from app.config import Settings, WrongSetting
from deploy.processes import ROOT, commands, reachable

#: How long a part that is asked for its health may take to answer, in seconds.
PATIENCE_S = 4.0


def command(name: str, settings: Settings) -> list[str]:
    """Return the command of a part; raises KeyError for a name that is none."""
    parts: Mapping[str, list[str]] = {
        **commands(settings),
        "migrate": [sys.executable, "-m", "deploy.prepare"],
    }
    return parts[name]


def healthy(name: str, settings: Settings) -> bool:
    """Tell whether the desk or the worker of this computer answers that it is alive.

    Raises KeyError for a part that has no port.
    """
    host, port = {
        "web": (settings.web_host, settings.web_port),
        "worker": (settings.ocpp_host, settings.ocpp_port),
    }[name]
    try:
        address = f"http://{reachable(host)}:{port}/healthz"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> int:
    """Become the part that is named; return only when that cannot be."""
    os.environ.setdefault("AMPDESK_DATA_DIR", str(ROOT / "var"))
    try:
        settings = Settings.from_environment()
        if sys.argv[1:2] == ["healthy"]:
            return 0 if healthy(*sys.argv[2:3], settings) else 1
        program = command(*sys.argv[1:], settings)
    except WrongSetting as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    except (KeyError, TypeError):
        names = ", ".join([*commands(settings), "migrate", "healthy web", "healthy worker"])
        print(f"usage: python -m deploy.part NAME, which is one of {names}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    os.execv(program[0], program)


if __name__ == "__main__":
    sys.exit(main())
