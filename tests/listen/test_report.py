"""The page in one file: `unbraid report`, and the player for notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, on_grid, soft_noise, write
from helpers.browser import fader, heard, misfit, opened, press_play
from helpers.shell import Shell
from unbraid.listen.report import bundle

RATE = 44100


def dark_noise(channels: int, samples: int) -> Audio:
    """Below 1.5 kHz, where the encoder has bits to spend."""
    spectrum = np.fft.rfft(soft_noise(np.random.default_rng(5), channels, samples))
    spectrum[:, int(1500 / RATE * samples) :] = 0
    return np.fft.irfft(spectrum, samples).astype(np.float32)


def test_report(shell: Shell) -> None:
    write(shell.folder / "talk.wav", on_grid(dark_noise(2, 2 * RATE)), RATE)
    done = shell.run("report", "talk.wav", "--model", "toy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "talk.html\n", "")
    page = (shell.folder / "talk.html").read_text()
    linked = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert linked
    assert all(address.startswith("data:") for address in linked)
    assert shell.fails(1, "report", "talk.wav", "--model", "toy").startswith("talk.wav: talk.html: exists already")
    assert shell.fails(1, "report", "talk.wav", "-o", "talk.pdf") == "talk.wav: talk.pdf: a report must end in .html"
    assert shell.fails(1, "report", "none.wav") == "none.wav: No such file or directory"
    assert shell.files() == ["talk.html", "talk.wav"]


def test_the_bundle_names_nothing_twice() -> None:
    text = bundle("report.js")
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:const|let|class|function) ([\w$]+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert {"Desk", "Player", "Mixer", "main"} <= set(names)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])  # three and six of them in the file
def test_a_report_plays(browser: Any, tmp_path: Path, toy_model_path: Path, rate: int, channels: int) -> None:
    if rate != RATE:
        pytest.skip(f"the browser plays at {rate} Hz")
    mixture = on_grid(dark_noise(channels, 12 * RATE))
    write(tmp_path / "talk.wav", mixture, RATE)
    done = Shell(tmp_path, toy_model_path.parent).run("report", "talk.wav", "--model", "toy")
    assert done.returncode == 0
    stems = unbraid.separate(mixture, RATE, unbraid.load_model(toy_model_path))
    for page in opened(browser, (tmp_path / "talk.html").as_uri()):
        requests: list[str] = []
        page.on("request", lambda request, asked=requests: asked.append(request.url))
        press_play(page)
        assert misfit(heard(page), mixture) < 0.05
        for index, (name, stem) in enumerate(stems.items()):
            page.keyboard.press(str(index + 1))
            fader(page, name).fill("6")
            page.get_by_role("slider", name="Position").fill("0")
            assert misfit(heard(page), 10 ** (6 / 20) * stem) < 0.1
            page.keyboard.press(str(index + 1))
        assert all(url.startswith(("blob:", "file:")) for url in requests)


@pytest.mark.slow
def test_a_player_plays_in_a_notebook_s_frame(browser: Any, tmp_path: Path, rate: int) -> None:
    if rate != RATE:
        pytest.skip(f"the browser plays at {rate} Hz")
    audio = dark_noise(2, 8 * RATE)
    stems = {"</script><b>one": audio[:1], '"two"': audio[1:]}
    shown = unbraid.player(stems, RATE)
    (tmp_path / "notebook.html").write_text(f"<!doctype html><p>cell</p>{shown._repr_html_()}")
    for page in opened(browser, (tmp_path / "notebook.html").as_uri()):
        frame = page.frame_locator("iframe")
        frame.get_by_role("button", name="Solo </script><b>one").click()
        frame.get_by_role("button", name="Play", exact=True).click()
        assert misfit(heard(page.frames[1]), audio[:1]) < 0.1
    saved = shown.save(tmp_path / "saved.html")
    with pytest.raises(FileExistsError):
        shown.save(saved)


@pytest.mark.parametrize(
    ("stems", "error"),
    [
        ({}, TypeError),
        (np.zeros((3, 2, 100), np.float32), TypeError),
        ({"a": np.zeros(100, np.int16)}, TypeError),
        ({"a": np.zeros(100, np.float32), "b": np.zeros(99, np.float32)}, ValueError),
        ({"a": np.full(100, np.nan, np.float32)}, ValueError),
        ({"a": np.zeros((2, 0), np.float32)}, ValueError),
        ({str(index): np.zeros(100, np.float32) for index in range(9)}, ValueError),
    ],
)
def test_what_no_player_can_play(stems: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        unbraid.player(stems, 48000)


@pytest.mark.parametrize("shape", [(4800,), (1, 4800), (6, 4800), (2, 7)])
def test_players_of_any_shape(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    page = unbraid.player({"a": soft_noise(rng, *shape), "b": soft_noise(rng, *shape)}, 48000)._repr_html_()
    assert page.startswith("<iframe")
