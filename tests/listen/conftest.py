"""The browser that the tests of the page share; without one they are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from helpers.browser import REBOUND, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
        browser = driver.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def rate(browser: Any) -> int:
    """What the browser plays at: a file at that rate is not resampled on its way."""
    page = browser.new_page()
    found = page.evaluate("new AudioContext().sampleRate")
    page.close()
    return int(found)
