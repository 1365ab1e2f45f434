"""Make sure that a browser for the tests is there: Debian's Chromium, installed when allowed.

Exit status 1 only where a browser is required (CI=true or AMPDESK_REQUIRE_BROWSER=1) and none can
be had; elsewhere the browser tests are skipped, and this says so loudly.
"""

import os
import shutil
import subprocess
import sys

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for name in CANDIDATES if (path := shutil.which(name))), None)


def required() -> bool:
    """Tell whether a missing browser is a failure here."""
    asked = os.environ.get("AMPDESK_REQUIRE_BROWSER", os.environ.get("CI", ""))
    return asked.strip().lower() in {"1", "true", "yes"}


def install() -> None:
    """Install Debian's package; does nothing where that is not possible."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("Installing Chromium for the browser tests (once) ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "fonts-liberation"]
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print((done.stdout + done.stderr)[-2000:], file=sys.stderr)


def main() -> int:
    """Find or install the browser; return the exit status."""
    if find():
        return 0
    install()
    if find():
        return 0
    print("*" * 78, file=sys.stderr)
    print("NO BROWSER: Chromium is missing and could not be installed.", file=sys.stderr)
    if required():
        print("It is required here, so the tests stop.", file=sys.stderr)
    else:
        print("The browser tests will be SKIPPED. Install the package chromium.", file=sys.stderr)
    print("*" * 78, file=sys.stderr)
    return 1 if required() else 0


if __name__ == "__main__":
    sys.exit(main())
