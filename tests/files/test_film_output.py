"""Films out: the new sound in sync to the sample, all else as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, write
from helpers.films import RATE, ffmpeg, lag, make_film, needs_video, packets, probe, snr, sweep
from helpers.shell import Shell
from unbraid.files.input_file import InputFile

pytestmark = needs_video
# Half of everything: the toy model's stems, which are noise of their own, sum to the mixture.
HALF = ("--speech=-6.0206", "--music=-6.0206", "--noise=-6.0206", "--model=toy")
SUBTITLES = "1\n00:00:00,500 --> 00:00:01,500\nHello\n\n2\n00:00:02,000 --> 00:00:02,500\nWorld\n"
CHAPTERS = (
    ";FFMETADATA1\ntitle=A film\nartist=Me\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\ntitle=Two\n"
)


def heard(path: Path, track: int = 1) -> Audio:
    with InputFile(path, track=track) as file:
        return np.concatenate([np.zeros((file.channels, 0), np.float32), *file.blocks(0.5)], axis=1)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A picture with two sounds, subtitles, chapters and tags."""
    make_film(tmp_path / "plain.mkv", sweep(), "-c:a", "flac")
    write(tmp_path / "second.wav", sweep()[::-1], RATE)
    (tmp_path / "subtitles.srt").write_text(SUBTITLES)
    (tmp_path / "about.txt").write_text(CHAPTERS)
    inputs = ("-i", "plain.mkv", "-i", "second.wav", "-i", "subtitles.srt", "-f", "ffmetadata", "-i", "about.txt")
    maps = ("-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-map_chapters", "3")
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", "-disposition:a:1", "original")
    codecs = ("-c:v", "copy", "-c:a", "aac", "-b:a", "256k", "-c:s", "mov_text")
    ffmpeg(*inputs, *maps, *codecs, *languages, "film.mp4", folder=tmp_path)
    for name in ("plain.mkv", "second.wav", "subtitles.srt", "about.txt"):
        (tmp_path / name).unlink()
    return tmp_path / "film.mp4"


def about(path: Path) -> dict[str, list[Any]]:
    """Streams, chapters and tags."""
    found = probe(path, "-show_streams", "-show_chapters", "-show_format")
    streams = [
        (each["codec_type"], each.get("tags", {}).get("language"), each["disposition"]["original"])
        for each in found["streams"]
    ]
    chapters = [(each["start_time"], each["end_time"], each["tags"]["title"]) for each in found["chapters"]]
    tags = {key.lower(): value for key, value in found["format"]["tags"].items()}
    return {"streams": streams, "chapters": chapters, "tags": [(tags.get("title"), tags.get("artist"))]}


@pytest.mark.parametrize("track", [1, 2])
def test_a_remix_changes_nothing_but_the_sound(shell: Shell, film: Path, track: int) -> None:
    done = shell.run("remix", "film.mp4", "out.mp4", *HALF, "--audio-track", str(track))
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.mp4\n", "")
    out = shell.folder / "out.mp4"
    other = 3 - track
    for stream in ("v:0", "s:0", f"a:{other - 1}"):
        assert packets(out, stream) == packets(film, stream)
    assert about(out) == about(film)
    assert about(out)["chapters"]
    before, after = heard(film, track), heard(out, track)
    assert after.shape == before.shape
    assert lag(after, before) == 0
    assert snr(2 * after, before) > 25


@pytest.mark.parametrize(
    ("source", "encoding", "target"),
    [
        ("in.mp4", "-c:a aac", "out.mp4"),
        ("in.mp4", "-c:a aac", "out.mov"),
        ("in.mp4", "-c:a aac", "out.mkv"),
        ("in.mov", "-c:a pcm_s16le", "out.mov"),
        ("in.mkv", "-c:a libopus", "out.mkv"),
        ("in.mkv", "-c:a ac3", "out.mp4"),
        ("in.webm", "-c:a libopus", "out.webm"),
        ("in.avi", "-c:a pcm_s16le -c:v mpeg4 -bf 0", "out.mkv"),
        ("in.ts", "-c:a aac", "out.mp4"),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_sound_stays_in_sync_to_the_sample(
    shell: Shell, source: str, encoding: str, target: str, offset: float
) -> None:
    """The picture's times against the sound's, before and after."""
    make_film(shell.folder / source, sweep(), *encoding.split(), offset=offset)
    done = shell.run("remix", source, target, *HALF, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    before, after = heard(shell.folder / source), heard(shell.folder / target)
    assert after.shape == before.shape
    assert lag(after, before) == 0
    assert snr(2 * after, before) > 20
    first, second = packets(shell.folder / source, "v:0"), packets(shell.folder / target, "v:0")
    assert len(first) == len(second)
    shifts = {
        round(second_time - first_time, 2) for (first_time, _), (second_time, _) in zip(first, second, strict=True)
    }
    assert len(shifts) == 1  # as one, where the times of the film did not start at 0
    if not source.endswith(".ts"):  # whose packets have another form
        assert [content for _, content in first] == [content for _, content in second]
        assert shifts == {0.0}


def test_ffmpeg_hears_the_same(shell: Shell) -> None:
    """Edit lists and priming, as another program of another version understands them."""
    make_film(shell.folder / "in.mp4", sweep(), "-c:a", "aac")
    assert shell.run("remix", "in.mp4", "out.mp4", *HALF).returncode == 0
    command = ["ffmpeg", "-v", "error", "-i", "out.mp4", "-map", "0:a", "-f", "f32le", "-"]
    data = subprocess.run(command, cwd=shell.folder, capture_output=True, check=True).stdout
    found = np.frombuffer(data, "<f4").reshape(-1, 2).T
    assert lag(found, sweep()) == 0
    assert 0 <= found.shape[1] - sweep().shape[1] < 1024


def test_stems_as_films(shell: Shell, film: Path) -> None:
    done = shell.run("separate", "film.mp4", "--video", "--stems", "speech,music", "--model", "toy")
    assert done.stdout.splitlines() == ["stems/film/speech.mp4", "stems/film/music.mp4"]
    for path in done.stdout.splitlines():
        assert packets(shell.folder / path, "v:0") == packets(film, "v:0")
    stems = unbraid.separate(heard(film), RATE, str(Path(shell.environment["UNBRAID_MODELS"]) / "toy.onnx"))
    assert snr(heard(shell.folder / "stems/film/music.mp4"), stems["music"]) > 15


def test_stems_as_tracks(shell: Shell, film: Path) -> None:
    done = shell.run("separate", "film.mp4", "--multitrack", "out.mov", "--model", "toy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.mov\n", "")
    out = shell.folder / "out.mov"
    assert packets(out, "v:0") == packets(film, "v:0")
    names = [each["tags"]["handler_name"] for each in probe(out, "-show_streams")["streams"] if "tags" in each]
    assert names[1:4] == ["speech", "music", "noise"]
    total = sum(heard(out, track) for track in (1, 2, 3))
    np.testing.assert_allclose(total, heard(film), atol=1e-6)  # nothing is lost
    np.testing.assert_allclose(heard(out, 4), heard(film, 2), atol=1e-6)  # the other sound


def test_tracks_of_audio_alone(shell: Shell) -> None:
    write(shell.folder / "in.wav", sweep(), RATE, 24)
    done = shell.run("separate", "in.wav", "--multitrack", "new/out.mka", "--bits", "16", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    streams = probe(shell.folder / "new/out.mka", "-show_streams")["streams"]
    assert [(each["tags"]["title"], each["codec_name"]) for each in streams] == [
        ("speech", "flac"), ("music", "flac"), ("noise", "flac"),
    ]  # fmt: skip
    total = sum(heard(shell.folder / "new/out.mka", track) for track in (1, 2, 3))
    np.testing.assert_allclose(total, sweep(), atol=3 * 1.5 / 2**15)  # with dither on each


def test_what_a_container_does_not_hold_is_refused(shell: Shell, film: Path) -> None:
    line = shell.fails(1, "remix", "film.mp4", "out.webm", "--model", "toy")
    assert line == "film.mp4: out.webm: .webm cannot hold the input's video stream 0 (h264); its own format can"
    write(shell.folder / "a.wav", sweep(rate=192000), 192000)
    line = shell.fails(1, "remix", "a.wav", "a.m4a", "--model", "toy")
    assert "m4a holds AAC, of rates up to 96000 Hz, the input has 192000; mkv and mov hold any" in line
    line = shell.fails(1, "separate", "a.wav", "--video", "--model", "toy")
    assert line == "a.wav: has no picture"
    assert shell.files() == ["a.wav", "film.mp4"]


def test_audio_from_a_film_without_the_picture(shell: Shell, film: Path) -> None:
    assert shell.run("remix", "film.mp4", "out.m4a", *HALF).returncode == 0
    streams = probe(shell.folder / "out.m4a", "-show_streams")["streams"]
    assert {each["codec_type"] for each in streams} <= {"audio", "data"}
    assert shell.run("remix", "film.mp4", "out.wav", "--model", "toy").returncode == 0
    np.testing.assert_allclose(read_audio(shell.folder / "out.wav"), heard(film), atol=1e-6)


def test_phones_and_cameras(shell: Shell) -> None:
    """What players ask for: the picture's rotation, Apple's tag of HEVC, and the time code."""
    make_film(shell.folder / "raw.mov", sweep(), "-c:a", "aac", "-c:v", "libx265", "-x265-params", "log-level=none")
    options = ("-c", "copy", "-tag:v", "hvc1", "-metadata:s:v", "rotate=90", "-timecode", "01:00:00:00")
    ffmpeg("-i", "raw.mov", *options, "in.mov", folder=shell.folder)
    done = shell.run("remix", "in.mov", "out.mov", *HALF)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = (probe(shell.folder / name, "-show_streams")["streams"] for name in ("in.mov", "out.mov"))
    for key in ("codec_tag_string", "side_data_list", "width", "avg_frame_rate"):
        assert after[0].get(key) == before[0].get(key)
    assert after[0]["codec_tag_string"] == "hvc1"
    assert [each["tags"].get("timecode") for each in after if each["codec_type"] == "data"] == ["01:00:00:00"]


def test_a_failed_film_leaves_nothing(shell: Shell) -> None:
    path = make_film(shell.folder / "in.mkv", sweep(seconds=6), "-c:a", "flac")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 7 // 10])
    assert "cut short" in shell.fails(1, "remix", "in.mkv", "out.mkv", "--model", "toy")
    assert shell.files() == ["in.mkv"]


def test_threads_change_nothing_in_a_film(film: Path, tmp_path: Path, toy_model_path: Path) -> None:
    """Sound is decoded while the picture is copied out of the same file."""
    remixed = [
        unbraid.remix_file(film, tmp_path / f"{threads}.mov", model=toy_model_path, threads=threads, music_db=-6)
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*map(heard, remixed))
    assert packets(remixed[0], "v") == packets(remixed[1], "v")
