"""Podcast clean-up: the voice gets a channel strip of its own, the music steps back, the noise goes.

python examples/podcast.py examples/demo.flac podcast.wav
"""

import sys

from pedalboard import Compressor, Gain, HighpassFilter, Limiter, PeakFilter, Pedalboard

import unbraid

voice = Pedalboard(
    [
        HighpassFilter(80),
        PeakFilter(cutoff_frequency_hz=3000, gain_db=2, q=0.8),  # presence
        Compressor(threshold_db=-24, ratio=3, attack_ms=5, release_ms=120),
        Gain(4),
        Limiter(threshold_db=-1),
    ]
)
rack = unbraid.StemRack({"speech": voice, "music": Gain(-9), "noise": None})

if __name__ == "__main__":
    source, target = sys.argv[1:]
    print(rack.process_file(source, target, force=True))
