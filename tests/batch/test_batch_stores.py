"""`unbraid batch` from and to URLs, through fsspec. Its local file system is one that all processes see."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from helpers.audio import read_audio, soft_noise, write
from helpers.shell import Shell

RATE = 16000

needs_fsspec = pytest.mark.skipif(find_spec("fsspec") is None, reason="fsspec is not installed: the extra [batch]")


@pytest.fixture
def songs(shell: Shell, rng: np.random.Generator) -> Path:
    folder = shell.folder / "songs"
    (folder / "live").mkdir(parents=True)
    for name in ("a.wav", "b.flac", "live/a.wav", ".hidden.wav"):
        write(folder / name, soft_noise(rng, 2, RATE), RATE)
    (folder / "cover.jpg").write_bytes(b"no sound")
    return folder


def batch(shell: Shell, *arguments: str | Path) -> str:
    done = shell.run("batch", *arguments, "--model", "toy", "--stems", "music")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(";")[0].strip()


def outputs(shell: Shell) -> list[str]:
    return [name for name in shell.files() if name.startswith("out/") and ".json" not in name]


@needs_fsspec
def test_from_a_store_to_a_store(shell: Shell, songs: Path) -> None:
    source, target = f"file://{songs}", f"file://{shell.folder}/out"
    assert batch(shell, source, target) == "3 done, 0 done before, 0 failed"
    assert outputs(shell) == [f"out/{name}/music.wav" for name in ("a", "b", "live/a")]
    batch(shell, songs, "here")
    for name in ("a", "b", "live/a"):
        np.testing.assert_array_equal(
            read_audio(shell.folder / "out" / name / "music.wav"),
            read_audio(shell.folder / "here" / name / "music.wav"),
        )
    assert batch(shell, source, target) == "0 done, 3 done before, 0 failed"
    (shell.folder / "out/b/music.wav").unlink()
    assert batch(shell, source, target) == "1 done, 2 done before, 0 failed"
    assert not list(shell.folder.rglob("*.part"))


@needs_fsspec
def test_patterns_files_and_lists(shell: Shell, songs: Path) -> None:
    assert batch(shell, f"file://{songs}/live/*.wav", f"file://{songs}/b.flac", "out").startswith("2 done")
    assert outputs(shell) == ["out/a/music.wav", "out/b/music.wav"]
    (songs / "list.txt").write_text(f"live/a.wav\nfile://{songs}/b.flac\n")
    assert batch(shell, songs / "list.txt", "out").startswith("1 done, 1 done before")
    assert outputs(shell) == ["out/a/music.wav", "out/b/music.wav", "out/live/a/music.wav"]


@needs_fsspec
@pytest.mark.parametrize("below", ["", "/out"])
def test_outputs_are_no_inputs(shell: Shell, songs: Path, below: str) -> None:
    url = f"file://{songs}"
    assert batch(shell, url, f"{url}{below}") == "3 done, 0 done before, 0 failed"
    assert batch(shell, url, f"{url}{below}") == "0 done, 3 done before, 0 failed"


@needs_fsspec
def test_failures_are_noted(shell: Shell, songs: Path) -> None:
    (songs / "text.wav").write_text("hello")
    gone = f"file://{songs}/gone.wav"
    done = shell.run("batch", f"file://{songs}", gone, f"file://{shell.folder}/out", "--model", "toy")
    assert done.returncode == 1
    assert done.stdout.startswith("3 done, 0 done before, 2 failed")
    assert f"unbraid: {gone}: No such file" in done.stderr.splitlines()
    records = [json.loads(path.read_text()) for path in (shell.folder / "out/unbraid-batch").iterdir()]
    assert sorted(record["status"] for record in records) == ["done"] * 3 + ["failed"] * 2


@needs_fsspec
def test_files_of_others_stay(shell: Shell, songs: Path) -> None:
    mine = shell.folder / "out/a/music.wav"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    arguments = ("batch", f"file://{songs}/a.wav", f"file://{shell.folder}/out", "--model", "toy")
    for _ in range(2):
        assert "a/music.wav: exists already" in shell.run(*arguments).stderr
        assert mine.read_text() == "mine"
    assert shell.run(*arguments, "--force").returncode == 0


def test_what_is_not_known_or_not_installed(shell: Shell, songs: Path) -> None:
    if find_spec("fsspec") is None:
        message = "s3://bucket/songs: URLs need fsspec: pip install 'unbraid[batch]'"
        assert shell.fails(1, "batch", "s3://bucket/songs", "out", "--model", "toy") == message
        return
    message = shell.fails(2, "batch", "nosuch://songs", "out", "--model", "toy")
    assert message == "nosuch://songs: Protocol not known: nosuch"
    if find_spec("s3fs") is None:
        assert "s3fs" in shell.fails(1, "batch", songs, "s3://bucket/out", "--model", "toy")
    assert not (shell.folder / "out").exists()
