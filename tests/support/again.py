"""Runs what failed beside others once more, by itself: `python -m tests.support.again`.

For `.ci/run` alone (docs/adr/failing-by-chance.md).  Exits with 0 when a few tests had
failed and all of them pass one after another with nothing beside; they are named, since each is a
fault to be mended.
"""

import json
import subprocess
import sys
from pathlib import Path

#: More than so many did not fail by chance.
A_FEW = 5
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """Run the tests that failed; return the exit status."""
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not 1 <= len(failed) <= A_FEW:
        print(f"== {len(failed)} tests failed: that is not chance, they are not run again")
        return 1
    print("== what failed beside others, once more and by itself", flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed])
    if again.returncode == 0:
        print("== FAILED BESIDE OTHERS, PASSED BY THEMSELVES; each is a fault to be mended:")
        print("\n".join(f"==   {name}" for name in failed))
    return again.returncode


if __name__ == "__main__":
    sys.exit(main())
