"""Make the virtual environment and install pinned packages, saying how far it is.

Run by the computer's own Python before anything is installed, so: standard library only.
Usage: python deploy/install.py ENVIRONMENT REQUIREMENTS
"""

import re
import subprocess
import sys
import time
from pathlib import Path

LINES_KEPT = 25


def main() -> int:
    """Return the process's exit code: 0 done, 1 the packages could not be installed, 2 no venv."""
    environment, requirements = Path(sys.argv[1]), Path(sys.argv[2])
    started = time.monotonic()
    if not (environment / "bin" / "python").exists():
        print(f"Making {environment} with Python {sys.version.split()[0]} ...", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(environment)], capture_output=True, text=True
        )
        if made.returncode != 0:
            print(made.stdout + made.stderr, file=sys.stderr)
            print(
                "Python's venv module could not make an environment. On Debian and Ubuntu:"
                " apt install python3-venv",
                file=sys.stderr,
            )
            return 2
    total = len(pinned(requirements))
    print(f"Installing {total} packages from {requirements} (once) ...", flush=True)
    code, last = install(environment, requirements, total)
    if code != 0:
        print("\n".join(last), file=sys.stderr)
        print("The packages could not be installed; pip's last lines are above.", file=sys.stderr)
        return 1
    print("  compiling ...", flush=True)
    # On all cores at once; pip would do it on one.  What cannot be compiled is compiled when used.
    subprocess.run(
        [str(environment / "bin" / "python"), "-m", "compileall", "-q", "-j0", environment / "lib"],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def pinned(requirements: Path) -> set[str]:
    """Return the names a requirements file pins, those of the files it includes among them."""
    names: set[str] = set()
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= pinned(requirements.parent / line[3:].strip())
        elif match := re.match(r"([A-Za-z0-9._-]+)(\[|==)", line):
            names.add(match[1].lower())
    return names


def install(environment: Path, requirements: Path, total: int) -> tuple[int, list[str]]:
    """Run pip; print a line for every tenth package.  Return pip's code and its last lines."""
    pip = subprocess.Popen(
        [
            str(environment / "bin" / "python"),
            *("-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
            *("--progress-bar", "off", "--no-compile", "--require-hashes"),
            *("-r", str(requirements)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert pip.stdout is not None
    last: list[str] = []
    seen = 0
    for line in pip.stdout:
        last = [*last[-LINES_KEPT:], line.rstrip()]
        if line.startswith(("Collecting ", "Processing ")) and " (from -r " in line:
            seen += 1
            if seen % 10 == 0:
                name = re.split(r"[-=]", line.split()[1].rsplit("/", 1)[-1])[0]
                print(f"  fetched {seen} of {total} ({name})", flush=True)
        elif line.startswith("Installing collected"):
            print("  unpacking ...", flush=True)
    return pip.wait(), last


if __name__ == "__main__":
    sys.exit(main())
