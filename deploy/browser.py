"""Make sure that the programs of the tests are there: Debian's Chromium, nginx and promtool.

They are installed when allowed.  Exit status 1 only where they are required (CI=true or
AMPDESK_REQUIRE_BROWSER=1) and cannot be had; elsewhere their tests are skipped, and this says so
loudly.  Run by the computer's own Python, beside the installation of packages: standard library
only.
"""

import os
import shutil
import subprocess
import sys

#: The one without windows, a package of its own: it does the same for half of a core.
HEADLESS = "chromium-headless-shell"
#: Best first.
CANDIDATES = (
    *(HEADLESS, "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)
#: Where only root looks.
NGINX_ELSEWHERE = "/usr/sbin:/usr/local/sbin"


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for name in CANDIDATES if (path := shutil.which(name))), None)


def find_nginx() -> str | None:
    """Return the path of an installed nginx, or None."""
    return shutil.which("nginx") or shutil.which("nginx", path=NGINX_ELSEWHERE)


def required() -> bool:
    """Tell whether a missing program is a failure here."""
    asked = os.environ.get("AMPDESK_REQUIRE_BROWSER", os.environ.get("CI", ""))
    return asked.strip().lower() in {"1", "true", "yes"}


def wanted() -> list[str]:
    """Return the packages to install: what is missing, and where tests must run the best browser.

    Somebody's own computer is not given a second browser, nor a Prometheus that starts by itself.
    """
    found = find()
    better = required() and "CHROMIUM" not in os.environ and not shutil.which(HEADLESS)
    return [
        *((HEADLESS,) if better or not found else ()),
        *(() if found else ("fonts-liberation",)),
        *(() if find_nginx() else ("nginx-light",)),
        *(("prometheus",) if required() and not shutil.which("promtool") else ()),
    ]


def install(packages: list[str]) -> None:
    """Install Debian's packages; does nothing where that is not possible."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"Installing {', '.join(packages)} for the tests (once) ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # One by one: where one is not known, the others are installed.
    installs = [["install", "-y", "--no-install-recommends", package] for package in packages]
    for arguments in (["update"], *installs):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print((done.stdout + done.stderr)[-2000:], file=sys.stderr)


def main() -> int:
    """Find or install the programs; return the exit status."""
    if packages := wanted():
        install(packages)
    if HEADLESS in packages and not find():
        install(["chromium"])
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
