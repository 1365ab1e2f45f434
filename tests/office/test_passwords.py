"""Passwords of staff cost whoever guesses them as much as the product means them to."""

import subprocess
import sys

import pytest

STORED = """
from app.domain.office import staff
stored = staff.stretched("correct horse battery")
print(stored.split("$")[0], staff._NOBODY.split("$")[0])
print(staff.fits(stored, "correct horse battery"), staff.fits(stored, "wrong"))
print(staff.fits(None, "correct horse battery"))
"""


@pytest.mark.landing
def test_a_password_is_stretched_with_32_mib_of_scrypt_for_a_stranger_too():
    # In a process of its own: in this one passwords are cheap.
    done = subprocess.run([sys.executable, "-c", STORED], capture_output=True, text=True)
    assert done.stdout.split() == ["scrypt:32768:8:1"] * 2 + ["True", "False", "False"]
