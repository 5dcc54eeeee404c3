"""Holds the ratios of costs against those that are kept: `python -m bench.ratios`, `--keep` to keep new ones.

Ratios within one run say on any machine what absolute times say on none. It warns of those that moved by over 20 %,
and fails for none: machines are shared, and processors differ. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

import unbraid
from bench.curves import rtf_of, rtf_of_peer
from bench.peers import open_peers
from bench.speed import COMPILED_PEERS, SAMPLE_RATE, Audio, cpu_seconds, generate, machine, table

KEPT = Path(__file__).with_name("ratios.json")
MOVED = 0.2


def file_rtf(model: unbraid.Model, audio: Audio) -> float:
    """CPU seconds that `separate_file` takes per second of a stereo WAV file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "generated.wav")
        soundfile.write(source, audio.T, SAMPLE_RATE, "FLOAT")
        used = cpu_seconds(lambda: unbraid.separate_file(source, folder, model=model))
    return float(used * SAMPLE_RATE / audio.shape[1])


def measure(seconds: float, rounds: int) -> dict[str, float]:
    """Medians over rounds of what each thing costs beside a live stereo Separator at 48 kHz in the same round."""
    model, lite = unbraid.load_model("dialogue"), unbraid.load_model("dialogue-lite")
    audio = generate(seconds)
    work: dict[str, Callable[[], float]] = {
        "mono": partial(rtf_of, model, audio[:1], SAMPLE_RATE),
        "8 channels": partial(rtf_of, model, np.resize(audio, (8, audio.shape[1])), SAMPLE_RATE),
        "at 96 kHz": partial(rtf_of, model, audio, 2 * SAMPLE_RATE),
        "blocks of 64": partial(rtf_of, model, audio, SAMPLE_RATE, 64),
        "blocks of 8192": partial(rtf_of, model, audio, SAMPLE_RATE, 8192),
        "dialogue-lite": partial(rtf_of, lite, audio, SAMPLE_RATE),
        "separate_file": partial(file_rtf, model, audio),
    }
    found_peers, _ = open_peers()
    work |= {name: partial(rtf_of_peer, found_peers[name], audio) for name in COMPILED_PEERS & found_peers.keys()}
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        live = rtf_of(model, audio, SAMPLE_RATE)
        for name, rtf in work.items():
            found[name].append(rtf() / live)
    return {name: round(float(np.median(values)), 3) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of audio per measurement (default: 10)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="write the ratios to the file that later runs look at")
    args = parser.parse_args()
    found = measure(args.seconds, args.rounds)
    if args.keep:
        KEPT.write_text(json.dumps({"machine": machine(), "ratios": found}, indent=1) + "\n")
    kept = json.loads(KEPT.read_text())["ratios"]
    rows = [[name, f"{value:.3f}", f"{kept[name]:.3f}" if name in kept else ""] for name, value in found.items()]
    table(f"CPU beside that of live stereo at 48 kHz; {machine()}", ["", "now", "kept"], rows)
    for name, value in found.items():
        if name in kept and abs(value / kept[name] - 1) > MOVED:
            print(f"warning: {name} costs {value:.3f} of live stereo, {kept[name]:.3f} was kept")


if __name__ == "__main__":
    main()
