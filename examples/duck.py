"""Ducking: the music makes room while somebody speaks, and comes back when they stop. Block by block, as it would live.

python examples/duck.py examples/demo.flac ducked.wav
"""

import sys
from collections.abc import Iterator

import numpy as np
from pedalboard.io import AudioFile, ReadableAudioFile

import unbraid

DEPTH_DB = -15.0
THRESHOLD_DB = -45.0  # of the speech stem's level, where ducking begins
ATTACK_SECONDS, RELEASE_SECONDS = 0.05, 0.6
BLOCK = 480


def duck(source: str, target: str) -> None:
    with AudioFile(source) as mixture:
        separator = unbraid.Separator(mixture.samplerate, mixture.num_channels)
        with AudioFile(target, "w", mixture.samplerate, mixture.num_channels, bit_depth=24) as output:
            gain_db = 0.0
            for speech, music, noise in aligned_stems(mixture, separator):
                level_db = 10 * np.log10(np.mean(speech**2) + 1e-12)
                goal_db = DEPTH_DB if level_db > THRESHOLD_DB else 0.0
                seconds = ATTACK_SECONDS if goal_db < gain_db else RELEASE_SECONDS
                step = 1 - np.exp(-speech.shape[1] / (seconds * mixture.samplerate))
                ramp_db = np.linspace(gain_db, gain_db + step * (goal_db - gain_db), speech.shape[1])
                gain_db = ramp_db[-1]
                output.write((speech + noise + music * 10 ** (ramp_db / 20)).astype(np.float32))


def aligned_stems(mixture: ReadableAudioFile, separator: unbraid.Separator) -> Iterator[np.ndarray]:
    """The stems of a file, (stems, channels, samples) at a time and as many samples as it has.

    They come late by the latency. In a file that can be mended: what comes out before the first sample has come
    through is cut off, and at the end the rest is fetched.
    """
    early = separator.latency_samples
    while mixture.tell() < mixture.frames:
        stems = separator.process(mixture.read(BLOCK))
        if stems.shape[-1] > early:
            yield stems[..., early:]
        early = max(early - stems.shape[-1], 0)
    yield separator.flush()[..., early:]


if __name__ == "__main__":
    duck(*sys.argv[1:])
