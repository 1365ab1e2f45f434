"""`flask simulate` is the simulator by another name."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_command_passes_its_options_on(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "simulate", "--help"],
        cwd=ROOT,
        env={"AMPDESK_DATA_DIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "--identity" in ran.stdout
    assert "--url" in ran.stdout
