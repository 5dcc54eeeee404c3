"""Films and other files that ffmpeg makes for the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .audio import Audio, write

REASON = "needs the extra [video] and the program ffmpeg"
needs_video = pytest.mark.skipif(not (find_spec("av") and shutil.which("ffmpeg")), reason=REASON)
RATE = 48000
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d={seconds}")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")


def ffmpeg(*arguments: str | Path, folder: Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], cwd=folder, check=True)


def probe(path: Path, *entries: str) -> Any:
    """What ffprobe tells of a file."""
    command = ["ffprobe", "-v", "error", "-of", "json", *entries, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def packets(path: Path, stream: str) -> list[tuple[float, str]]:
    """The time of each packet of a stream, in seconds, and a hash of what it holds."""
    entries = ("-show_packets", "-show_data_hash", "MD5", "-select_streams", stream)
    found = probe(path, *entries)["packets"]
    return [(float(each.get("pts_time", each.get("dts_time"))), each["data_hash"]) for each in found]


def sweep(channels: int = 2, seconds: float = 2.9, rate: int = RATE) -> Audio:
    """Tones that rise, another in each channel: no two moments are alike, and every codec keeps them well."""
    time = np.arange(round(seconds * rate)) / rate
    rising = [np.sin(2 * np.pi * (200 + 70 * index + 300 * time) * time) for index in range(channels)]
    return (0.3 * np.stack(rising)).astype(np.float32)


def make_film(path: Path, audio: Audio, *encoding: str, rate: int = RATE, offset: float = 0.0) -> Path:
    """A film of a test picture and this sound, which starts `offset` seconds late."""
    source = write(path.with_name(f"{path.name}.wav"), audio, rate, 32)
    seconds = str(audio.shape[1] / rate + 0.1)
    picture = [each.format(seconds=seconds) for each in PICTURE]
    codec = X264 if path.suffix != ".webm" else ("-c:v", "libvpx", "-deadline", "realtime")
    sound = ("-itsoffset", str(offset), "-i", source.name, "-map", "0", "-map", "1")
    ffmpeg(*picture, *sound, *codec, "-b:a", "256k", *encoding, path.name, folder=path.parent)
    source.unlink()
    return path


def lag(audio: Audio, reference: Audio) -> int:
    """By how many samples a channel comes later than in the reference."""
    start, length = reference.shape[1] // 3, reference.shape[1] // 4
    window = reference[0, start : start + length]
    size = 1 << (audio.shape[1] + length).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(audio[0], size) * np.conj(np.fft.rfft(window, size)))
    return (int(np.argmax(correlation)) + size // 2) % size - size // 2 - start


def snr(audio: Audio, reference: Audio) -> float:
    """In dB, over what both have."""
    length = min(audio.shape[1], reference.shape[1])
    audio, reference = audio[:, :length], reference[:, :length]
    return float(10 * np.log10((reference**2).sum() / max(((audio - reference) ** 2).sum(), 1e-20)))
