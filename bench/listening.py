"""What `unbraid listen` asks of one's patience and memory: `python -m bench.listening --hours 1`. Linux, Chromium.

Prints the seconds from the command to the first sound of a file so long (the browser is running, and Play is pressed as
soon as it is there), the milliseconds from a fader's move to a level 20 dB down, and the memory of the page's process
(proportional set size) while the whole file is played. That goes at sixteen times its speed, Chromium's highest, or as
fast as it is separated. Chromium reads ahead sixteen times as much then: the file's own speed is measured after it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

SAMPLE_RATE = 48000
MOVES = 10
SPEED = 16

# Listens at the page's exit, and keeps hold of what plays.
EAR = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    window.ear = new AnalyserNode(this.context, { fftSize: 256 });
    connect.call(this, window.ear);
  }
  return connect.call(this, target, ...rest);
};
const createSource = AudioContext.prototype.createMediaElementSource;
AudioContext.prototype.createMediaElementSource = function (element) {
  window.element = element;
  return createSource.call(this, element);
};
window.level = () => {
  const samples = new Float32Array(256);
  if (!window.ear) return 0;
  window.ear.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / 256);
};
"""
SOUND = """async () => {
  while (window.level() < 1e-4) await new Promise((resolve) => setTimeout(resolve, 5));
}"""
MOVE = """async () => {
  const before = window.level();
  const began = performance.now();
  for (const fader of document.querySelectorAll('input[type="range"][aria-label$="gain in dB"]')) {
    fader.value = fader.min;
    fader.dispatchEvent(new Event('input', { bubbles: true }));
  }
  while (window.level() > before / 10) {
    if (performance.now() - began > 5000) throw new Error('the faders do nothing');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - began;
}"""
BACK = """() => {
  for (const fader of document.querySelectorAll('input[type="range"][aria-label$="gain in dB"]')) {
    fader.value = 0;
    fader.dispatchEvent(new Event('input', { bubbles: true }));
  }
}"""


def write_noise(path: Path, hours: float) -> None:
    """Noise, which is somewhere in the stems at any time."""
    minute = (0.1 * np.random.default_rng(1).standard_normal((60 * SAMPLE_RATE, 2))).astype(np.float32)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, "PCM_16") as file:
        for _ in range(round(60 * hours)):
            file.write(minute)


def renderer_megabytes() -> float:
    """Of the largest process below this one that shows a page: its proportional set size."""
    parents: dict[int, int] = {}
    sizes: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                line = next(each for each in (folder / "smaps_rollup").read_text().splitlines() if each[:4] == "Pss:")
                sizes[int(folder.name)] = float(line.split()[1]) / 1024
        except (OSError, StopIteration):  # it has ended meanwhile
            continue
    return max(size for process, size in sizes.items() if is_below(process, parents))


def is_below(process: int, parents: Mapping[int, int]) -> bool:
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


def play_to_the_end(page: Any) -> float:
    """The most memory that the page's process had meanwhile, in MB."""
    page.evaluate(f"Object.assign(window.element, {{ preservesPitch: false, playbackRate: {SPEED} }})")
    most = 0.0
    while not page.evaluate("window.element.ended"):
        most = max(most, renderer_megabytes())
        page.wait_for_timeout(1000)
    return most


def measure(page: Any, url: str, began: float) -> Iterator[tuple[str, float]]:
    page.goto(url)
    yield "seconds to the page", time.monotonic() - began
    play = page.get_by_role("button", name="Play", exact=True)
    play.wait_for()
    clicked = time.monotonic()
    play.click()
    page.evaluate(SOUND)
    heard = time.monotonic()
    yield "seconds from the click to the first sound", heard - clicked
    yield "seconds to the first sound", heard - began
    delays = []
    for _ in range(MOVES):
        page.wait_for_timeout(500)
        delays.append(page.evaluate(MOVE))
        page.evaluate(BACK)
    yield "milliseconds from a move to a tenth of the level", float(np.median(delays))
    yield "MB of memory of the page, at the beginning", renderer_megabytes()
    yield f"MB of memory of the page, at most at {SPEED} times its speed", play_to_the_end(page)
    yield "seconds to the end", time.monotonic() - began
    page.evaluate("Object.assign(window.element, { playbackRate: 1, currentTime: window.element.duration / 2 })")
    page.evaluate("window.element.play()")
    page.wait_for_timeout(20_000)
    yield "MB of memory of the page, after all was played, at its own speed", renderer_megabytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--model", default="dialogue")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        source = Path(folder, "noise.flac")
        write_noise(source, args.hours)
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page()
        page.add_init_script(EAR)
        began = time.monotonic()
        command = [sys.executable, "-m", "unbraid", "listen", "--no-browser", "--model", args.model, str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                for name, value in measure(page, process.stdout.readline().strip(), began):
                    print(f"{name}: {value:.3g}", flush=True)
            finally:
                process.terminate()
        browser.close()


if __name__ == "__main__":
    main()
