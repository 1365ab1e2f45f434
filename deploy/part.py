"""Become one part of Ampdesk: `python -m deploy.part NAME`, for containers and units of systemd.

`deploy.processes` says what the parts are; `migrate` brings the database up to date and ends, and
`healthy NAME` asks that part on this computer whether it is alive, as the exit status tells.
Settings come from the environment, as everywhere.
"""

import os
import sys
from pathlib import Path

from app.config import Settings, WrongSetting
from deploy.healthy import healthy

ROOT = Path(__file__).resolve().parent.parent


def command(name: str, settings: Settings) -> list[str]:
    """Return the command of a part; raises KeyError for a name that is none."""
    return parts(settings)[name]


def parts(settings: Settings) -> dict[str, list[str]]:
    """Return the commands of all parts by their names."""
    from deploy.processes import commands

    return {**commands(settings), "migrate": [sys.executable, "-m", "deploy.prepare"]}


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
        names = ", ".join([*parts(settings), "healthy NAME"])
        print(f"usage: python -m deploy.part NAME, which is one of {names}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    os.execv(program[0], program)


if __name__ == "__main__":
    sys.exit(main())
