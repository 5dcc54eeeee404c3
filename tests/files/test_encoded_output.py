"""MP3, Ogg Vorbis and Opus out: as long as the input, in its place, with its speakers; and tags in all forms."""

from __future__ import annotations

import resource
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import write
from helpers.containers import chunk, decoded, dominant, fmt, pcm, wav
from helpers.films import RATE, lag, needs_video, probe, snr, sweep
from helpers.shell import Shell
from unbraid.files.input_file import InputFile

TAGS = {"title": "Über", "artist": "Me", "album": "An album", "date": "2020", "track": "3", "genre": "Speech"}
BEXT = b"A recording".ljust(256, b"\0") + bytes(82) + struct.pack("<Q", 123456789) + bytes(256)
FORMATS = ["mp3", "ogg", "opus"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("rate", "length"), [(48000, 100000), (16000, 30001), (48000, 1)])
def test_length_and_place_are_kept(shell: Shell, kind: str, rate: int, length: int) -> None:
    audio = sweep(seconds=length / rate, rate=rate)
    write(shell.folder / "in.wav", audio, rate, 24)
    done = shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    found, damage = decoded(shell.folder / f"out.{kind}")
    assert found.shape == audio.shape
    assert not damage
    if length > 1:
        assert lag(found, audio) == 0
        assert snr(found, audio) > 20


@needs_video
@pytest.mark.parametrize("kind", FORMATS)
def test_ffmpeg_sees_the_same(shell: Shell, kind: str) -> None:
    audio = sweep()
    write(shell.folder / "in.wav", audio, RATE, 24)
    assert shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy").returncode == 0
    assert shell.run("remix", f"out.{kind}", "again.mka", "--model", "toy").returncode == 0
    ffmpeg_s = probe(shell.folder / f"out.{kind}", "-show_frames", "-show_entries", "frame=nb_samples")["frames"]
    assert sum(frame["nb_samples"] for frame in ffmpeg_s) == audio.shape[1]


@needs_video
def test_opus_of_other_rates_is_resampled(shell: Shell) -> None:
    write(shell.folder / "in.wav", sweep(rate=44100), 44100, 24)
    assert shell.run("remix", "in.wav", "out.opus", "--model", "toy").returncode == 0
    found, _ = decoded(shell.folder / "out.opus")
    assert found.shape == sweep().shape
    assert lag(found, sweep()) == 0
    assert snr(found, sweep()) > 20


@pytest.mark.parametrize(("kind", "channels"), [("ogg", 6), ("opus", 6), ("ogg", 3), ("opus", 8)])
def test_speakers_go_where_the_format_has_them(shell: Shell, kind: str, channels: int) -> None:
    time = np.arange(RATE) / RATE
    tones = [(0.1 * np.sin(2 * np.pi * (60 + 8 * index) * time)).astype(np.float32) for index in range(channels)]
    mask = {3: 0x7, 6: 0x60F, 8: 0x63F}[channels]
    (shell.folder / "in.wav").write_bytes(wav(pcm(np.stack(tones)), fmt(channels=channels, mask=mask)))
    assert shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy").returncode == 0
    assert dominant(decoded(shell.folder / f"out.{kind}")[0], tones) == list(range(channels))


@pytest.mark.parametrize(
    ("kind", "form", "message"),
    [
        ("mp3", fmt(channels=6, mask=0x3F), "mp3 holds 2 channels, the input has 6; ogg and opus hold more"),
        ("mp3", fmt(rate=96000), "48000 Hz, the input has 96000 Hz; ogg holds any"),
        ("ogg", fmt(channels=3, mask=0xB), "ogg has no place for the input's speakers (0xb); wav and flac keep them"),
    ],
)
def test_what_a_format_does_not_hold_is_refused(shell: Shell, kind: str, form: bytes, message: str) -> None:
    (shell.folder / "in.wav").write_bytes(wav(bytes(3600), form))
    assert shell.fails(1, "remix", "in.wav", f"out.{kind}", "--model", "toy").endswith(message)
    assert shell.files() == ["in.wav"]


@pytest.mark.parametrize("kind", [*FORMATS, "flac", "wav"])
def test_a_full_disk_is_told(shell: Shell, kind: str, rng: np.random.Generator) -> None:
    write(shell.folder / "in.wav", rng.uniform(-1, 1, (2, 5 * RATE)).astype(np.float32), RATE)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))

    done = shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy", prepare=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"out.{kind}: File too large")
    assert len(done.stderr.splitlines()) == 1
    assert shell.files() == ["in.wav"]


# --- tags -----------------------------------------------------------------------------------------------------------


def tagged(path: Path) -> dict[str, str]:
    with InputFile(path) as file:
        return file.metadata.tags


def tagged_wav(path: Path, *, behind: bool = False) -> Path:
    names = {"title": b"INAM", "artist": b"IART", "album": b"IPRD", "date": b"ICRD", "track": b"ITRK", "genre": b"IGNR"}
    info = b"INFO" + b"".join(chunk(names[name], value.encode() + b"\0") for name, value in TAGS.items())
    chunks = chunk(b"LIST", info) + chunk(b"bext", BEXT)
    path.write_bytes(wav(pcm(sweep(seconds=0.5)), **{"after" if behind else "before": chunks}))
    return path


@pytest.mark.parametrize("kind", [*FORMATS, "flac", "wav"])
@pytest.mark.parametrize("behind", [False, True])
def test_tags_go_from_form_to_form(shell: Shell, kind: str, behind: bool) -> None:
    tagged_wav(shell.folder / "in.wav", behind=behind)
    assert shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy").returncode == 0
    assert tagged(shell.folder / f"out.{kind}") == TAGS
    assert shell.run("remix", f"out.{kind}", "back.flac", "--model", "toy").returncode == 0
    assert tagged(shell.folder / "back.flac") == TAGS
    with soundfile.SoundFile(shell.folder / "back.flac") as file:  # as another reader sees it
        assert (file.title, file.frames) == (TAGS["title"], RATE // 2)


@needs_video
@pytest.mark.parametrize("name", ["in.m4a", "in.mp3", "in.ogg", "in.opus", "in.mka"])
def test_tags_that_ffmpeg_wrote(shell: Shell, name: str) -> None:
    from helpers.films import ffmpeg

    write(shell.folder / "plain.wav", sweep(), RATE)
    ffmpeg(
        "-i", "plain.wav", *(f for k, v in TAGS.items() for f in ("-metadata", f"{k}={v}")), name, folder=shell.folder
    )
    assert shell.run("separate", name, "--stems", "music", "--model", "toy").returncode == 0
    assert tagged(shell.folder / "stems/in/music.wav") == TAGS
    assert shell.run("remix", name, "out.m4a", "--model", "toy").returncode == 0
    assert tagged(shell.folder / "out.m4a") == TAGS


def test_the_time_stamp_of_broadcast_wav_is_kept(shell: Shell, toy_model: unbraid.Model) -> None:
    tagged_wav(shell.folder / "in.wav", behind=True)
    for bits in ("16", "float"):
        assert shell.run("remix", "in.wav", "out.wav", "--bits", bits, "--force", "--model", "toy").returncode == 0
        data = (shell.folder / "out.wav").read_bytes()
        assert data[12:16] == b"bext"  # ahead of the audio, where programs look for it
        assert data[20 : 20 + len(BEXT)] == BEXT
        assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
        with soundfile.SoundFile(shell.folder / "out.wav") as file:
            assert file.frames == RATE // 2


def test_tags_and_speakers_go_together(shell: Shell) -> None:
    info = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Title\0"))
    audio = np.tile(sweep(seconds=0.5), (3, 1))
    (shell.folder / "in.wav").write_bytes(wav(pcm(audio), fmt(channels=6, mask=0x60F), before=info))
    for kind in ("flac", "wav"):
        assert shell.run("remix", "in.wav", f"out.{kind}", "--model", "toy").returncode == 0
        with InputFile(shell.folder / f"out.{kind}") as file:
            assert (file.metadata.tags, file.layout) == ({"title": "Title"}, 0x60F)
            np.testing.assert_allclose(np.concatenate(list(file.blocks(1.0)), axis=1), audio, atol=1e-4)


@pytest.mark.parametrize(
    ("version", "frames"),
    [
        (2, b"TT2\0\0\x06\0\xdcber\0"),
        (3, b"TIT2\0\0\0\x0b\0\0\x01\xff\xfe\xdc\0b\0e\0r\0"),
        (4, b"TIT2\0\0\0\x06\0\0\x03\xc3\x9cber"),
        (3, b"COMM\0\0\0\x0b\0\0\0eng\0a nice" + b"TIT2\0\0\0\x05\0\0\0\xdcber"),
    ],
)
def test_id3_of_all_versions(tmp_path: Path, version: int, frames: bytes) -> None:
    write(tmp_path / "plain.mp3", sweep())
    head = b"ID3" + bytes([version, 0, 0, 0, 0, len(frames) >> 7, len(frames) & 0x7F])
    (tmp_path / "in.mp3").write_bytes(head + frames + (tmp_path / "plain.mp3").read_bytes())
    assert tagged(tmp_path / "in.mp3")["title"] == "Über"


@pytest.mark.parametrize("broken", [b"\xff" * 8, b"\xff\xff\xff\x7f" * 3, b"", b"\4\0\0\0abcd\xff\xff\0\0\3\0\0\0a=b"])
def test_broken_tags_do_no_harm(broken: bytes) -> None:
    from unbraid.files.contents import Metadata
    from unbraid.files.formats import metadata

    for read in (metadata.read_comments, metadata.read_info):
        read(broken, Metadata())
        read(b"INFO" + broken, Metadata())
    for version in (2, 3, 4):
        for name in (b"COMM", b"TIT2"):
            metadata.read_id3(b"ID3" + bytes([version]) + bytes(6) + name + broken, Metadata())
