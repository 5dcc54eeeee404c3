"""Vorbis and Opus: pages are checked and counted, and the channels come in WAV's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pedalboard.io import AudioFile

import unbraid
from helpers.audio import Audio, soft_noise
from helpers.containers import decoded, dominant, ogg_page, ogg_pages, with_checksum, written

RATE = 48000
# Which speaker each channel is for
VORBIS = {
    1: ["M"],
    2: ["L", "R"],
    3: ["L", "C", "R"],
    4: ["L", "R", "BL", "BR"],
    5: ["L", "C", "R", "BL", "BR"],
    6: ["L", "C", "R", "BL", "BR", "LFE"],
    7: ["L", "C", "R", "SL", "SR", "BC", "LFE"],
    8: ["L", "C", "R", "SL", "SR", "BL", "BR", "LFE"],
}
WAV = {
    1: ["M"],
    2: ["L", "R"],
    3: ["L", "R", "C"],
    4: ["L", "R", "BL", "BR"],
    5: ["L", "R", "C", "BL", "BR"],
    6: ["L", "R", "C", "LFE", "BL", "BR"],
    7: ["L", "R", "C", "LFE", "BC", "SL", "SR"],
    8: ["L", "R", "C", "LFE", "BL", "BR", "SL", "SR"],
}
SUBTYPES = ["VORBIS", "OPUS"]


def encode(path: Path, audio: Audio, subtype: str, rate: int = RATE) -> bytes:
    with soundfile.SoundFile(path, "w", rate, audio.shape[0], subtype=subtype, format="OGG") as file:
        for start in range(0, audio.shape[1], 10000):
            file.write(audio.T[start : start + 10000])
    return path.read_bytes()


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, 7 * RATE)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", VORBIS)
def test_channels_come_in_the_order_of_wav(tmp_path: Path, subtype: str, channels: int) -> None:
    time = np.arange(RATE) / RATE
    tones = {
        name: (0.1 * np.sin(2 * np.pi * (60 + 8 * i) * time)).astype(np.float32)
        for i, name in enumerate(VORBIS[channels])
    }
    path = tmp_path / "in.ogg"
    encode(path, np.stack(list(tones.values())), subtype)
    names = list(tones)
    assert [names[i] for i in dominant(decoded(path)[0], list(tones.values()))] == WAV[channels]


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("length", [1, 1000, 48001])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_length_is_kept(tmp_path: Path, audio: Audio, subtype: str, length: int, rate: int) -> None:
    path = tmp_path / "in.ogg"
    encode(path, audio[:, :length], subtype, rate)
    assert decoded(path)[0].shape == (2, length)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("fault", ["bit", "gone", "zeros", "more"])
def test_a_broken_page_is_told_and_keeps_the_rest_in_place(
    tmp_path: Path, audio: Audio, subtype: str, fault: str
) -> None:
    content = encode(tmp_path / "whole.ogg", audio, subtype)
    expected, _ = decoded(tmp_path / "whole.ogg")
    pages = ogg_pages(content)
    page = bytearray(pages[4])
    if fault == "bit":
        page[300] ^= 1
    elif fault == "gone":
        page.clear()
    elif fault == "zeros":
        page[:] = bytes(len(page))
    else:
        page[300:300] = b"OggS"
    path = written(tmp_path / "in.ogg", b"".join([*pages[:4], bytes(page), *pages[5:]]))
    with pytest.raises(unbraid.AudioFileError, match=r"pages are missing or damaged at [0-5]\.\d\d\d s$"):
        decoded(path)
    found, damage = decoded(path, keep_going=True)
    assert len(damage) == 1
    assert abs(found.shape[1] - expected.shape[1]) < 1000
    np.testing.assert_array_equal(found[:, : RATE // 2], expected[:, : RATE // 2])
    after = slice(5 * RATE, 6 * RATE)
    difference = found[:, after] - expected[:, after]
    assert np.abs(difference).max() < (1e-6 if subtype == "VORBIS" else 0.1 * np.abs(expected).max())


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("kept", [0.4, 0.9, 0.9999])
def test_a_cut_is_told(tmp_path: Path, audio: Audio, subtype: str, kept: float) -> None:
    content = encode(tmp_path / "whole.ogg", audio, subtype)
    path = written(tmp_path / "in.ogg", content[: int(len(content) * kept)])
    with pytest.raises(unbraid.AudioFileError, match=r"cut short: its last page is missing, it ends at \d\.\d\d\d s"):
        decoded(path)
    assert 0 < decoded(path, keep_going=True)[0].shape[1] < audio.shape[1]


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(5000), b"ID3\3\0\0\0\0\0\x10" + bytes(16)])
def test_what_stands_around_the_pages_does_no_harm(tmp_path: Path, audio: Audio, subtype: str, tail: bytes) -> None:
    content = encode(tmp_path / "whole.ogg", audio[:, :50000], subtype)
    path = written(tmp_path / "in.ogg", b"ID3\3\0\0\0\0\0\x10" + bytes(16) + content + tail)
    assert decoded(path)[0].shape == (2, 50000)


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_joined_files_are_decoded_one_after_the_other(tmp_path: Path, audio: Audio, subtype: str) -> None:
    parts = [encode(tmp_path / f"{i}.ogg", audio[:, :length], subtype) for i, length in enumerate((50000, 30000))]
    each = [decoded(tmp_path / f"{i}.ogg")[0] for i in range(2)]
    path = written(tmp_path / "in.ogg", b"".join(parts))
    np.testing.assert_array_equal(decoded(path)[0], np.concatenate(each, axis=1))


def test_a_stream_of_another_format_is_told(tmp_path: Path, audio: Audio) -> None:
    parts = [encode(tmp_path / "x.ogg", audio[:, :48000], "VORBIS", rate) for rate in (48000, 44100)]
    path = written(tmp_path / "in.ogg", b"".join(parts))
    with pytest.raises(unbraid.AudioFileError, match=r"another format, which is not read, follows at 1\.000 s"):
        decoded(path)


def test_a_picture_beside_the_audio_does_no_harm(tmp_path: Path, audio: Audio) -> None:
    first, *pages = ogg_pages(encode(tmp_path / "x.ogg", audio[:, :50000], "VORBIS"))
    theora = [ogg_page(b"\x80theora" + bytes(40), 99, 0, 0, 2), ogg_page(bytes(400), 99, 1, 5, 0)]
    content = first + theora[0] + b"".join(pages[:3]) + theora[1] + b"".join(pages[3:])
    assert decoded(written(tmp_path / "in.ogv", content))[0].shape == (2, 50000)


@pytest.mark.parametrize(
    ("first", "held"), [(b"Speex   1.2", "Speex"), (b"\x80theora", "Theora"), (b"abcd", "something unknown")]
)
def test_other_codecs_are_refused(tmp_path: Path, first: bytes, held: str) -> None:
    path = written(tmp_path / "in.ogg", ogg_page(first + bytes(80), 1, 0, 0, 2))
    with pytest.raises(unbraid.AudioFileError, match=f"neither Vorbis, Opus nor FLAC in it, but {held}"):
        decoded(path)


@pytest.mark.parametrize("kept", [1, 2])
def test_damaged_headers_are_told(tmp_path: Path, audio: Audio, kept: int) -> None:
    pages = ogg_pages(encode(tmp_path / "x.ogg", audio[:, :50000], "VORBIS"))
    content = b"".join(pages[:1] + pages[2:]) if kept == 1 else b"".join(pages[:1])
    with pytest.raises(unbraid.AudioFileError, match=r"in\.ogg: (damaged|cannot be decoded|cut short)"):
        decoded(written(tmp_path / "in.ogg", content))


def test_six_channels_from_pedalboard_are_put_in_order(tmp_path: Path) -> None:
    """pedalboard puts six channels as they are; Vorbis's own order says what they are for."""
    tones = [(0.1 * np.sin(2 * np.pi * (300 + 100 * i) * np.arange(RATE) / RATE)).astype(np.float32) for i in range(6)]
    with AudioFile(str(tmp_path / "in.ogg"), "w", RATE, 6) as file:
        file.write(np.stack(tones))
    assert dominant(decoded(tmp_path / "in.ogg")[0], tones) == [0, 2, 1, 5, 3, 4]


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_stream_joined_on_its_way_begins_where_it_was_joined(tmp_path: Path, audio: Audio, subtype: str) -> None:
    """Its pages count from a start that is not in the file; hours of silence are not put in front."""
    pages = ogg_pages(encode(tmp_path / "x.ogg", audio[:, : 3 * RATE], subtype))
    late = [
        with_checksum(page[:6] + (RATE * 400 + int.from_bytes(page[6:14], "little")).to_bytes(8, "little") + page[14:])
        for page in pages[6:]
    ]
    path = written(tmp_path / "in.ogg", b"".join([*pages[:2], *late]))
    with pytest.raises(unbraid.AudioFileError, match=r"pages are missing or damaged at 0\.000 s"):
        decoded(path)
    assert 0 < decoded(path, keep_going=True)[0].shape[1] < 3 * RATE


def test_a_joined_file_that_cannot_be_decoded_is_told(tmp_path: Path, audio: Audio) -> None:
    content = encode(tmp_path / "x.ogg", audio[:, :50000], "VORBIS")
    first, second, *rest = ogg_pages(content)
    broken = with_checksum(second[:200] + bytes(len(second) - 200))
    path = written(tmp_path / "in.ogg", content + b"".join([first, broken, *rest]))
    with pytest.raises(unbraid.AudioFileError, match=r"in\.ogg: cannot be decoded: .* at 1\.042 s$"):
        decoded(path)
    found, damage = decoded(path, keep_going=True)
    np.testing.assert_array_equal(found, decoded(tmp_path / "x.ogg")[0])
    assert len(damage) == 1
