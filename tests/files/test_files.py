"""Whole files: what comes out, and that nothing half-done does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read, soft_noise, write
from unbraid.files.audio_io import OutputFile

FORMATS = ("wav", "flac", "mp3", "ogg", "aiff")


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, 120001)


@pytest.mark.parametrize("kind", FORMATS)
def test_stems_equal_separate(tmp_path: Path, toy_model: unbraid.Model, audio: Audio, kind: str) -> None:
    source = write(tmp_path / f"talk.{kind}", audio)
    mixture, sample_rate = read(source)
    expected = unbraid.separate(mixture, sample_rate, toy_model)
    paths = unbraid.separate_file(source, tmp_path / "stems", model=toy_model)
    assert list(paths) == list(expected)
    for name, path in paths.items():
        assert path == tmp_path / "stems" / "talk" / f"{name}.wav"
        stem, stem_rate = read(path)
        assert stem_rate == sample_rate
        np.testing.assert_array_equal(stem, expected[name])
    assert len(left_in(tmp_path / "stems")) == 4  # the folder and the three stems


@pytest.mark.parametrize("channels", [1, 6, 8])
@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
def test_channels_rate_and_length_are_kept(
    tmp_path: Path, toy_model: unbraid.Model, audio: Audio, channels: int, sample_rate: int
) -> None:
    mixture = np.resize(audio, (channels, 3001))
    source = write(tmp_path / "in.flac", mixture, sample_rate, 24)
    for kind in ("wav", "flac"):
        paths = unbraid.separate_file(source, tmp_path, model=toy_model, format=kind, stems="music")
        assert list(paths) == ["music"]
        stem, stem_rate = read(paths["music"])
        assert stem.shape == mixture.shape
        assert stem_rate == sample_rate


@pytest.mark.parametrize("length", [0, 1])
def test_the_shortest_files(tmp_path: Path, toy_model: unbraid.Model, length: int) -> None:
    source = write(tmp_path / "in.wav", np.full((2, length), 0.5, np.float32))
    paths = unbraid.separate_file(source, tmp_path, model=toy_model)
    assert [read(path)[0].shape for path in paths.values()] == [(2, length)] * 3


def test_remix_file_equals_remix(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio, bit_depth=32)
    target = tmp_path / "new" / "out.wav"
    gains = {"music_db": -6.0, "noise_db": "mute"}
    assert unbraid.remix_file(source, target, model=toy_model, **gains) == target
    np.testing.assert_array_equal(read(target)[0], unbraid.remix(audio, 48000, toy_model, **gains))


def test_progress_goes_from_start_to_end(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source, calls = write(tmp_path / "in.wav", audio), []
    unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model, progress=lambda *call: calls.append(call))
    done = [seconds for seconds, _ in calls]
    assert done == sorted(done)
    assert {total for _, total in calls} == {audio.shape[1] / 48000} == {done[-1]}


def test_wav_holds_what_flac_clips(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio, bit_depth=32)
    loud = {"speech_db": 30, "music_db": 30, "noise_db": 30}
    unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model, **loud)
    level = np.abs(read(tmp_path / "out.wav")[0])
    assert level.max() > 2
    message = rf"out\.flac: {int((level > 1).sum())} samples .* \(peak {level.max():.2f}\)"
    with pytest.warns(unbraid.ClippingWarning, match=message):
        unbraid.remix_file(source, tmp_path / "out.flac", model=toy_model, **loud)


def test_existing_outputs_are_kept_unless_forced(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio)
    kept = tmp_path / "in" / "music.wav"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(FileExistsError, match=r"music\.wav: exists already"):
        unbraid.separate_file(source, tmp_path, model=toy_model)
    assert left_in(tmp_path) == ["in", "in.wav", "in/music.wav"]
    assert kept.read_text() == "mine"
    unbraid.separate_file(source, tmp_path, model=toy_model, force=True)
    assert read(kept)[0].shape == audio.shape


def test_the_input_is_never_overwritten(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio)
    link = tmp_path / "link.wav"
    link.symlink_to(source)
    for target in (source, link):
        with pytest.raises(ValueError, match="would overwrite the input"):
            unbraid.remix_file(source, target, model=toy_model, force=True)
    np.testing.assert_allclose(read(source)[0], audio, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", unbraid.AudioFileError, "not an audio file"),
        (b"hello world" * 99, unbraid.AudioFileError, "not an audio file"),
        (None, FileNotFoundError, "in.wav"),
        ("folder", IsADirectoryError, "in.wav"),
    ],
)
def test_unreadable_inputs_are_refused(
    tmp_path: Path,
    toy_model: unbraid.Model,
    content: bytes | str | None,
    error: type[Exception],
    message: str,
) -> None:
    source = tmp_path / "in.wav"
    if content == "folder":
        source.mkdir()
    elif isinstance(content, bytes):
        source.write_bytes(content)
    with pytest.raises(error, match=message):
        unbraid.separate_file(source, tmp_path / "out", model=toy_model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_files_cut_short_are_refused(
    tmp_path: Path, toy_model: unbraid.Model, audio: Audio, kind: str, kept: float
) -> None:
    source = write(tmp_path / f"in.{kind}", audio)
    os.truncate(source, int(source.stat().st_size * kept))
    with pytest.raises(unbraid.AudioFileError, match=rf"in\.{kind}: cut short"):
        unbraid.separate_file(source, tmp_path / "out", model=toy_model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_tag_at_the_end_does_no_harm(tmp_path: Path, toy_model: unbraid.Model, audio: Audio, kind: str) -> None:
    source = write(tmp_path / f"in.{kind}", audio)
    with source.open("ab") as file:
        file.write(b"TAG" + bytes(125))
    expected = read(source)[0].shape
    path = unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model)
    assert read(path)[0].shape == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_file_with_nan_is_refused_and_leaves_nothing(
    tmp_path: Path, toy_model: unbraid.Model, audio: Audio, bad: float
) -> None:
    audio[1, 96000] = bad
    source = write(tmp_path / "in.wav", audio, bit_depth=32)
    with pytest.raises(unbraid.AudioFileError, match=r"NaN or infinite sample at 2\.000 s"):
        unbraid.separate_file(source, tmp_path / "new" / "out", model=toy_model)
    assert left_in(tmp_path) == ["in.wav"]


@pytest.mark.parametrize(("channels", "sample_rate"), [(9, 48000), (1, 7999), (1, 384000)])
def test_unsuitable_files_are_refused(
    tmp_path: Path, toy_model: unbraid.Model, channels: int, sample_rate: int
) -> None:
    source = write(tmp_path / "in.wav", np.zeros((channels, 99), np.float32), sample_rate)
    with pytest.raises(unbraid.AudioFileError, match=r"in\.wav: .* (9 channels|Hz)"):
        unbraid.separate_file(source, tmp_path / "out", model=toy_model)


def test_unsuitable_arguments_are_refused(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio)
    with pytest.raises(ValueError, match="opus or m4a, got 'aiff'"):
        unbraid.separate_file(source, tmp_path, model=toy_model, format="aiff")
    with pytest.raises(ValueError, match="unknown stem 'vocals'; this model has speech, music"):
        unbraid.separate_file(source, tmp_path, model=toy_model, stems=["music", "vocals"])
    with pytest.raises(ValueError, match="no stem asked for"):
        unbraid.separate_file(source, tmp_path, model=toy_model, stems=[])
    with pytest.raises(ValueError, match=r"must end in \.wav, \.flac, .* or \.mka"):
        unbraid.remix_file(source, tmp_path / "out.aiff", model=toy_model)
    with pytest.raises(TypeError, match="unknown gain 'vocals_db'"):
        unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model, vocals_db=1)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(IsADirectoryError):
        unbraid.remix_file(source, tmp_path / "folder.wav", model=toy_model)
    assert left_in(tmp_path) == ["folder.wav", "in.wav"]


def test_outputs_that_cannot_be_made_are_refused(tmp_path: Path, toy_model: unbraid.Model, audio: Audio) -> None:
    source = write(tmp_path / "in.wav", audio)
    with pytest.raises(OSError, match=r"in\.wav"):  # a folder inside a file
        unbraid.separate_file(source, source / "out", model=toy_model)
    assert left_in(tmp_path) == ["in.wav"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_a_failure_on_the_way_leaves_nothing(
    tmp_path: Path,
    toy_model: unbraid.Model,
    audio: Audio,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    source = write(tmp_path / "in.wav", audio)
    calls = []

    def fail(self: OutputFile, block: Audio) -> None:
        calls.append(self.target.name)
        if len(calls) == 5:
            raise error("now")
        original(self, block)

    original = OutputFile.write
    monkeypatch.setattr(OutputFile, "write", fail)
    with pytest.raises(error, match="now"):
        unbraid.separate_file(source, tmp_path / "out", model=toy_model)
    assert left_in(tmp_path) == ["in.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("limit", [10, 100_000, 959_000])
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, toy_model_path: Path, audio: Audio, kind: str, limit: int
) -> None:
    """A limit on the size of files acts as a full disk does; the last one cuts the WAV's end."""
    if kind == "flac":
        limit = min(limit, 200_000)
    source = write(tmp_path / "in.wav", audio)
    program = (
        "import resource, sys, unbraid\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try:\n"
        f"    unbraid.separate_file(*sys.argv[1:3], model=sys.argv[3], format={kind!r})\n"
        "except OSError as error:\n"
        "    sys.exit(f'told: {error}')\n"
    )
    arguments = [str(path) for path in (source, tmp_path / "out", toy_model_path)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert re.match(r"told: \[Errno 27\] .*\.(wav|flac)'$", done.stderr), done.stderr
    assert left_in(tmp_path) == ["in.wav"]
