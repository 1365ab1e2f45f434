"""Check settings and database, which is waited for, and nothing else.

Exit status 0 when a server may start, 2 when not.
"""

import sys

from app.config import Settings, WrongSetting
from app.process import revisions


def main() -> int:
    """Return the exit status for the shell."""
    try:
        settings = Settings.from_environment()
    except WrongSetting as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    revisions.fit_or_exit(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
