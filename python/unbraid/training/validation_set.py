"""The validation set: fixed mixtures of held-out voices, tracks and noises, scored in the time domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import nn

from unbraid.evaluation.metrics import si_sdr
from unbraid.training.bands import band_of_bin, band_sum
from unbraid.training.frames import HOP_LENGTH, POWER_SCALE, WIN_LENGTH, WINDOW, spectra
from unbraid.training.mixtures.drawing import STEMS, Drawer

# (stems present, how many clips); every third is cut at 8 kHz
CLIPS = [((1, 1, 1), 24), ((1, 0, 1), 12), ((1, 1, 0), 12), ((0, 1, 1), 8)]
SECONDS = 6.0


def synthesise(frames: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Overlap-add of scaled spectra (frames, bins) → (samples,); the first and last hop are half faded."""
    blocks = scipy.fft.irfft(frames / np.sqrt(POWER_SCALE), WIN_LENGTH).astype(np.float32) * WINDOW
    audio = np.zeros((len(blocks) + 1) * HOP_LENGTH, np.float32)
    for i, block in enumerate(blocks):
        audio[i * HOP_LENGTH : i * HOP_LENGTH + WIN_LENGTH] += block
    return audio


class ValidationSet:
    """Mixtures as spectra (clip, frames, bins) with their references (clip, stems, samples); absent stems are zero."""

    def __init__(self, references: NDArray[np.float32]) -> None:
        self.references = references
        self.spectra = np.stack([spectra(stems.sum(axis=0)) for stems in references])
        self.power = torch.from_numpy(band_sum(np.abs(self.spectra) ** 2))

    @classmethod
    def of_corpus(cls, corpus: Path, seed: int = 7) -> ValidationSet:
        """Read the set of a corpus; mix and keep it on first use.

        What is kept stays as it is while the corpus and its augmentation grow, so that gains compare from run to run.
        """
        path = corpus / "validation.npy"
        if not path.exists():
            draft = path.with_suffix(".tmp.npy")
            np.save(draft, cls._mix(corpus, seed).astype(np.float16))
            draft.replace(path)
        return cls(np.load(path).astype(np.float32))

    @staticmethod
    def _mix(corpus: Path, seed: int) -> NDArray[np.float32]:
        drawer = Drawer(corpus, "validation", SECONDS, seed)
        rng, clips = drawer.rng, []
        for present, count in CLIPS:
            for i in range(count):
                stems = [drawer.speech(), drawer.music(), drawer.noise()]
                cutoff_hz = stems[0][1] if present[0] else 24000.0
                if i % 3 == 0:
                    cutoff_hz = min(cutoff_hz, 8000.0)
                level_db = [0.0, rng.uniform(-9, 4), rng.uniform(-12, 4)]
                clip = []
                for (audio, _), on, level in zip(stems, present, level_db, strict=True):
                    frequencies = scipy.fft.rfft(audio / (np.sqrt(np.mean(audio**2)) + 1e-9))
                    frequencies[int(cutoff_hz * drawer.length / 48000) :] = 0
                    clip.append(on * 0.05 * 10 ** (level / 20) * scipy.fft.irfft(frequencies, drawer.length))
                clips.append(np.array(clip, np.float32))
        return np.stack(clips)

    @torch.no_grad()
    def gains(self, model: nn.Module) -> dict[str, float]:
        """Mean SI-SDR gain over the mixture in dB, as `kinds/stem` → gain."""
        model.eval()
        masks, _ = model(self.power)
        per_bin = masks.numpy()[..., band_of_bin()]
        rows: dict[str, list[float]] = {}
        inner = slice(HOP_LENGTH, -HOP_LENGTH)  # the ends are half faded
        for spectrum, mask, references in zip(self.spectra, per_bin, self.references, strict=True):
            kinds = "".join(name[0] for name, stem in zip(STEMS, references, strict=True) if stem.any())
            mixture = references.sum(axis=0)[inner]
            for i, name in enumerate(STEMS):
                if references[i].any():
                    estimate = synthesise(spectrum * mask[i])[inner]
                    gain = si_sdr(estimate, references[i][inner]) - si_sdr(mixture, references[i][inner])
                    rows.setdefault(f"{kinds}/{name}", []).append(gain)
        return {name: float(np.mean(values)) for name, values in rows.items()}
