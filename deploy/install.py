"""Make the virtual environment and install pinned packages, saying how far it is.

Run by the computer's own Python before anything is installed, so: standard library only.
Usage: python deploy/install.py ENVIRONMENT REQUIREMENTS
"""

import subprocess
import sys
import time
from pathlib import Path

INSTALLER = Path(__file__).with_name("requirements-install.txt")
# What starts with every part is compiled at once, on all cores; other packages when first used.
COMPILED = Path(__file__).parents[1] / "requirements.txt"


def main() -> int:
    """Return the process's exit code: 0 done, 1 the packages could not be installed, 2 no venv."""
    environment, requirements = Path(sys.argv[1]), Path(sys.argv[2])
    started = time.monotonic()
    python = environment / "bin" / "python"
    if not python.exists():
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
    print(f"Installing the packages of {requirements} (once) ...", flush=True)
    if not by_uv(python, requirements):
        print("uv could not install them; trying pip ...", flush=True)
        if not by_pip(python, requirements):
            print("The packages could not be installed; pip says above why.", file=sys.stderr)
            return 1
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def by_uv(python: Path, requirements: Path) -> bool:
    """Tell whether uv installed them: in a fifth of pip's time, but by no setting of pip's."""
    if not by_pip(python, INSTALLER, "-qq", "--only-binary", ":all:"):
        return False
    uv = [str(python.with_name("uv")), "pip", "install", "--python", str(python)]
    # A person watches how far it is; a log needs no list of packages.
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    for packages, *compiled in ((COMPILED, "--compile-bytecode"), (requirements,)):
        options = [*quiet, *compiled, "--require-hashes", "-r", str(packages)]
        try:
            if subprocess.run([*uv, *options], stdin=subprocess.DEVNULL).returncode != 0:
                return False
        except OSError:  # on a disk from which nothing is run, or of another system
            return False
    return True


def by_pip(python: Path, requirements: Path, *options: str) -> bool:
    """Tell whether pip installed them: from wherever its settings say."""
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    packages = [*options, "--require-hashes", "-r", str(requirements)]
    return subprocess.run([*pip, *packages], stdin=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
