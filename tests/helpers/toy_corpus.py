"""A corpus of synthetic sounds, laid out as unbraid.training.corpus builds one, and the sounds it is made of."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from helpers.audio import Audio
from unbraid.training.corpus.clips import Clip, packed_file
from unbraid.training.validation import mixtures

RATES = {"speech": 16000, "music": 48000, "noise": 44100}


def buzz(rng: np.random.Generator, sample_rate: int, seconds: float) -> Audio:
    """Harmonics of a wavering voice in syllables: loud, pausing, never silent for long."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * (rng.uniform(90, 250) * time + 0.5 * np.sin(2 * np.pi * 3 * time))
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.2 * tone * np.sin(2 * np.pi * 2 * time) ** 2).astype(np.float32)


def chord(rng: np.random.Generator, sample_rate: int, seconds: float) -> Audio:
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tones = [np.sin(2 * np.pi * 220 * ratio * time + rng.uniform(0, 6)) for ratio in (1, 1.25, 1.5, 2, 6)]
    return (0.1 * np.sum(tones, axis=0)).astype(np.float32)


def hiss(rng: np.random.Generator, sample_rate: int, seconds: float) -> Audio:
    return (0.1 * rng.standard_normal(int(seconds * sample_rate))).astype(np.float32)


SOUNDS = {"speech": buzz, "music": chord, "noise": hiss}


def save_toy_corpus(folder: Path, *, seed: int = 1, seconds: float = 5.0, silent_split: str = "") -> Path:
    """Two voices, tracks and noises per split; those of `silent_split` are digital silence."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, sample_rate in RATES.items():
        clips, offset = [], 0
        with packed_file(folder, f"toy_{kind}", sample_rate).open("wb") as packed:
            for split in ("train", "validation"):
                for i in range(2):
                    audio = SOUNDS[kind](rng, sample_rate, seconds) * (split != silent_split)
                    packed.write(np.round(audio * 32767).astype(np.int16).tobytes())
                    name = f"toy_{kind}/{split}{i}"
                    found = kind, f"toy_{kind}", f"{split}{i}", name, name, split, sample_rate, offset, len(audio)
                    clips.append(Clip(*found, channels=1, bandwidth_hz=sample_rate / 2))
                    offset += len(audio)
        (folder / f"toy_{kind}.json").write_text(json.dumps({"clips": [asdict(clip) for clip in clips]}))
    rows = {f"toy_{kind}": {"kind": kind, "voices": 1} for kind in RATES}
    (folder / "summary.json").write_text(json.dumps({"kinds": list(RATES), "sources": rows}))
    # Simulating the real bank of rooms takes half a minute.
    decay = np.exp(-np.arange(4800) / 800)
    rooms = {f"{i:04}": (decay * rng.standard_normal(4800)).astype(np.float32) for i in range(3)}
    np.savez(folder / "rooms.npz", **rooms)  # type: ignore[arg-type]
    return folder


def write_clip(folder: Path, *names: str, sample_rate: int = 16000, channels: int = 1) -> dict[str, Audio]:
    """A clip of the named stems, laid out as evaluation wants it; returns them."""
    import soundfile

    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(names))
    stems = {}
    for name in names:
        audio = np.stack([SOUNDS[name](rng, sample_rate, 0.5) for _ in range(channels)])
        soundfile.write(folder / f"{name}.flac", audio.T, sample_rate, subtype="PCM_24")
        stems[name] = audio
    return stems


def make_validation_quick(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.5, room: Audio | None = None) -> None:
    """Short mixtures, every noise good enough for a hum (the toys are hisses), and one room for all (none if None)."""
    monkeypatch.setattr(mixtures, "SECONDS", seconds)
    monkeypatch.setattr(mixtures, "HUM_HZ", 24000.0)
    monkeypatch.setattr(mixtures, "simulate_room", lambda rng: np.ones(1, np.float32) if room is None else room)
