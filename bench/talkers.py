"""Two talkers apart: python -m bench.talkers PAIRS [MODEL]. The gain of the installed package and of ideal masks.

PAIRS holds a folder for each pair, with talker1.flac and talker2.flac, which sum to the mixture. Each pair counts with
the mean zero-mean SI-SDR gain of its talkers, in the order of stems that gains most. Pairs are of unlike pitch where
the medians of their voices' pitch differ by a quarter or more.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

import unbraid
from unbraid.evaluation.metrics import si_sdr
from unbraid.nmf.frames import Frames

UNLIKE = 1.25  # ratio of pitches
WIN_LENGTH = 1024

Audio = NDArray[np.float32]


def gain(stems: Sequence[Audio], talkers: Sequence[Audio], mixture: Audio) -> float:
    """The mean gain in dB, of the best order of stems."""
    before = [si_sdr(mixture, talker) for talker in talkers]
    orders = itertools.permutations(stems, len(talkers))
    return max(
        float(np.mean([si_sdr(s, t) - b for s, t, b in zip(order, talkers, before, strict=True)])) for order in orders
    )


def ideal(talkers: Sequence[Audio]) -> list[Audio]:
    """What the best real masks between 0 and 1 of each bin make of the mixture: Re(S X*) / |X|²."""
    frames = Frames(WIN_LENGTH)
    num_samples = len(talkers[0])

    def spectra(audio: Audio) -> NDArray[np.complex64]:
        return frames.analyse(audio[None], 0, frames.count(num_samples))

    mixture = spectra(np.sum(talkers, axis=0))
    found = []
    for talker in talkers:
        masks = np.clip((spectra(talker) * mixture.conj()).real / (np.abs(mixture) ** 2 + 1e-12), 0, 1)
        out = np.zeros((1, num_samples), np.float32)
        frames.add(masks * mixture, 0, out)
        found.append(out[0])
    return found


def pitch(audio: Audio, sample_rate: int) -> float:
    """The median, in Hz, of the strongest periods between 70 and 400 Hz of the louder frames."""
    length = sample_rate // 20
    frames = audio[: len(audio) // length * length].reshape(-1, length).astype(np.float64)
    loud = frames[np.square(frames).sum(axis=1) > np.square(frames).sum(axis=1).max() * 0.05]
    power = np.abs(scipy.fft.rfft(loud - loud.mean(axis=1, keepdims=True), 2 * length)) ** 2
    correlation = scipy.fft.irfft(power)[:, :length] * length / (length - np.arange(length))
    low, high = sample_rate // 400, sample_rate // 70
    periods = low + correlation[:, low:high].argmax(axis=1)
    return float(sample_rate / np.median(periods))


def main() -> None:
    from pedalboard.io import AudioFile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("model", nargs="?", default="talkers")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    gains, best, unlike, names = [], [], [], []
    for folder in sorted(path for path in args.pairs.iterdir() if path.is_dir()):
        talkers = []
        for name in ("talker1", "talker2"):
            with AudioFile(str(folder / f"{name}.flac")) as file:
                talkers.append(file.read(file.frames)[0])
                sample_rate = int(file.samplerate)
        mixture = talkers[0] + talkers[1]
        gains.append(gain(list(unbraid.separate(mixture, sample_rate, model).values()), talkers, mixture))
        best.append(gain(ideal(talkers), talkers, mixture))
        low, high = sorted(pitch(talker, sample_rate) for talker in talkers)
        unlike.append(high / low >= UNLIKE)
        names.append(folder.name)
    apart, worst = np.array(unlike), int(np.argmin(gains))
    print(f"| {len(gains)} pairs, SI-SDR gain in dB | model | ideal masks |\n| --- | --- | --- |")
    rows = [("all", np.ones(len(gains), bool)), ("unlike pitch", apart), ("like pitch", ~apart)]
    for title, rows_of in rows:
        if rows_of.any():
            means = [float(np.mean(np.array(each)[rows_of])) for each in (gains, best)]
            print(f"| {title} ({int(rows_of.sum())}) | {means[0]:.2f} | {means[1]:.2f} |")
    print(f"| worst, {names[worst]} | {gains[worst]:.2f} | {best[worst]:.2f} |")


if __name__ == "__main__":
    main()
