"""A real browser, and sound measured where it leaves the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.audio import Audio

REBOUND = "rebound.example"  # leads to this machine, as a stranger's name may

# Listens at the page's exit: what goes to the loudspeakers goes to an analyser, too.
EAR = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    window.ear = new AnalyserNode(this.context, { fftSize: 32768, channelCount: 2 });
    connect.call(this, window.ear);
  }
  return connect.call(this, target, ...rest);
};
const createSource = AudioContext.prototype.createMediaElementSource;
AudioContext.prototype.createMediaElementSource = function (element) {
  window.element = element;
  return createSource.call(this, element);
};
"""
HEARD = """() => {
  const samples = new Float32Array(32768);
  window.ear.getFloatTimeDomainData(samples);
  return Array.from(samples);
}"""


def chromium() -> str | None:
    """The path of a Chromium or Chrome that is installed; UNBRAID_TEST_CHROMIUM names another."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("UNBRAID_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def opened(browser: Any, url: str) -> Iterator[Any]:
    """A page in a browser's profile of its own, which must not complain."""
    context = browser.new_context()
    context.add_init_script(EAR)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(url)
    yield page
    context.close()
    # What the browser itself says of a status is none of the page's.
    assert [each for each in complaints if "Failed to load resource" not in each] == []


def separated(page: Any) -> None:
    page.get_by_text("Separated.").wait_for()


def heard(page: Any) -> Audio:
    """The last 32768 samples that left the page, its channels' mean."""
    page.wait_for_timeout(1200)
    return np.array(page.evaluate(HEARD), np.float32)


def misfit(heard: Audio, expected: Audio) -> float:
    """How much of what was heard is not in `expected`, wherever it lies in there: 0 nothing, 1 all of it."""
    mono = expected.mean(axis=0)
    size = 1 << (len(mono) + len(heard) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(mono, size) * np.conj(np.fft.rfft(heard, size)), size)
    lag = int(np.argmax(products[: len(mono) - len(heard)]))
    rest = heard - mono[lag : lag + len(heard)]
    return float((rest**2).sum() / (heard**2).sum())


def fader(page: Any, stem: str) -> Any:
    return page.get_by_role("slider", name=f"{stem} gain in dB")


def press_play(page: Any) -> None:
    page.get_by_role("button", name="Play", exact=True).click()
