"""What FFmpeg reads: as long as it was, in its place, and damage with its time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.audio import read_audio, write
from helpers.containers import dominant
from helpers.films import RATE, ffmpeg, lag, make_film, needs_video, snr, sweep
from helpers.shell import Shell
from unbraid.files.formats import KNOWN_FORMATS
from unbraid.files.input_file import InputFile

SPEECH = ("--stems", "speech", "--model", "toy")


def heard(path: Path, track: int = 1, *, keep_going: bool = False) -> tuple[np.ndarray, list[str], list[str]]:
    """All audio of a file, in blocks of an odd length, its damage and its notes."""
    with InputFile(path, keep_going=keep_going, track=track) as file:
        audio = np.concatenate([np.zeros((file.channels, 0), np.float32), *file.blocks(0.1234)], axis=1)
        return audio, list(map(str, file.damage)), list(map(str, file.notes))


@needs_video
@pytest.mark.parametrize(
    ("name", "encoding", "loss_db"),
    [
        ("a.m4a", "-c:a aac", 25),
        ("a.m4a", "-c:a alac -sample_fmt s16p", 80),
        ("a.mov", "-c:a pcm_s24be", 130),
        ("a.mka", "-c:a libopus", 20),
        ("a.mka", "-c:a flac", 80),
        ("a.webm", "-c:a libopus", 20),
        ("a.caf", "-c:a pcm_s16be", 80),
        ("a.au", "-c:a pcm_s16be", 80),
        ("a.wv", "-c:a wavpack", 80),
        ("a.tta", "-c:a tta", 80),
        ("a.wav", "-c:a adpcm_ima_wav", 20),
    ],
)
@pytest.mark.parametrize("rate", [48000, 44100])
def test_length_and_place_are_kept(tmp_path: Path, name: str, encoding: str, loss_db: float, rate: int) -> None:
    """An encoder's delay and padding are no audio, as far as the container tells of them."""
    audio = sweep(rate=rate)
    write(tmp_path / "in.wav", audio, rate, 32)
    if "opus" in encoding and rate != 48000:
        pytest.skip("Opus has no such rate")
    ffmpeg("-i", "in.wav", *encoding.split(), "-b:a", "256k", name, folder=tmp_path)
    found, damage, notes = heard(tmp_path / name)
    assert not damage + notes
    padding = found.shape[1] - audio.shape[1]
    assert padding == 0 or ("adpcm" in encoding and 0 < padding < 4096)  # whole blocks, and nobody tells
    assert lag(found, audio) == 0
    assert snr(found, audio) > loss_db


@needs_video
@pytest.mark.parametrize(
    ("name", "encoding", "offset", "late"),
    [
        ("f.mp4", "-c:a aac", 0.0, 0),
        ("f.mov", "-c:a pcm_s16le", 0.5, 24000),
        ("f.mkv", "-c:a flac", 0.5, 24000),
        ("f.webm", "-c:a libvorbis", 0.0, 0),
        ("f.webm", "-c:a libopus", 0.0, 0),
        ("f.avi", "-c:a pcm_s16le -c:v mpeg4", 0.0, 0),
        ("f.ts", "-c:a ac3", 0.0, 256),  # that nobody tells of
    ],
)
def test_a_film_s_sound_starts_with_the_film(
    tmp_path: Path, name: str, encoding: str, offset: float, late: int
) -> None:
    """Sound that starts late has silence before it; times that do not start at 0 change nothing."""
    audio = sweep()
    path = make_film(tmp_path / name, audio, *encoding.split(), offset=offset)
    found, damage, notes = heard(path)
    assert not damage + notes
    assert lag(found, audio) == late
    assert not found[:, : round(offset * RATE)].any()


@needs_video
def test_a_gap_in_time_is_silence_and_told(shell: Shell) -> None:
    audio = sweep(seconds=4)
    path = make_film(shell.folder / "f.mkv", audio, "-c:a", "flac")
    gap = ("-bsf:a", "noise=drop=between(pts*tb\\,1\\,2)")
    ffmpeg("-i", path.name, "-map", "0", "-c", "copy", *gap, "g.mkv", folder=shell.folder)
    done = shell.run("separate", "g.mkv", *SPEECH)
    assert done.returncode == 0
    assert "unbraid: warning: g.mkv: a gap of 0.9" in done.stderr
    found = heard(shell.folder / "g.mkv")[0]
    assert found.shape == audio.shape
    assert not found[:, RATE + 4608 : 2 * RATE - 4608].any()
    np.testing.assert_allclose(found[:, :RATE], audio[:, :RATE], atol=2e-4)
    np.testing.assert_allclose(found[:, 2 * RATE + 4608 :], audio[:, 2 * RATE + 4608 :], atol=2e-4)


@needs_video
def test_damage_is_told_with_its_time_and_the_rest_stays_in_place(shell: Shell) -> None:
    audio = sweep(seconds=4)
    path = make_film(shell.folder / "f.mp4", audio, "-c:a", "flac", "-strict", "-2", "-movflags", "+faststart")
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(20000) + whole[middle + 20000 :])
    line = shell.fails(1, "separate", "f.mp4", *SPEECH)
    assert line.startswith("f.mp4: cannot be decoded (Invalid data found when processing input) at ")
    assert shell.files() == ["f.mp4"]
    done = shell.run("separate", "f.mp4", *SPEECH, "--keep-going")
    assert done.returncode == 1
    found, damage, _ = heard(path, keep_going=True)
    seconds = float(damage[0].split(" at ")[1].removesuffix(" s"))
    assert found.shape == audio.shape
    np.testing.assert_allclose(found[:, : int(seconds * RATE)], audio[:, : int(seconds * RATE)], atol=2e-4)
    np.testing.assert_allclose(found[:, -RATE:], audio[:, -RATE:], atol=2e-4)
    assert read_audio(shell.folder / "stems/f/speech.wav").shape == audio.shape


@needs_video
@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("f.mp4", "-c:a aac -movflags +faststart"),
        ("f.mp4", "-c:a aac"),
        ("f.mkv", "-c:a libopus"),
        ("f.flv", "-c:a aac"),
        ("f.avi", "-c:a pcm_s16le -c:v mpeg4"),
        ("f.ts", "-c:a aac"),
    ],
)
def test_a_file_that_was_cut_is_refused(shell: Shell, name: str, encoding: str) -> None:
    path = make_film(shell.folder / name, sweep(seconds=4), *encoding.split())
    assert shell.run("separate", name, *SPEECH).returncode == 0
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    line = shell.fails(1, "separate", name, *SPEECH, "--force")
    assert line.startswith(f"{name}: ")
    assert "cut short" in line or "damaged" in line or "cannot be decoded" in line


@needs_video
def test_which_track_is_heard(shell: Shell) -> None:
    first, second = sweep(), sweep()[::-1]
    write(shell.folder / "second.wav", second, RATE)
    make_film(shell.folder / "f.mkv", first, "-c:a", "flac")
    two = ("-map", "0", "-map", "1", "-c", "copy", "-c:a:1", "flac")
    ffmpeg("-i", "f.mkv", "-i", "second.wav", *two, "two.mkv", folder=shell.folder)
    for track, audio in ((1, first), (2, second)):
        np.testing.assert_allclose(heard(shell.folder / "two.mkv", track)[0], audio, atol=2e-4)
    message = "two.mkv: has 2 audio tracks, asked for number 3"
    assert shell.fails(1, "separate", "two.mkv", *SPEECH, "--audio-track", "3") == message
    message = "second.wav: has 1 audio track, asked for number 2"
    assert shell.fails(1, "separate", "second.wav", *SPEECH, "--audio-track", "2") == message


@needs_video
@pytest.mark.parametrize(
    ("layout", "mask", "encoding"),
    [
        ("5.1", 0x3F, "-c:a aac"),
        ("5.1(side)", 0x60F, "-c:a flac"),
        ("7.1", 0x63F, "-c:a flac"),
        ("quad", 0x33, "-c:a flac"),
        ("5.1", 0x3F, "-c:a libvorbis"),
    ],
)
def test_speakers_come_in_the_order_of_wav(tmp_path: Path, layout: str, mask: int, encoding: str) -> None:
    count = mask.bit_count()
    time = np.arange(RATE) / RATE
    tones = [(0.1 * np.sin(2 * np.pi * (60 + 8 * index) * time)).astype(np.float32) for index in range(count)]
    (tmp_path / "in.raw").write_bytes(np.stack(tones).T.tobytes())
    raw = ("-f", "f32le", "-ar", str(RATE), "-ac", str(count), "-channel_layout", layout, "-i", "in.raw")
    ffmpeg(*raw, "-af", f"aformat=channel_layouts={layout}", *encoding.split(), "a.mka", folder=tmp_path)
    with InputFile(tmp_path / "a.mka") as file:
        assert file.layout == mask
        assert dominant(np.concatenate(list(file.blocks(1.0)), axis=1), tones) == list(range(count))


@needs_video
def test_a_film_without_sound(shell: Shell) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1")
    ffmpeg(*picture, "mute.mp4", folder=shell.folder)
    assert shell.fails(1, "remix", "mute.mp4", "out.mp4", "--model", "toy") == "mute.mp4: holds no sound"
    assert shell.files() == ["mute.mp4"]


@needs_video
@pytest.mark.parametrize("text", ["hello\n", "#EXTM3U\n#EXTINF:10,\n{}\n", "ffconcat version 1.0\nfile {}\n"])
def test_what_only_names_other_files_is_not_followed(shell: Shell, text: str) -> None:
    path = write(shell.folder / "a.wav", sweep(), RATE)
    (shell.folder / "list.txt").write_text(text.format(path))
    line = shell.fails(1, "separate", "list.txt", *SPEECH)
    assert line.startswith("list.txt: not an audio file of a known format; damaged, or unknown to FFmpeg as well (")


def test_without_the_extra_the_error_names_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.folder / "film.mkv").write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    blocker = shell.folder / "blocked"
    blocker.mkdir()
    (blocker / "av.py").write_text("raise ModuleNotFoundError('No module named av', name='av')")
    shell.environment["PYTHONPATH"] = str(blocker)
    line = shell.fails(1, "separate", "film.mkv", *SPEECH)
    assert line == (
        f"film.mkv: not an audio file of a known format; {KNOWN_FORMATS}, "
        "what FFmpeg reads besides needs pip install 'unbraid[video]'"
    )
    write(shell.folder / "a.wav", sweep(), RATE)
    line = shell.fails(1, "remix", "a.wav", "a.m4a", "--model", "toy")
    assert line == "a.m4a: .m4a is written with pip install 'unbraid[video]'"


def test_the_package_does_not_import_av() -> None:
    script = "import sys, unbraid; unbraid.separate_file; assert 'av' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
