"""Damage on the way through: refused with nothing written, or, when asked to keep going, told beside the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from helpers.containers import pcm, wav, written
from unbraid.files.input_file import InputFile

KINDS = ("wav", "flac", "mp3", "ogg", "aiff")


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, 60000)


@pytest.fixture
def cut(tmp_path: Path, audio: Audio) -> Path:
    return written(tmp_path / "in.wav", wav(pcm(audio))[:-120000])


def test_nothing_is_written_unless_asked_to_keep_going(tmp_path: Path, toy_model: unbraid.Model, cut: Path) -> None:
    with pytest.raises(unbraid.AudioFileError, match=r"in\.wav: cut short: .* ends at 0\.625 s"):
        unbraid.remix_file(cut, tmp_path / "out.wav", model=toy_model)
    assert list(tmp_path.iterdir()) == [cut]
    with pytest.warns(unbraid.DamageWarning, match=r"in\.wav: cut short: .* ends at 0\.625 s"):
        unbraid.remix_file(cut, tmp_path / "out.wav", model=toy_model, keep_going=True)
    assert read_audio(tmp_path / "out.wav").shape == (2, 30000)


def test_all_doors_keep_going(tmp_path: Path, toy_model: unbraid.Model, cut: Path) -> None:
    with pytest.warns(unbraid.DamageWarning):
        unbraid.StemRack({}, toy_model).process_file(cut, tmp_path / "out.wav", keep_going=True)
    with pytest.warns(unbraid.DamageWarning):
        paths = unbraid.separate_file(cut, tmp_path, model=toy_model, keep_going=True)
    assert {read_audio(path).shape for path in [tmp_path / "out.wav", *paths.values()]} == {(2, 30000)}


def test_the_command_line_tells_it_and_fails(tmp_path: Path, toy_model_path: Path, cut: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "unbraid",
        "remix",
        str(cut),
        str(tmp_path / "out.wav"),
        "--model",
        str(toy_model_path),
    ]
    told = r"in.wav: cut short: it holds 120000 of the 240000 bytes"
    for arguments, exists in (([], False), (["--keep-going"], True)):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert (tmp_path / "out.wav").exists() == exists


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["shortened", "longer", "other"])
def test_a_file_that_changes_while_it_is_read_is_told(
    tmp_path: Path, rng: np.random.Generator, kind: str, change: str
) -> None:
    path = write(tmp_path / f"in.{kind}", soft_noise(rng, 2, 400000))
    size = path.stat().st_size
    with InputFile(path) as file:
        blocks = file.blocks(0.5)
        next(blocks)
        if change == "other":
            os.utime(path, ns=(0, 0))
        else:
            os.truncate(path, size // 2 if change == "shortened" else size + 1000)
        with pytest.raises(unbraid.AudioFileError, match=r"while it was read.* at \d\.\d\d\d s"):
            list(blocks)


def test_an_error_of_the_disk_is_told(tmp_path: Path, audio: Audio, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.wav", audio)
    with InputFile(path) as file:

        class Broken:
            def seek(self, *_: int) -> None:
                raise OSError(5, "Input/output error")

            def fileno(self) -> int:
                return original.fileno()

        original = file._file
        monkeypatch.setattr(file._reader, "_file", Broken())
        with pytest.raises(unbraid.AudioFileError, match=r"Input/output error.* at 0\.000 s"):
            list(file.blocks(1.0))


def test_long_files_are_read_in_blocks(tmp_path: Path, audio: Audio) -> None:
    path = write(tmp_path / "in.flac", np.tile(audio, (1, 5)))
    with InputFile(path) as file:
        lengths = [block.shape[1] for block in file.blocks(0.25)]
    assert max(lengths) == 12000
    assert sum(lengths) == 300000
