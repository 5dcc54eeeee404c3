"""`unbraid batch` as users meet it: what it finds, writes, skips and refuses."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from helpers.batches import count, records
from helpers.shell import Shell

RATE = 16000
STEMS = ("speech", "music", "noise")


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, RATE)


@pytest.fixture
def songs(shell: Shell, audio: Audio) -> Path:
    """Three inputs in two folders, what is none, and what is hidden."""
    folder = shell.folder / "songs"
    (folder / "live").mkdir(parents=True)
    for name in ("a.wav", "b.flac", "live/a.wav", ".hidden.wav"):
        write(folder / name, audio, RATE)
    (folder / "cover.jpg").write_bytes(b"no sound")
    return folder


def batch(shell: Shell, *arguments: str | Path) -> tuple[int, str]:
    """The exit status, and the summary up to the times."""
    done = shell.run("batch", *arguments, "--model", "toy")
    assert done.stderr == ""
    return done.returncode, done.stdout.strip().split(";")[0]


def outputs(shell: Shell, folder: str = "out") -> list[str]:
    return [name for name in shell.files() if name.startswith(f"{folder}/") and not name.endswith(".jsonl")]


def stems_of(*names: str, kinds: Sequence[str] = STEMS) -> list[str]:
    return sorted(f"out/{name}/{kind}.wav" for name in names for kind in kinds)


def test_a_folder(shell: Shell, songs: Path, toy_model: unbraid.Model) -> None:
    assert batch(shell, "songs", "out") == (0, "3 done, 0 done before, 0 failed")
    assert outputs(shell) == stems_of("a", "b", "live/a")
    for source, name in (("a.wav", "a"), ("b.flac", "b"), ("live/a.wav", "live/a")):
        expected = unbraid.separate(read_audio(songs / source), RATE, toy_model)
        for stem, samples in expected.items():
            np.testing.assert_array_equal(read_audio(shell.folder / "out" / name / f"{stem}.wav"), samples)


def test_the_manifest_says_what_was_done(shell: Shell, songs: Path, toy_model: unbraid.Model) -> None:
    batch(shell, "songs", "out", "--stems", "music", "--format", "flac")
    done = {each["input"]: each for each in records(shell.folder / "out") if each["status"] == "done"}
    assert set(done) == {str(songs / name) for name in ("a.wav", "b.flac", "live/a.wav")}
    source = songs / "live/a.wav"
    said = done[str(source)]
    assert said["size"] == source.stat().st_size
    assert said["mtime_ns"] == source.stat().st_mtime_ns
    assert said["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert said["outputs"] == {"live/a/music.flac": (shell.folder / "out/live/a/music.flac").stat().st_size}
    assert said["audio_seconds"] == 1.0
    assert said["settings"]["stem_names"] == ["music"]
    assert said["settings"]["model_sha256"] == hashlib.sha256(Path(toy_model.path).read_bytes()).hexdigest()


def test_remixes(shell: Shell, songs: Path, toy_model: unbraid.Model) -> None:
    options = ("--remix", "Music=-12", "--remix", "noise=mute, speech=3", "--format", "flac")
    assert batch(shell, "songs", "out", *options) == (0, "3 done, 0 done before, 0 failed")
    assert outputs(shell) == ["out/a.flac", "out/b.flac", "out/live/a.flac"]
    expected = unbraid.remix_file(
        songs / "a.wav", shell.folder / "alone.flac", model=toy_model, music_db=-12, noise_db="mute", speech_db=3
    )
    assert (shell.folder / "out/a.flac").read_bytes() == expected.read_bytes()


def test_what_is_done_is_skipped(shell: Shell, songs: Path) -> None:
    batch(shell, "songs", "out")
    before = {name: (shell.folder / name).stat().st_mtime_ns for name in outputs(shell)}
    manifest = (shell.folder / "out/unbraid-batch.jsonl").read_bytes()
    assert batch(shell, "songs", "out") == (0, "0 done, 3 done before, 0 failed")
    assert {name: (shell.folder / name).stat().st_mtime_ns for name in outputs(shell)} == before
    assert (shell.folder / "out/unbraid-batch.jsonl").read_bytes() == manifest
    os.utime(songs / "a.wav")  # touched, and the same
    assert batch(shell, "songs", "out") == (0, "0 done, 3 done before, 0 failed")
    assert batch(shell, "songs", "out", "--force") == (0, "3 done, 0 done before, 0 failed")


def test_what_has_changed_is_done_anew(shell: Shell, songs: Path, audio: Audio) -> None:
    batch(shell, "songs", "out")
    write(songs / "a.wav", audio[:, ::-1], RATE)  # of the same size
    write(songs / "new.wav", audio, RATE)
    (shell.folder / "out/live/a/music.wav").unlink()
    assert batch(shell, "songs", "out") == (0, "3 done, 1 done before, 0 failed")
    assert outputs(shell) == stems_of("a", "b", "new", "live/a")
    with (shell.folder / "out/b/noise.wav").open("ab") as file:
        file.truncate(100)
    assert batch(shell, "songs", "out") == (0, "1 done, 3 done before, 0 failed")


def test_other_settings_are_done_anew(shell: Shell, songs: Path, toy_model_path: Path) -> None:
    for options in ((), ("--stems", "music"), (), ("--bits", "16"), ("--remix", "music=0"), ()):
        assert batch(shell, "songs", "out", *options) == (0, "3 done, 0 done before, 0 failed"), options
        assert batch(shell, "songs", "out", *options) == (0, "0 done, 3 done before, 0 failed"), options


def test_a_failure_is_noted_and_the_rest_goes_on(shell: Shell, songs: Path, audio: Audio) -> None:
    (songs / "text.wav").write_text("hello")
    done = shell.run("batch", "songs", songs / "gone.wav", "out", "--model", "toy")
    assert done.returncode == 1
    assert done.stdout.startswith("3 done, 0 done before, 2 failed; 0:00:03 of audio in ")
    told = sorted(done.stderr.splitlines())
    assert told[0] == f"unbraid: {songs / 'gone.wav'}: No such file or directory"
    assert told[1].startswith(f"unbraid: {songs / 'text.wav'}: not an audio file of a known format")
    assert len(told) == 2
    failed = {Path(each["input"]).name: each for each in records(shell.folder / "out") if each["status"] == "failed"}
    assert failed["text.wav"]["reason"] == told[1].removeprefix("unbraid: ")
    assert failed["text.wav"].get("outputs") is None
    write(songs / "text.wav", audio, RATE)
    assert batch(shell, "songs", "out") == (0, "1 done, 3 done before, 0 failed")


def test_damage(shell: Shell, songs: Path) -> None:
    """Refused, or, on request, used as far as it goes and told every time."""
    with (songs / "a.wav").open("ab") as file:
        file.truncate(30000)
    line = shell.run("batch", "songs", "out", "--model", "toy").stderr
    assert line.startswith(f"unbraid: {songs / 'a.wav'}: ")
    for summary in ("0 done, 2 done before, 1 damaged, 0 failed;", "0 done, 3 done before, 1 damaged, 0 failed"):
        done = shell.run("batch", "songs", "out", "--model", "toy", "--keep-going")
        assert (done.returncode, done.stderr) == (1, line.replace("unbraid: ", "unbraid: warning: "))
        assert done.stdout.startswith(summary)
    assert shell.run("batch", "songs", "out", "--model", "toy").stderr == line


def test_files_of_others_stay(shell: Shell, songs: Path) -> None:
    mine = shell.folder / "out/a/music.wav"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    for _ in range(2):  # neither now nor on going on
        message = shell.run("batch", "songs", "out", "--model", "toy")
        assert message.stderr.endswith(f": {mine}: exists already; use force (--force) to overwrite it\n")
        assert message.returncode == 1
        assert mine.read_text() == "mine"
    assert batch(shell, "songs", "out", "--force") == (0, "3 done, 0 done before, 0 failed")


def test_two_inputs_for_one_output(shell: Shell, songs: Path, audio: Audio) -> None:
    write(songs / "a.flac", audio, RATE)
    message = shell.fails(2, "batch", "songs", "out", "--model", "toy")
    assert message == (
        f"{songs / 'a.flac'} and {songs / 'a.wav'} would both be written to {shell.folder}/out/a/speech.wav"
    )
    assert not (shell.folder / "out").exists()


def test_an_output_must_not_be_an_input(shell: Shell, songs: Path) -> None:
    before = (songs / "a.wav").read_bytes()
    message = shell.fails(2, "batch", "songs", "songs", "--remix", "music=-6", "--model", "toy", "--force")
    assert message.startswith(f"{songs / 'a.wav'}: the output of {songs / 'a.wav'} would overwrite the input ")
    assert (songs / "a.wav").read_bytes() == before


@pytest.mark.parametrize(("source", "target"), [("songs", "songs"), ("songs", "songs/out"), ("songs/live", "songs")])
def test_outputs_are_no_inputs(shell: Shell, songs: Path, source: str, target: str) -> None:
    number = 1 if source == "songs/live" else 3
    assert batch(shell, source, target) == (0, f"{number} done, 0 done before, 0 failed")
    assert batch(shell, source, target) == (0, f"0 done, {number} done before, 0 failed")
    assert batch(shell, f"{source}/**/*.*a*", target)[1].endswith(f"{number} done before, 0 failed")


def test_a_pattern_and_files(shell: Shell, songs: Path) -> None:
    assert batch(shell, "songs/*/*.wav", "songs/b.flac", "songs/live/../b.flac", "out")[1].startswith("2 done")
    assert outputs(shell) == stems_of("b", "live/a")


def test_a_text_file_of_paths(shell: Shell, songs: Path, audio: Audio) -> None:
    for folder in ("x", "y"):
        (shell.folder / "far" / folder).mkdir(parents=True)
        write(shell.folder / "far" / folder / "c.wav", audio, RATE)
    paths = ["a.wav", "", f"{songs}/live/a.wav", "../far/x/c.wav", f"{shell.folder}/far/y/c.wav"]
    (songs / "list.txt").write_text("\r\n".join(paths))
    assert batch(shell, "songs/list.txt", "out") == (0, "4 done, 0 done before, 0 failed")
    assert outputs(shell) == stems_of("a", "live/a", "x/c", "y/c")


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_table_of_paths(shell: Shell, songs: Path, kind: str) -> None:
    between = {"csv": ",", "tsv": "\t"}[kind]
    rows = [("name", "path", "file"), ("one", "a.wav", "b.flac"), ("two", "live/a.wav", "")]
    table = songs / f"table.{kind}"
    table.write_text("\ufeff" + "\n".join(between.join(row) for row in rows), encoding="utf-8")
    assert batch(shell, table, "out")[1].startswith("2 done")
    assert outputs(shell) == stems_of("a", "live/a")
    assert batch(shell, table, "out", "--column", "file")[1].startswith("1 done, 0 done before")
    message = shell.fails(2, "batch", table, "out", "--column", "paths", "--model", "toy")
    assert message == f"{table}: has no column 'paths'; it has name, path, file"


def test_a_parquet_file_of_paths(shell: Shell, songs: Path) -> None:
    table = songs / "table.parquet"
    if find_spec("pyarrow") is None:
        table.write_bytes(b"")
        message = shell.fails(1, "batch", table, "out", "--model", "toy")
        assert message == f"{table}: Parquet needs pyarrow: pip install 'unbraid[batch]'"
        return
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"path": ["a.wav", None, "live/a.wav"], "label": [1, 2, 3]}), table)
    assert batch(shell, table, "out")[1].startswith("2 done")
    assert outputs(shell) == stems_of("a", "live/a")
    assert "it has path, label" in shell.fails(2, "batch", table, "out", "--column", "paths", "--model", "toy")
    table.write_text("no table")
    assert shell.fails(2, "batch", table, "out", "--model", "toy").startswith(f"{table}: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "out"), "-: a batch takes files, not standard input"),
        (("empty", "out"), "empty: no audio files in it"),
        (("songs", "out", "--remix", "music=-3", "--stems", "music"), "--remix writes no stems: "),
        (("songs", "out", "--remix", "music"), "Invalid value for '--remix': "),
        (("songs", "out", "--remix", "drums=3"), "Invalid value for '--remix': unknown stem 'drums'"),
        (("songs", "out", "--remix", "music=99"), "Invalid value for '--remix': "),
        (("songs", "out", "--format", "mp3", "--bits", "16"), "Invalid value for '--bits': "),
        (("songs",), "Missing argument 'SRC...'"),
    ],
)
def test_wrong_usage(shell: Shell, songs: Path, arguments: Sequence[str], message: str) -> None:
    (shell.folder / "empty").mkdir()
    assert shell.fails(2, "batch", *arguments, "--model", "toy").startswith(message)
    assert not (shell.folder / "out").exists()


def test_the_longest_comes_first(shell: Shell, songs: Path, audio: Audio) -> None:
    write(songs / "z.wav", np.tile(audio, 3), RATE)
    write(songs / "y.flac", np.tile(audio, 4), RATE)  # fewer bytes than z.wav
    assert (songs / "y.flac").stat().st_size > (songs / "a.wav").stat().st_size
    batch(shell, "songs", "out", "--workers", "1")
    order = [Path(each["input"]).name for each in records(shell.folder / "out") if each["status"] == "started"]
    assert order[:2] == ["y.flac", "z.wav"]


def test_a_folder_that_is_no_batch_s(shell: Shell, songs: Path) -> None:
    (shell.folder / "out").mkdir()
    (shell.folder / "out/unbraid-batch.jsonl").write_text("{}\n")
    message = shell.fails(2, "batch", "songs", "out", "--model", "toy")
    assert message == f"{shell.folder}/out/unbraid-batch.jsonl: line 1 is no record of unbraid batch"


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_a_name_that_is_no_text(shell: Shell, songs: Path) -> None:
    (songs / "a.wav").rename(songs / os.fsdecode(b"ni\xf1o\n.wav"))
    assert batch(shell, "songs", "out")[1].startswith("3 done")
    assert batch(shell, "songs", "out")[1].startswith("0 done, 3 done before")


def test_quiet(shell: Shell, songs: Path) -> None:
    done = shell.run("batch", "songs", "out", "--model", "toy", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to open")
def test_a_terminal_shows_how_far_it_is(shell: Shell, songs: Path) -> None:
    status, _, shown = shell.on_terminal("batch", "songs", "out", "--model", "toy")
    assert status == 0
    assert "of 3 files" in shown
    assert count(shell.folder / "out", "done").total() == 3
