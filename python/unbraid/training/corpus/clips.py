"""What a built corpus holds: its clips, where they lie, and its summary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Clip:
    """One stretch of audio in the corpus. `offset` and `length` count samples of each channel in its packed file."""

    kind: str
    source: str
    path: str
    sha256: str
    speaker: str
    split: str
    sample_rate: int
    offset: int
    length: int
    channels: int
    bandwidth_hz: float  # where the recording ends, whatever its sample rate says


def packed_file(corpus: Path, source: str, sample_rate: int, channels: int = 1) -> Path:
    """Where a source's audio at one rate lies: int16, the channels of a sample side by side."""
    return corpus / f"{source}.{sample_rate}{'.stereo' if channels == 2 else ''}.i16"


def load_kinds(corpus: Path) -> list[str]:
    """The kinds of sound in a built corpus, as its recipe names them: the stems of a network that learns from it."""
    kinds: list[str] = json.loads((corpus / "summary.json").read_text())["kinds"]
    return kinds


def hours_of(summary: dict[str, Any]) -> str:
    """The hours of each kind in a corpus's summary, as in "speech 2.0 h, music 3.5 h"."""
    hours: dict[str, float] = {}
    for row in summary["sources"].values():
        hours[row["kind"]] = hours.get(row["kind"], 0.0) + row["hours"]
    return ", ".join(f"{kind} {value:.1f} h" for kind, value in hours.items())


def load_voices(corpus: Path) -> dict[str, int]:
    """How many voices a speaker of a built corpus stands for: those that go by the name of their source."""
    sources = json.loads((corpus / "summary.json").read_text())["sources"]
    return {f"{name}/{name}": row["voices"] for name, row in sources.items() if row["kind"] == "speech"}


def load_clips(corpus: Path) -> list[Clip]:
    """Read the clips of a built corpus, in the order of its recipe; a file that two sources have counts once."""
    sources = json.loads((corpus / "summary.json").read_text())["sources"]
    clips: dict[str, Clip] = {}
    for name in sources:
        for row in json.loads((corpus / f"{name}.json").read_text())["clips"]:
            clips.setdefault(row["sha256"], Clip(**row))
    return list(clips.values())
