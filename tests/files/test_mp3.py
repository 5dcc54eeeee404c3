"""MP3: as long as its frames, wherever they stand, without what encoder and decoder put around the audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

import unbraid
from helpers.audio import Audio, read_audio, soft_noise
from helpers.containers import decoded, has_note, mp3_frames, wav, written
from helpers.containers import fmt as wav_format

FRAME = 1152
ID3V2 = b"ID3\3\0\0\0\0\2\x2c" + bytes(300)
ID3V1 = b"TAG" + b"Title".ljust(125, b" ")
APEV2 = b"APETAGEX" + (2000).to_bytes(4, "little") + (132).to_bytes(4, "little") + bytes(4) + b"\0\0\0\xa0" + bytes(8)
APEV2 += bytes(100) + b"APETAGEX" + (2000).to_bytes(4, "little") + (132).to_bytes(4, "little") + bytes(16)


def encode(path: Path, audio: Audio, quality: str | int = "V2", rate: int = 48000) -> bytes:
    with AudioFile(str(path), "w", rate, audio.shape[0], quality=quality) as file:
        file.write(audio)
    return path.read_bytes()


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    """Two seconds whose bit rate varies: loud, silent and loud."""
    audio = soft_noise(rng, 2, 100000)
    audio[:, 30000:60000] = 0
    return audio


@pytest.fixture
def whole(tmp_path: Path, audio: Audio) -> bytes:
    return encode(tmp_path / "whole.mp3", audio)


@pytest.fixture
def frames(whole: bytes) -> list[bytes]:
    return mp3_frames(whole)


@pytest.mark.parametrize("length", [1, 576, 1151, 1152, 20000, 47999])
@pytest.mark.parametrize("rate", [48000, 44100, 22050, 8000])
def test_length_and_place_are_the_encoded_ones(
    tmp_path: Path, rng: np.random.Generator, length: int, rate: int
) -> None:
    audio = np.zeros((1, length), np.float32)
    middle = slice(length // 2, length // 2 + 2000)
    audio[:, middle] = soft_noise(rng, *audio[:, middle].shape)
    path = written(tmp_path / "in.mp3", encode(tmp_path / "x.mp3", audio, 128 if rate > 22050 else 64, rate))
    found, damage = decoded(path)
    assert found.shape == audio.shape
    assert not damage
    np.testing.assert_allclose(found, read_audio(path), atol=1e-6)
    if length >= 20000 and rate >= 44100:
        size = 2 * length
        lag = np.fft.irfft(np.fft.rfft(found[0], size) * np.conj(np.fft.rfft(audio[0], size)))
        assert int(np.argmax(lag)) == 0


@pytest.mark.parametrize("quality", ["V2", "V9", 128])
def test_frames_without_a_note_are_all_decoded(tmp_path: Path, audio: Audio, quality: str | int) -> None:
    first, *frames = mp3_frames(encode(tmp_path / "x.mp3", audio, quality))
    assert has_note(first)
    found, _ = decoded(written(tmp_path / "in.mp3", b"".join(frames)))
    assert found.shape == (2, FRAME * len(frames))
    noted, _ = decoded(tmp_path / "x.mp3")
    np.testing.assert_allclose(found[:, 1105 : 1105 + noted.shape[1]], noted, atol=1e-6)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ID3V2, b""),
        (ID3V2 + ID3V2, ID3V1),
        (ID3V2 + bytes(5000), b""),
        (bytes(10000), b""),
        (bytes(7) + ID3V2, APEV2 + ID3V1),
        (b"", APEV2),
        (b"", APEV2[32:]),
        (b"", b"LYRICSBEGININD0000200LYRICS200" + ID3V1),
        (b"", bytes(9999)),
        (b"", ID3V2),
    ],
)
@pytest.mark.parametrize("noted", [False, True])
def test_what_stands_around_the_frames_does_no_harm(
    tmp_path: Path, frames: list[bytes], before: bytes, after: bytes, noted: bool
) -> None:
    content = b"".join(frames if noted else frames[1:])
    expected, _ = decoded(written(tmp_path / "bare.mp3", content))
    found, _ = decoded(written(tmp_path / "in.mp3", before + content + after))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("offset", [1, 100, 300])
def test_a_start_in_mid_frame_loses_only_that_frame(tmp_path: Path, frames: list[bytes], offset: int) -> None:
    kept = frames[4:]
    found, _ = decoded(written(tmp_path / "in.mp3", frames[3][offset:] + b"".join(kept)))
    assert found.shape == (2, FRAME * len(kept))


@pytest.mark.parametrize("between", [b"", ID3V2, ID3V1 + ID3V2, bytes(100)])
@pytest.mark.parametrize("noted", [False, True])
def test_joined_files_are_decoded_one_after_the_other(
    tmp_path: Path, audio: Audio, frames: list[bytes], between: bytes, noted: bool
) -> None:
    other = mp3_frames(encode(tmp_path / "x.mp3", audio[:, :50000], 128))
    if between == bytes(100) and not noted:
        between = ID3V1  # zeros alone, without the start of another file after them, are a hole
    start = 0 if noted else 1
    parts = [b"".join(frames[start:]), b"".join(other[start:])]
    each = [decoded(written(tmp_path / f"{i}.mp3", part))[0] for i, part in enumerate(parts)]
    found, _ = decoded(written(tmp_path / "in.mp3", between.join(parts)))
    if noted:
        np.testing.assert_array_equal(found, np.concatenate(each, axis=1))
    else:
        assert found.shape == (2, sum(part.shape[1] for part in each))


def test_a_part_of_another_format_is_told(tmp_path: Path, audio: Audio, whole: bytes) -> None:
    other = encode(tmp_path / "x.mp3", audio[:, :50000], 128, 44100)
    path = written(tmp_path / "in.mp3", whole + other)
    with pytest.raises(unbraid.AudioFileError, match=r"another sample rate .* follows at 2\.0\d\d s"):
        decoded(path)
    assert decoded(path, keep_going=True)[0].shape == audio.shape


@pytest.mark.parametrize("quality", ["V2", 128])
@pytest.mark.parametrize("fill", [bytes(3000), bytes(range(256)) * 12])
@pytest.mark.parametrize("noted", [False, True])
def test_a_hole_is_told_and_keeps_the_rest_in_place(
    tmp_path: Path, audio: Audio, quality: str | int, fill: bytes, noted: bool
) -> None:
    content = b"".join(mp3_frames(encode(tmp_path / "x.mp3", audio, quality))[not noted :])
    expected, _ = decoded(written(tmp_path / "whole.mp3", content))
    start = 3 * len(content) // 4
    path = written(tmp_path / "in.mp3", content[:start] + fill + content[start + len(fill) :])
    with pytest.raises(unbraid.AudioFileError, match=r"bytes that are no MP3 frames at 1\.\d\d\d s$"):
        decoded(path)
    found, damage = decoded(path, keep_going=True)
    assert len(damage) == 1
    if noted or quality == 128:  # else the number of lost frames is a guess
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found[:, -9000:], expected[:, -9000:])
    np.testing.assert_array_equal(found[:, :60000], expected[:, :60000])


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
@pytest.mark.parametrize("noted", [False, True])
def test_a_cut_is_told(tmp_path: Path, frames: list[bytes], kept: float, noted: bool) -> None:
    content = b"".join(frames if noted else frames[1:])
    path = written(tmp_path / "in.mp3", content[: int(len(content) * kept)])
    with pytest.raises(unbraid.AudioFileError, match=r"cut short: .* at \d\.\d\d\d s"):
        decoded(path)
    assert 0 < decoded(path, keep_going=True)[0].shape[1] <= FRAME * (len(frames) - 2)


def test_frames_missing_without_a_trace_are_told(tmp_path: Path, frames: list[bytes]) -> None:
    path = written(tmp_path / "in.mp3", b"".join(frames[:40] + frames[41:]))
    count = len(frames) - 1
    with pytest.raises(unbraid.AudioFileError, match=f"holds {count - 1} of the {count} frames"):
        decoded(path)


def test_a_note_is_bounded_by_what_the_file_holds(tmp_path: Path, frames: list[bytes]) -> None:
    first = bytearray(frames[0])
    at = max(first.find(b"Xing"), first.find(b"Info")) + 8
    first[at : at + 4] = (0x930000).to_bytes(4, "big")
    path = written(tmp_path / "in.mp3", first + b"".join(frames[1:]))
    with pytest.raises(unbraid.AudioFileError, match=f"holds {len(frames) - 1} of the {0x930000} frames"):
        decoded(path)
    assert decoded(path, keep_going=True)[0].shape[1] < FRAME * len(frames)


def test_an_endless_gap_is_not_filled(tmp_path: Path, frames: list[bytes]) -> None:
    first = bytearray(frames[0])
    at = max(first.find(b"Xing"), first.find(b"Info")) + 8
    first[at : at + 4] = (0x930000).to_bytes(4, "big")
    path = written(tmp_path / "in.mp3", first + b"".join(frames[1:40]) + bytes(500) + b"".join(frames[40:]))
    assert decoded(path, keep_going=True)[0].shape[1] < FRAME * len(frames)


def test_a_tag_that_claims_more_than_the_file_is_passed_over(tmp_path: Path, frames: list[bytes]) -> None:
    path = written(tmp_path / "in.mp3", b"ID3\3\0\0\x7f\x7f\x7f\x7f" + b"".join(frames))
    assert decoded(path)[0].shape == (2, 100000)


def test_mp3_in_wav_is_read(tmp_path: Path, audio: Audio, whole: bytes) -> None:
    path = written(tmp_path / "in.wav", wav(whole, wav_format(0x55, bits=0, frame_bytes=1)))
    np.testing.assert_array_equal(decoded(path)[0], decoded(tmp_path / "whole.mp3")[0])


@pytest.mark.parametrize("indices", [(4, 14), (14, 4), (14,)])
def test_layer_ii_is_as_long_as_its_frames(tmp_path: Path, indices: tuple[int, ...]) -> None:
    """It has no note, and decoders guess its length from the first frame's bit rate."""
    sizes = {4: 144 * 64000 // 48000, 14: 144 * 384000 // 48000}
    frames = [(b"\xff\xfd" + bytes([index << 4 | 4, 0])).ljust(sizes[index], b"\0") * 50 for index in indices]
    found, _ = decoded(written(tmp_path / "in.mp2", b"".join(frames)))
    assert found.shape == (2, 50 * FRAME * len(indices))
    assert not found.any()


def test_free_format_is_refused_by_its_name(tmp_path: Path, frames: list[bytes]) -> None:
    free = b"".join(frame[:2] + bytes([frame[2] & 0x0F]) + frame[3:] for frame in frames)
    with pytest.raises(unbraid.AudioFileError, match="MP3 in free format"):
        decoded(written(tmp_path / "in.mp3", free))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfb\x90\x00" * 8000,
        b"\xff\xfb" * 16000,
        b"\xff" * 32000,
        b"ID3\3\0\0\0\0\0\x01" * 3000,
        b"\x89PNG" + bytes(1000) + b"\xff\xfb\x90\x00" * 100,
    ],
)
def test_junk_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(unbraid.AudioFileError, match="not an audio file"):
        decoded(written(tmp_path / "in.mp3", content))
