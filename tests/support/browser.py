"""A real browser: Debian's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from deploy import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Other tests may keep the computer busy, and nothing that a browser is asked is about speed.
PATIENCE_MS = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # One process shows the pages of one window, at whichever port a desk is.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
]


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start the browser; skip, or fail where one is required, when there is none."""
    path = browser.find()
    if path is None:
        if browser.required():
            pytest.fail("A browser is required here (CI or AMPDESK_REQUIRE_BROWSER) and missing.")
        pytest.skip("NO BROWSER: install the package chromium; browser tests are skipped")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield started
        finally:
            started.close()
