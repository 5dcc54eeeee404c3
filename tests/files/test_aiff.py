"""AIFF: as WAV, checked before it is decoded."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, on_grid, soft_noise
from helpers.containers import decoded, pcm, written

SOWT = b"sowt\0\0"


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack(">I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def comm(frames: int, bits: int = 16, kind: bytes = b"", channels: int = 2) -> bytes:
    rate = (16383 + 15).to_bytes(2, "big") + (48000 << 48).to_bytes(8, "big")
    return chunk(b"COMM", struct.pack(">HIH", channels, frames, bits) + rate + kind)


def aiff(*chunks: bytes, kind: bytes = b"AIFF") -> bytes:
    body = kind + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


def sound(data: bytes, size: int | None = None) -> bytes:
    return chunk(b"SSND", bytes(8) + data, size)


def big(data: bytes, bits: int) -> bytes:
    """The other order of bytes."""
    return np.frombuffer(data, np.uint8).reshape(-1, bits // 8)[:, ::-1].tobytes()


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return on_grid(soft_noise(rng, 2, 999))


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_are_scaled_by_a_power_of_two(tmp_path: Path, audio: Audio, bits: int) -> None:
    data = big(pcm(audio, bits), bits)
    for content in (aiff(comm(999, bits), sound(data)), aiff(sound(data), comm(999, bits))):
        np.testing.assert_array_equal(decoded(written(tmp_path / "in.aiff", content))[0], audio)


def test_eight_bits_are_signed(tmp_path: Path) -> None:
    data = np.arange(-128, 128, dtype=np.int8).tobytes()
    content = aiff(comm(256, 8, channels=1), sound(data))
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.aiff", content))[0], [np.arange(-128, 128) / 128])


@pytest.mark.parametrize(("kind", "dtype"), [(SOWT, "<i2"), (b"fl32\0\0", ">f4"), (b"FL64\0\0", ">f8")])
def test_aiff_c_is_read(tmp_path: Path, audio: Audio, kind: bytes, dtype: str) -> None:
    scaled = audio.T * (32768 if dtype == "<i2" else 1)
    data = scaled.astype(dtype).tobytes()
    content = aiff(comm(999, int(dtype[2]) * 8, kind), sound(data), kind=b"AIFC")
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.aifc", content))[0], audio)


def test_an_unfinished_header_loses_nothing(tmp_path: Path, audio: Audio) -> None:
    content = aiff(comm(0), sound(big(pcm(audio), 16), 0))
    np.testing.assert_array_equal(decoded(written(tmp_path / "in.aiff", content))[0], audio)


def test_a_cut_is_told_with_its_time(tmp_path: Path, audio: Audio) -> None:
    content = aiff(comm(999), sound(big(pcm(audio), 16)))
    path = written(tmp_path / "in.aiff", content[:-1996])
    with pytest.raises(unbraid.AudioFileError, match=r"cut short: it holds 2000 of the 3996 .* at 0\.010 s"):
        decoded(path)
    np.testing.assert_array_equal(decoded(path, keep_going=True)[0], audio[:, :500])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (aiff(comm(9, kind=b"ima4\0\0"), sound(bytes(99)), kind=b"AIFC"), "compressed as 'ima4'"),
        (aiff(comm(9, 0), sound(bytes(99))), "0 bits"),
        (aiff(comm(9, 8194), sound(bytes(99))), "8194 bits"),
        (aiff(comm(9, channels=0), sound(bytes(99))), "0 channels"),
        (aiff(chunk(b"COMM", bytes(8)), sound(bytes(99))), '"COMM" chunk has 8 bytes'),
        (aiff(chunk(b"COMM", bytes([0, 2] + 16 * [255])), sound(bytes(99))), "at 0 Hz"),
        (aiff(sound(bytes(99))), '"COMM" chunk, which .*, is missing'),
        (aiff(comm(9)), "ends before the audio begins"),
        (aiff(comm(999), sound(bytes(40)), chunk(b"ANNO", bytes(9999))), "promises 999 samples, but .* room for 10"),
        (aiff(comm(9), kind=b"ILBM"), "not an audio file"),
    ],
)
def test_what_no_decoder_should_see_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    if find_spec("av") and message.startswith("compressed"):  # FFmpeg tries, and has its own words
        message += "|cannot be decoded|cut short"
    with pytest.raises(unbraid.AudioFileError, match=message):
        decoded(written(tmp_path / "in.aiff", content))
