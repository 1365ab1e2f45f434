"""Make sure that the programs of the tests are there: Debian's Chromium and nginx.

They are installed when allowed.  Exit status 1 only where they are required (CI=true or
AMPDESK_REQUIRE_BROWSER=1) and cannot be had; elsewhere their tests are skipped, and this says so
loudly.
"""

import os
import shutil
import subprocess
import sys

#: Best first: the one without windows (a package of its own) does the same for half of a core.
CANDIDATES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for name in CANDIDATES if (path := shutil.which(name))), None)


def find_nginx() -> str | None:
    """Return the path of an installed nginx, or None; it is mostly where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def required() -> bool:
    """Tell whether a missing program is a failure here."""
    asked = os.environ.get("AMPDESK_REQUIRE_BROWSER", os.environ.get("CI", ""))
    return asked.strip().lower() in {"1", "true", "yes"}


def install() -> None:
    """Install Debian's package; does nothing where that is not possible."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("Installing Chromium and nginx for the tests (once) ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [
        *(() if find() else ("chromium", "fonts-liberation")),
        *(() if find_nginx() else ("nginx-light",)),
    ]
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print((done.stdout + done.stderr)[-2000:], file=sys.stderr)


def main() -> int:
    """Find or install the programs; return the exit status."""
    if not (find() and find_nginx()):
        install()
    missing = [
        name for name, path in (("chromium", find()), ("nginx", find_nginx())) if path is None
    ]
    if not missing:
        return 0
    print("*" * 78, file=sys.stderr)
    print(f"MISSING and not to be installed: {', '.join(missing)}.", file=sys.stderr)
    if required():
        print("They are required here, so the tests stop.", file=sys.stderr)
    else:
        print("Their tests will be SKIPPED. Install these packages.", file=sys.stderr)
    print("*" * 78, file=sys.stderr)
    return 1 if required() else 0


if __name__ == "__main__":
    sys.exit(main())
