"""Check settings and database, nothing else: exit status 0 when a server may start, 2 when not."""

import sys

from app import extensions
from app.config import Settings, WrongSetting


def main() -> int:
    """Return the exit status for the shell."""
    try:
        settings = Settings.from_environment()
    except WrongSetting as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    extensions.check_or_exit(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
