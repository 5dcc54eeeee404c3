"""One file that is listened to: what of a long one is there before all of it is looked at."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import Audio, on_grid, soft_noise
from helpers.containers import flac_parts, written
from unbraid.files import reader
from unbraid.listen import track
from unbraid.listen.track import Track

RATE = 16000
SECONDS = 20
BEGINNING = 2


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The beginning of a minute is none for tests."""
    monkeypatch.setattr(track, "BEGINNING_SECONDS", float(BEGINNING))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nobody looks at all of a file until this is set."""
    gate = threading.Event()
    inspect = reader.inspect

    def late(*arguments: Any) -> Any:
        gate.wait()
        return inspect(*arguments)

    monkeypatch.setattr(reader, "inspect", late)
    yield gate
    gate.set()


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return on_grid(soft_noise(rng, 1, SECONDS * RATE))


@pytest.fixture
def path(tmp_path: Path, audio: Audio) -> Path:
    soundfile.write(tmp_path / "in.flac", audio.T, RATE, subtype="PCM_16")
    return tmp_path / "in.flac"


def opened(path: Path, model: unbraid.Model) -> Track:
    folder = path.parent / "track"
    folder.mkdir()
    return Track(path, model, folder)


def served(track: Track, start: int = 0, stop: int | None = None) -> bytes:
    """What a player gets of the audio's file; it waits for what is not there yet."""
    assert track.audio.total
    return b"".join(track.audio.blocks(start, track.audio.total if stop is None else stop))


def stems_in(content: bytes) -> Audio:
    return 2 * soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0].T


def separated(audio: Audio, model: unbraid.Model) -> Audio:
    return np.concatenate(list(unbraid.separate(audio, RATE, model).values()))


def test_the_first_seconds_come_before_all_is_looked_at(
    path: Path, audio: Audio, toy_model: unbraid.Model, gate: threading.Event
) -> None:
    track = opened(path, toy_model)
    track.start()
    first = round((BEGINNING - 0.5) * RATE) * 3 * 3  # three stems of 24 bits, without the model's latency
    assert len(served(track, 0, first)) == first
    assert track.state()["seconds"] == SECONDS
    assert not gate.is_set()
    gate.set()
    np.testing.assert_allclose(stems_in(served(track)), separated(audio, toy_model), atol=2**-23)
    assert (track.state()["warnings"], track.state()["error"]) == ([], "")
    track.stop()


def test_damage_after_the_beginning_is_told_and_silent(path: Path, audio: Audio, toy_model: unbraid.Model) -> None:
    blocks, frames = flac_parts(path.read_bytes())
    frames[40] = bytes(len(frames[40]))
    written(path, b"fLaC" + b"".join(blocks) + b"".join(frames))
    track = opened(path, toy_model)
    track.start()
    expected = audio.copy()
    expected[:, 40 * 4096 : 41 * 4096] = 0
    np.testing.assert_allclose(stems_in(served(track)), separated(expected, toy_model), atol=2**-23)
    (told,) = track.state()["warnings"]
    assert told == "4096 samples are missing or damaged at 10.240 s"
    track.stop()


def test_a_file_that_is_longer_than_it_says_is_told(path: Path, audio: Audio, toy_model: unbraid.Model) -> None:
    content = bytearray(path.read_bytes())
    stated = 12 * RATE
    content[8 + 14 : 8 + 18] = stated.to_bytes(4, "big")
    content[8 + 18 : 8 + 34] = bytes(16)
    track = opened(written(path, bytes(content)), toy_model)
    track.start()
    expected = separated(audio, toy_model)[:, :stated]
    np.testing.assert_allclose(stems_in(served(track)), expected, atol=2**-23)
    (told,) = track.state()["warnings"]
    assert told.startswith("goes on, though its header says that it ends")
    assert told.endswith("at 12.000 s")
    track.stop()


def test_a_file_that_changes_after_its_beginning_is_told(
    path: Path, toy_model: unbraid.Model, gate: threading.Event
) -> None:
    track = opened(path, toy_model)
    written(path, path.read_bytes() + bytes(9))
    gate.set()
    track.start()
    served(track)
    assert track.state()["error"] == "in.flac: has changed since it was opened; open it once more"
    track.stop()
