"""FLAC, by itself and in Ogg: every frame is checked, and what is broken is named and skipped."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import Audio, on_grid, soft_noise, write
from helpers.containers import decoded, flac_parts, ogg_page, pcm, written
from unbraid.files.formats import inspect, inspect_beginning
from unbraid.files.input_file import InputFile

BLOCK = 4096
ID3V1 = b"TAG" + bytes(125)
APEV2 = b"APETAGEX" + (2000).to_bytes(4, "little") + (3000).to_bytes(4, "little") + bytes(2988 + 32)


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return on_grid(soft_noise(rng, 2, 60000))


@pytest.fixture
def parts(tmp_path: Path, audio: Audio) -> tuple[list[bytes], list[bytes]]:
    """Metadata blocks and frames."""
    soundfile.write(tmp_path / "whole.flac", audio.T, 48000, subtype="PCM_16")
    blocks, frames = flac_parts((tmp_path / "whole.flac").read_bytes())
    assert len(frames) == -(-audio.shape[1] // BLOCK)
    return blocks, frames


def flac(parts: tuple[list[bytes], list[bytes]]) -> bytes:
    return b"fLaC" + b"".join(parts[0]) + b"".join(parts[1])


def in_ogg(parts: tuple[list[bytes], list[bytes]]) -> list[bytes]:
    """FLAC's pages in Ogg, one block or frame each."""
    blocks, frames = parts
    first = b"\x7fFLAC\1\0" + (len(blocks) - 1).to_bytes(2, "big") + b"fLaC" + blocks[0]
    pages = [ogg_page(first, 7, 0, 0, 2)]
    pages += [ogg_page(block, 7, number, 0, 0) for number, block in enumerate(blocks[1:], 1)]
    for index, frame in enumerate(frames):
        flags = 4 if frame is frames[-1] else 0
        pages.append(ogg_page(frame, 7, len(blocks) + index, BLOCK * (index + 1), flags))
    return pages


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_all_depths_are_exact(tmp_path: Path, audio: Audio, subtype: str, channels: int) -> None:
    mixture = np.resize(audio, (channels, 9999))
    if subtype == "PCM_S8":
        mixture = on_grid(mixture, 8)
    soundfile.write(tmp_path / "in.flac", mixture.T, 44100, subtype=subtype)
    np.testing.assert_array_equal(decoded(tmp_path / "in.flac")[0], mixture)


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"TAG" + bytes(125),
        APEV2,
        APEV2 + b"TAG" + bytes(125),
        b"ID3\3\0\0\0\6\x0d\x20" + bytes(100000),
        bytes(65536),
    ],
)
def test_what_follows_the_frames_does_no_harm(
    tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]], tail: bytes
) -> None:
    path = written(tmp_path / "in.flac", b"ID3\3\0\0\0\0\0\x10" + bytes(16) + flac(parts) + tail)
    np.testing.assert_array_equal(decoded(path)[0], audio)


def test_an_unknown_length_is_found_out(tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]) -> None:
    """An encoder that writes to a pipe leaves length and checksum open."""
    info = bytearray(parts[0][0])
    info[4 + 13] &= 0xF0
    info[4 + 14 : 4 + 34] = bytes(20)
    path = written(tmp_path / "in.flac", flac(([bytes(info), *parts[0][1:]], parts[1])))
    np.testing.assert_array_equal(decoded(path)[0], audio)


@pytest.mark.parametrize("place", [0, 5, 13])
@pytest.mark.parametrize("fault", ["bit", "header", "zeros", "gone", "one byte less", "one byte more"])
@pytest.mark.parametrize("ogg", [False, True])
def test_a_broken_frame_is_told_and_keeps_the_rest_in_place(
    tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]], place: int, fault: str, ogg: bool
) -> None:
    frames = list(parts[1])
    frame = bytearray(frames[place])
    if fault == "bit":
        frame[len(frame) // 2] ^= 0x10
    elif fault == "header":
        frame[3] ^= 0x40
    elif fault == "zeros":
        frame[100:] = bytes(len(frame) - 100)
    elif fault == "gone":
        frame.clear()
    elif fault == "one byte less":
        del frame[200]
    else:
        frame[200:200] = b"\1"
    frames[place] = bytes(frame)
    content = b"".join(in_ogg((parts[0], [each for each in frames if each]))) if ogg else flac((parts[0], frames))
    path = written(tmp_path / "in.flac", content)
    with pytest.raises(unbraid.AudioFileError, match=rf"4096 samples are missing .* at {place * BLOCK / 48000:.3f} s"):
        decoded(path)
    found, damage = decoded(path, keep_going=True)
    expected = audio.copy()
    expected[:, place * BLOCK : (place + 1) * BLOCK] = 0
    np.testing.assert_array_equal(found, expected)
    assert len(damage) == 1


def test_every_broken_place_is_told(tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]) -> None:
    frames = [frame if index % 3 else b"" for index, frame in enumerate(parts[1])]
    path = written(tmp_path / "in.flac", flac((parts[0], frames)))
    with pytest.raises(unbraid.AudioFileError, match=r"at 0\.000 s; .* at 0\.256 s; .* at 0\.512 s; and 2 more"):
        decoded(path)
    assert len(decoded(path, keep_going=True)[1]) == 5


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
@pytest.mark.parametrize("ogg", [False, True])
def test_a_cut_is_told(
    tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]], kept: float, ogg: bool
) -> None:
    content = b"".join(in_ogg(parts)) if ogg else flac(parts)
    path = written(tmp_path / "in.flac", content[: int(len(content) * kept)])
    with pytest.raises(unbraid.AudioFileError, match=r"cut short: .* at \d\.\d\d\d s"):
        decoded(path)
    found, _ = decoded(path, keep_going=True)
    assert 0 < found.shape[1] < audio.shape[1]
    np.testing.assert_array_equal(found, audio[:, : found.shape[1]])


def test_other_audio_than_was_encoded_is_told(
    tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]
) -> None:
    """Frames that are sound, but not those that the checksum was made of."""
    assert parts[0][0][-16:] == hashlib.md5(pcm(audio), usedforsecurity=False).digest()
    info = parts[0][0][:-1] + bytes([parts[0][0][-1] ^ 1])
    path = written(tmp_path / "in.flac", flac(([info, *parts[0][1:]], parts[1])))
    with pytest.raises(unbraid.AudioFileError, match=r"not the audio that was encoded.* \(MD5\)"):
        decoded(path)
    np.testing.assert_array_equal(decoded(path, keep_going=True)[0], audio)


def test_a_second_stream_is_told(tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]) -> None:
    path = written(tmp_path / "in.flac", flac(parts) * 2)
    with pytest.raises(unbraid.AudioFileError, match=r"another FLAC stream.* at 1\.250 s"):
        decoded(path)
    np.testing.assert_array_equal(decoded(path, keep_going=True)[0], audio)


def test_flac_in_ogg_is_read(tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]) -> None:
    path = written(tmp_path / "in.oga", b"".join(in_ogg(parts)))
    np.testing.assert_array_equal(decoded(path)[0], audio)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fLaC", "ends before the audio begins"),
        (b"fLaC\x84\0\0\4abcd", "STREAMINFO"),
        (b"fLaC\x80\0\0\x22" + bytes(34), "1 channels at 0 Hz"),
        (b"fLaC\x00\xff\xff\xff" + bytes(34), "ends before the audio begins"),
    ],
)
def test_headers_without_sense_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(unbraid.AudioFileError, match=message):
        decoded(written(tmp_path / "in.flac", content))


def test_an_endless_gap_is_not_filled(tmp_path: Path, audio: Audio, parts: tuple[list[bytes], list[bytes]]) -> None:
    """What a header or a frame claims may be days away."""
    info = bytearray(parts[0][0])
    info[4 + 13 : 4 + 18] = bytes([info[4 + 13] | 0xF, 255, 255, 255, 255])
    path = written(tmp_path / "in.flac", flac(([bytes(info), *parts[0][1:]], parts[1])))
    with pytest.raises(unbraid.AudioFileError, match=f"cut short: {(1 << 36) - 1 - 60000} of its"):
        decoded(path)
    np.testing.assert_array_equal(decoded(path, keep_going=True)[0], audio)


# --- the beginning of a long file -----------------------------------------------------------------------------------

RATE = 48000


@pytest.fixture
def long_parts(tmp_path: Path, rng: np.random.Generator) -> tuple[list[bytes], list[bytes]]:
    """Of 10 s in mono."""
    soundfile.write(tmp_path / "long.flac", on_grid(soft_noise(rng, 10 * RATE)), RATE, subtype="PCM_16")
    return flac_parts((tmp_path / "long.flac").read_bytes())


def beginning(path: Path, seconds: float) -> tuple[Audio, InputFile]:
    with InputFile(path, keep_going=True, beginning_seconds=seconds) as file:
        return np.concatenate(list(file.blocks(0.1234)), axis=1), file


def test_a_beginning_is_that_of_the_whole(tmp_path: Path, long_parts: tuple[list[bytes], list[bytes]]) -> None:
    path = written(tmp_path / "in.flac", b"ID3\3\0\0\0\0\0\x10" + bytes(16) + flac(long_parts))
    audio, file = beginning(path, 3.3)
    assert (file.is_beginning, file.num_samples, file.damage) == (True, 10 * RATE, [])
    np.testing.assert_array_equal(audio, decoded(path)[0][:, : round(3.3 * RATE)])


def test_a_beginning_takes_no_longer_in_a_longer_file(
    tmp_path: Path, long_parts: tuple[list[bytes], list[bytes]]
) -> None:
    class Watched:
        """A file that knows how far it was read."""

        def __init__(self, file: BinaryIO) -> None:
            self.file, self.reached, self.seek = file, 0, file.seek

        def read(self, count: int) -> bytes:
            data = self.file.read(count)
            self.reached = max(self.reached, self.file.tell())
            return data

    path = written(tmp_path / "in.flac", flac(long_parts) + bytes(10_000_000))
    reached = []
    for look in (lambda file: inspect_beginning(file, 1.0), inspect):
        with path.open("rb") as file:
            watched = Watched(file)
            assert look(watched)
            reached.append(watched.reached)
    assert reached[0] < 1_000_000 < 10_000_000 < reached[1]


@pytest.mark.parametrize("fault", ["short", "no length", "broken", "first is gone"])
def test_without_a_sound_beginning_all_is_looked_at(
    tmp_path: Path, long_parts: tuple[list[bytes], list[bytes]], fault: str
) -> None:
    blocks, frames = long_parts
    if fault == "no length":
        blocks[0] = blocks[0][: 4 + 13] + bytes([blocks[0][4 + 13] & 0xF0]) + bytes(20)
    if fault == "broken":
        frames[3] = frames[3][:99] + bytes(len(frames[3]) - 99)
    if fault == "first is gone":
        del frames[0]
    path = written(tmp_path / "in.flac", flac((blocks, frames)))
    audio, file = beginning(path, 9.0 if fault == "short" else 1.0)
    assert not file.is_beginning
    np.testing.assert_array_equal(audio, decoded(path, keep_going=True)[0])
    assert list(map(str, file.damage)) == decoded(path, keep_going=True)[1]


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp3"])
def test_other_formats_have_no_beginning(tmp_path: Path, rng: np.random.Generator, kind: str) -> None:
    path = write(tmp_path / f"in.{kind}", soft_noise(rng, 1, 10 * RATE))
    audio, file = beginning(path, 1.0)
    assert not file.is_beginning
    np.testing.assert_array_equal(audio, decoded(path)[0])
