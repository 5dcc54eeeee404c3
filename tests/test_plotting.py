"""Figures of a separation."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, soft_noise, write
from helpers.shell import Shell
from unbraid.listen.analysis import NUM_BANDS
from unbraid.plotting import mel_place

RATE = 16000


def sine(hertz: float, seconds: float = 12.0) -> Audio:
    """In the first half of the time."""
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time) * (time < seconds / 2)).astype(np.float32)


def test_each_stem_is_where_it_sounds() -> None:
    pytest.importorskip("matplotlib")
    low, high = sine(500), sine(4000)[::-1]
    figure = unbraid.plot({"low": low, "high": high}, RATE)
    titled = {axis.get_title(loc="left"): axis for axis in figure.axes if axis.get_title(loc="left")}
    assert list(titled) == ["mixture", "low", "mask of low", "high", "mask of high"]
    edges = (40.0, RATE / 2)
    bands = {"low": int(mel_place(500, edges)), "high": int(mel_place(4000, edges))}
    image = {name: np.asarray(axis.images[0].get_array()) for name, axis in titled.items()}
    frames = image["mixture"].shape[1]
    halves = {"low": slice(5, frames // 2 - 5), "high": slice(frames // 2 + 5, frames - 5)}
    for name in ("low", "high"):
        assert image["mixture"].shape[0] == NUM_BANDS
        place = (bands[name], halves[name])
        assert image[name][place].min() > -16  # half of full scale is -6 dB, less what a band's edges cut off
        assert image[f"mask of {name}"][place].min() > 0.99
        np.testing.assert_allclose(image["mixture"][place], image[name][place], atol=0.2)
    assert image["low"][bands["high"]].max() < -50
    np.testing.assert_allclose(image["mask of low"] + image["mask of high"], 1, atol=1e-9)


@pytest.mark.parametrize("shape", [(5000,), (2, 30000)])
def test_any_shape_and_no_masks(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    pytest.importorskip("matplotlib")
    stems = {str(index): soft_noise(rng, *shape) for index in range(9)}
    figure = unbraid.plot(stems, 44100, masks=False)
    assert len([axis for axis in figure.axes if axis.get_title(loc="left")]) == 10


def test_without_matplotlib_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None; import numpy as np, unbraid\n"
        "try: unbraid.plot({'a': np.zeros(4800, 'f4')}, 48000)\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "plots need matplotlib: pip install 'unbraid[plot]'\n"


def read_png(path: Path) -> Any:
    matplotlib_image = pytest.importorskip("matplotlib.image")
    return matplotlib_image.imread(path)


def as_png(figure: Any) -> Any:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return read_png(file)


@pytest.mark.parametrize("threads", [1, 2])
def test_separate_writes_the_figure_beside_the_stems(
    shell: Shell, rng: np.random.Generator, toy_model: unbraid.Model, threads: int
) -> None:
    """The same picture as of the stems, all of them, whichever were asked for."""
    pytest.importorskip("matplotlib")
    audio = soft_noise(rng, 2, 12 * RATE + 77)
    write(shell.folder / "talk.wav", audio, RATE, 32)
    words = ("separate", "talk.wav", "--model", "toy", "--plot", "--stems", "music", "--threads", str(threads))
    done = shell.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["stems/talk/music.wav", "stems/talk/stems.png"]
    assert shell.files() == ["stems/talk/music.wav", "stems/talk/stems.png", "talk.wav"]
    expected = unbraid.plot(unbraid.separate(audio, RATE, toy_model), RATE)
    np.testing.assert_array_equal(read_png(shell.folder / "stems/talk/stems.png"), as_png(expected))
    (shell.folder / "stems/talk/music.wav").unlink()
    assert "stems.png: exists already" in shell.fails(1, *words)
    assert shell.files() == ["stems/talk/stems.png", "talk.wav"]
    assert shell.run(*words, "--force").returncode == 0


@pytest.mark.parametrize("seconds", [0, 0.01, 90])
def test_of_any_length_even_unknown(shell: Shell, rng: np.random.Generator, seconds: float) -> None:
    pytest.importorskip("matplotlib")
    path = write(shell.folder / "talk.wav", soft_noise(rng, 1, int(seconds * RATE)), RATE)
    arguments = ("separate", "-", "--model", "toy", "--plot", "--stems", "music")
    with path.open("rb") as file:
        done = shell.run(*arguments, prepare=lambda: os.dup2(file.fileno(), 0))
    assert (done.returncode, done.stderr) == (0, "")
    picture = read_png(shell.folder / "stems/stdin/stems.png")
    done = shell.run("separate", "talk.wav", "--model", "toy", "--plot", "--stems", "music")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(read_png(shell.folder / "stems/talk/stems.png"), picture)


def test_beside_a_file_of_several_tracks(shell: Shell, rng: np.random.Generator) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("av")
    write(shell.folder / "talk.wav", soft_noise(rng, 1, RATE), RATE)
    done = shell.run("separate", "talk.wav", "--model", "toy", "--plot", "--multitrack", "all.mka")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell.files() == ["all.mka", "all.png", "talk.wav"]


def test_a_failure_leaves_no_picture(shell: Shell, rng: np.random.Generator) -> None:
    pytest.importorskip("matplotlib")
    path = write(shell.folder / "talk.flac", soft_noise(rng, 1, 4 * RATE), RATE)
    path.write_bytes(path.read_bytes()[:-4000])
    assert "talk.flac" in shell.fails(1, "separate", "talk.flac", "--model", "toy", "--plot")
    assert shell.files() == ["talk.flac"]


def test_the_command_says_what_to_install(shell: Shell) -> None:
    (shell.folder / "matplotlib").mkdir()
    (shell.folder / "matplotlib" / "__init__.py").write_text("raise ImportError")
    shell.environment["PYTHONPATH"] = str(shell.folder)
    said = shell.fails(2, "separate", "talk.wav", "--model", "toy", "--plot")
    assert said == "Invalid value for '--plot': plots need matplotlib: pip install 'unbraid[plot]'"
