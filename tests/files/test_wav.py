"""WAV and its relatives: what the header says is checked, and believed only as far as the file holds it."""

from __future__ import annotations

import contextlib
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, on_grid, soft_noise
from helpers.containers import FLOAT, PCM, chunk, decoded, fmt, pcm, w64, wav, written

UNKNOWN = 0xFFFFFFFF


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    """On the grid of 16-bit integers, so that any depth holds it exactly."""
    return on_grid(soft_noise(rng, 2, 9999))


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("mask", [None, 3])
def test_integers_are_scaled_by_a_power_of_two(tmp_path: Path, audio: Audio, bits: int, mask: int | None) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio, bits), fmt(bits=bits, mask=mask)))
    np.testing.assert_array_equal(decoded(path)[0], audio)


def test_eight_bits_are_unsigned(tmp_path: Path) -> None:
    path = written(tmp_path / "in.wav", wav(bytes(range(256)), fmt(channels=1, bits=8)))
    np.testing.assert_array_equal(decoded(path)[0], [(np.arange(256) - 128) / 128])


@pytest.mark.parametrize("bits", [32, 64])
def test_floats_are_kept(tmp_path: Path, audio: Audio, bits: int) -> None:
    data = (3 * audio).T.astype(f"<f{bits // 8}").tobytes()
    path = written(tmp_path / "in.wav", wav(data, fmt(FLOAT, bits=bits)))
    np.testing.assert_array_equal(decoded(path)[0], 3 * audio)


def test_big_endian_is_read(tmp_path: Path, audio: Audio) -> None:
    data = np.frombuffer(pcm(audio), "<i2").astype(">i2").tobytes()
    body = b"WAVEfmt " + struct.pack(">IHHIIHH", 16, PCM, 2, 48000, 192000, 4, 16)
    body += b"data" + struct.pack(">I", len(data)) + data
    path = written(tmp_path / "in.wav", b"RIFX" + struct.pack(">I", len(body)) + body)
    np.testing.assert_array_equal(decoded(path)[0], audio)


UNFINISHED = [
    (UNKNOWN, UNKNOWN),  # ffmpeg to a pipe
    (0x7FFFF024, 0x7FFFF000),  # SoX to a pipe
    (0x80000024, 0x80000000),  # arecord to a pipe
    (0xFFFFFFF7, 0xFFFFFFD3),
    (36, 0),  # recorders that died
    (4088, 0),
    (0, 0),
    (0, None),
    (UNKNOWN, None),
]


@pytest.mark.parametrize(("riff_size", "data_size"), [*UNFINISHED, (0, 8000)])
def test_an_unfinished_header_loses_nothing(
    tmp_path: Path, audio: Audio, riff_size: int, data_size: int | None
) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio), riff_size=riff_size, data_size=data_size))
    np.testing.assert_array_equal(decoded(path)[0], audio)


@pytest.mark.parametrize(("riff_size", "data_size"), UNFINISHED)
def test_silence_under_an_unfinished_header_is_audio(tmp_path: Path, riff_size: int, data_size: int | None) -> None:
    path = written(tmp_path / "in.wav", wav(bytes(4000), riff_size=riff_size, data_size=data_size))
    assert decoded(path)[0].shape == (2, 1000)


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    path = written(tmp_path / "in.wav", wav(b"", after=chunk(b"LIST", b"INFO")))
    assert decoded(path)[0].shape == (2, 0)


@pytest.mark.parametrize("riff_size", [36 + 8000, 36 + 39996, 0x7FFFF024, UNKNOWN])
def test_bytes_that_the_header_does_not_count_are_told(tmp_path: Path, audio: Audio, riff_size: int) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio), riff_size=riff_size, data_size=8000))
    with pytest.raises(unbraid.AudioFileError, match=r"31996 bytes that its header does not count .* at 0\.042 s"):
        decoded(path)
    assert decoded(path, keep_going=True)[0].shape == (2, 2000)


def test_joined_files_are_told(tmp_path: Path, audio: Audio) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio)) * 2)
    with pytest.raises(unbraid.AudioFileError, match=r"another WAV file at 0\.208 s"):
        decoded(path)


@pytest.mark.parametrize(
    "tail",
    [
        chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 4) + b"Some"),
        chunk(b"id3 ", b"ID3\3\0\0\0\0\0\0") + chunk(b"bext", bytes(602)),
        b"TAG" + b"M" * 125,
        bytes(300),
        b"\0",
    ],
)
def test_what_may_follow_the_audio_does_no_harm(tmp_path: Path, audio: Audio, tail: bytes) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio)) + tail)
    np.testing.assert_array_equal(decoded(path)[0], audio)


def test_a_cut_behind_the_audio_does_no_harm(tmp_path: Path, audio: Audio) -> None:
    path = written(tmp_path / "in.wav", wav(pcm(audio), after=chunk(b"LIST", bytes(999)))[:-500])
    np.testing.assert_array_equal(decoded(path)[0], audio)


def test_chunks_without_their_padding_are_passed_over(tmp_path: Path, audio: Audio) -> None:
    content = wav(pcm(audio), before=b"LIST\3\0\0\0abc")
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.wav", content))[0], audio)


@pytest.mark.parametrize("kept", [0, 1, 4000, 39990])
def test_a_cut_is_told_with_its_time(tmp_path: Path, audio: Audio, kept: int) -> None:
    content = wav(pcm(audio))
    path = written(tmp_path / "in.wav", content[: 44 + kept])
    message = rf"cut short: it holds {kept} of the 39996 bytes .*, and ends at {kept // 4 / 48000:.3f} s"
    with pytest.raises(unbraid.AudioFileError, match=message):
        decoded(path)
    np.testing.assert_array_equal(decoded(path, keep_going=True)[0], audio[:, : kept // 4])


@pytest.mark.parametrize("riff", [b"RF64", b"BW64"])
@pytest.mark.parametrize("stated", [None, 0, (1 << 63) - 1, (1 << 64) - 1])
def test_rf64_keeps_its_size_apart(tmp_path: Path, audio: Audio, riff: bytes, stated: int | None) -> None:
    data = pcm(audio)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(data) if stated is None else stated, 0, 0))
    content = wav(data, riff=riff, riff_size=UNKNOWN, data_size=UNKNOWN, before=ds64)
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.wav", content))[0], audio)


def test_a_cut_rf64_is_told(tmp_path: Path, audio: Audio) -> None:
    data = pcm(audio)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, 5 << 30, 0, 0))
    content = wav(data, riff=b"RF64", riff_size=UNKNOWN, data_size=UNKNOWN, before=ds64)
    with pytest.raises(unbraid.AudioFileError, match=f"holds {len(data)} of the {5 << 30} bytes"):
        decoded(written(tmp_path / "in.wav", content))


def test_w64_is_read_and_its_cut_told(tmp_path: Path, audio: Audio) -> None:
    data = pcm(audio, 24)
    content = w64(data, fmt(bits=24))
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.w64", content))[0], audio)
    for unknown in (0, (1 << 63) - 25, (1 << 64) - 25):
        unfinished = w64(data, fmt(bits=24), unknown)[:-6]  # without the padding
        np.testing.assert_array_equal(decoded(written(tmp_path / "in.w64", unfinished))[0], audio)
    with pytest.raises(unbraid.AudioFileError, match="cut short"):
        decoded(written(tmp_path / "in.w64", content[:-5000]))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (fmt(0x11, bits=4, frame_bytes=1024), r"compressed as IMA ADPCM \(format 0x11\)"),
        (fmt(0x31, bits=0, frame_bytes=65), "compressed as GSM"),
        (fmt(0x2), "compressed as Microsoft ADPCM"),
        (fmt(0xABCD), "compressed as something unknown"),
        (fmt(0x6, bits=8194, frame_bytes=4), "8194 bits"),
        (fmt(0x7, bits=16), "16 bits"),
        (fmt(PCM, bits=0), "0 bits"),
        (fmt(PCM, bits=64), "64 bits"),
        (fmt(PCM, bits=16, frame_bytes=0), "0 bytes in 2 channels"),
        (fmt(PCM, bits=24, frame_bytes=8), "8 bytes in 2 channels"),
        (fmt(FLOAT, bits=16), "16 bits"),
        (fmt(PCM, channels=0), "0 channels"),
        (fmt(PCM, rate=0), "0 Hz"),
        (fmt()[:14], '"fmt " chunk has 14 bytes'),
        (fmt(mask=3)[:24], "extended in a way"),
        (fmt(mask=3)[:26] + bytes(14), "extended in a way"),
        (fmt(0x55), "no MP3 frame"),
    ],
)
def test_what_no_decoder_should_see_is_refused(tmp_path: Path, audio: Audio, form: bytes, message: str) -> None:
    if find_spec("av") and message.startswith("compressed"):  # FFmpeg tries, and has its own words
        message += "|cannot be decoded"
    with pytest.raises(unbraid.AudioFileError, match=message):
        decoded(written(tmp_path / "in.wav", wav(pcm(audio), form)))


@pytest.mark.parametrize("tag", [PCM, FLOAT, 0x2, 0x6, 0x7, 0x11, 0x31, 0x50, 0x55, 0x161, 0xFFFE])
def test_no_depth_is_too_odd(tmp_path: Path, tag: int) -> None:
    """Each is read or refused in words."""
    for bits in (0, 1, 3, 4, 7, 12, 20, 33, 48, 255, 8194, 65535):
        for frame_bytes in (0, 1, bits // 4, 2 * ((bits + 7) // 8), 65535):
            path = written(tmp_path / "in.wav", wav(bytes(400), fmt(tag, bits=bits, frame_bytes=frame_bytes % 65536)))
            with contextlib.suppress(unbraid.AudioFileError):
                assert decoded(path)[0].shape[0] == 2


@pytest.mark.parametrize("bits", [12, 20])
def test_integers_fill_bytes_from_the_highest_bit(tmp_path: Path, audio: Audio, bits: int) -> None:
    width = (bits + 7) // 8 * 8
    content = wav(pcm(audio, width), fmt(bits=bits, frame_bytes=width // 4))
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.wav", content))[0], audio)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF\x24\0\0\0WAVE" + chunk(b"data", bytes(400)), r'"fmt " chunk, which .*, is missing'),
        (b"RIFF\x24\0\0\0WAVE" + chunk(b"fmt ", fmt()), "ends before the audio begins"),
        (b"RIFF\x24\0\0\0WAVE" + bytes(1 << 20), "ends before the audio begins"),
        (b"RIFF\x24\0\0\0WAVE" + chunk(b"LIST", b"") * 100_000, "ends before the audio begins"),
        (b"RIFF\x24\0\0\0AVI " + bytes(100), "not an audio file"),
    ],
)
def test_files_without_audio_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(unbraid.AudioFileError, match=message):
        decoded(written(tmp_path / "in.wav", content))
