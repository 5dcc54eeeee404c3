"""Measures how cost grows, and draws it: `python -m bench.curves FOLDER` writes curves.csv and curves.png there.

The real-time factor (RTF) is CPU seconds per second of audio. Each curve is measured in rounds, point after point, and
the median of the rounds is kept: what else the machine does strikes all points alike. RNNoise and DeepFilterNet3, where
they are installed, run in the same rounds; they hear one channel, so they get a stream for each.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import soundfile
import soxr

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import unbraid
from bench.peers import Peer, open_peers, run_stream
from bench.speed import BLOCK, CHANNELS, COMPILED_PEERS, SAMPLE_RATE, Audio, cpu_seconds, generate, live, machine

RATES = (8000, 16000, 22050, 44100, 48000, 88200, 96000, 192000)
CHANNEL_COUNTS = (1, 2, 4, 6, 8)
BLOCKS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
STREAM_COUNTS = (1, 4, 16, 64)
FILE_SECONDS = (10, 60, 300, 1200)

# In a process of its own, for its peak of memory. Prints CPU seconds and megabytes.
SEPARATE_FILE = """
import sys, time
import unbraid
unbraid.separate_file(sys.argv[1], sys.argv[2], model=sys.argv[3], force=True)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.process_time(), int(peak.split()[1]) * 1.024e-3)
"""


@dataclass(frozen=True)
class Point:
    """One measurement: `value` of a system at `x` of a curve."""

    curve: str
    system: str
    x: float
    value: float


@dataclass(frozen=True)
class Curve:
    """How a curve is drawn."""

    name: str
    x_label: str
    y_label: str
    log_x: bool = True
    log_y: bool = False


CURVES = (
    Curve("rate", "sample rate, Hz", "RTF, stereo, live"),
    Curve("channels", "channels", "RTF, 48 kHz, live", log_x=False),
    Curve("block", "samples a block", "RTF, stereo, 48 kHz"),
    Curve("streams", "streams on one core", "RTF of each, stereo, live"),
    Curve(
        "block times", "milliseconds of a block of 512 samples, live", "share of blocks that take longer", log_y=True
    ),
    Curve("file memory", "seconds of a stereo file", "peak MB"),
)


def median_of_rounds(rounds: int, work: dict[float, Callable[[], float]]) -> dict[float, float]:
    """What each piece of work returns, by its place on the x axis: the median over rounds."""
    found: dict[float, list[float]] = {x: [] for x in work}
    for _ in range(rounds):
        for x, measure in work.items():
            found[x].append(measure())
    return {x: float(np.median(values)) for x, values in found.items()}


def rtf_of(model: unbraid.Model, audio: Audio, sample_rate: int, block: int = BLOCK) -> float:
    """The RTF of a new live Separator over audio (channels, samples)."""
    stream = unbraid.Separator(sample_rate, len(audio), model)
    blocks = [audio[:, at : at + block].copy() for at in range(0, audio.shape[1], block)]
    stream.process(blocks[0])
    used = cpu_seconds(lambda: [stream.process(part) for part in blocks])
    return float(used * sample_rate / audio.shape[1])


def rtf_of_peer(open_stream: Callable[[], Peer], audio: Audio) -> float:
    """The RTF of a peer's streams, one per channel of audio at 48 kHz."""
    streams = [open_stream() for _ in audio]
    return float(cpu_seconds(lambda: [*map(run_stream, streams, audio)]) * SAMPLE_RATE / audio.shape[1])


def rtf_of_streams(model: unbraid.Model, audio: Audio, count: int) -> float:
    """The RTF of each of so many live Separators that take turns."""
    streams = [unbraid.Separator(SAMPLE_RATE, len(audio), model) for _ in range(count)]
    blocks = [audio[:, at : at + BLOCK].copy() for at in range(0, audio.shape[1] // count, BLOCK)]
    used = cpu_seconds(lambda: [stream.process(block) for block in blocks for stream in streams])
    return used * SAMPLE_RATE / (count * BLOCK * len(blocks))


def measure_growth(
    models: Sequence[unbraid.Model], peers: dict[str, Callable[[], Peer]], seconds: float, rounds: int
) -> list[Point]:
    """The curves over rate, channels, block size and number of streams."""
    audio = generate(seconds)
    at_rate = {rate: np.ascontiguousarray(soxr.resample(audio.T, SAMPLE_RATE, rate).T, np.float32) for rate in RATES}
    of_channels = {count: np.resize(audio, (count, audio.shape[1])) for count in CHANNEL_COUNTS}
    points: list[Point] = []

    def measure(curve: str, system: str, work: dict[float, Callable[[], float]]) -> None:
        found = median_of_rounds(rounds, work)
        points.extend(Point(curve, system, x, value) for x, value in found.items())
        print(f"{curve}, {system}: " + ", ".join(f"{x:g}: {value:.4f}" for x, value in found.items()), flush=True)

    for model in models:
        measure("rate", model.name, {rate: partial(rtf_of, model, part, rate) for rate, part in at_rate.items()})
        measure(
            "channels",
            model.name,
            {count: partial(rtf_of, model, part, SAMPLE_RATE) for count, part in of_channels.items()},
        )
        measure("block", model.name, {block: partial(rtf_of, model, audio, SAMPLE_RATE, block) for block in BLOCKS})
        measure("streams", model.name, {count: partial(rtf_of_streams, model, audio, count) for count in STREAM_COUNTS})
    for name, open_stream in peers.items():
        measure("rate", name, {SAMPLE_RATE: partial(rtf_of_peer, open_stream, audio)})
        measure(
            "channels", name, {count: partial(rtf_of_peer, open_stream, part) for count, part in of_channels.items()}
        )
    return points


def measure_block_times(
    models: Sequence[unbraid.Model], peers: dict[str, Callable[[], Peer]], seconds: float
) -> list[Point]:
    """For every share of blocks, the milliseconds on the clock that they are above. A peer's blocks are its hops."""
    audio = generate(seconds)
    times = {model.name: live(unbraid.Separator(SAMPLE_RATE, CHANNELS, model), audio)[1][0] for model in models}
    for name, open_stream in peers.items():
        times[name] = timed_hops([open_stream() for _ in audio], audio)
    points = []
    for name, values in times.items():
        ordered = np.sort(values)
        for share in np.geomspace(1, 1 / len(ordered), 40):
            longer = ordered[min(int((1 - share) * len(ordered)), len(ordered) - 1)]
            points.append(Point("block times", name, float(1000 * longer), float(share)))
    return points


def timed_hops(streams: Sequence[Peer], audio: Audio) -> Audio:
    """Seconds on the clock that each hop of all channels takes: (hops,)."""
    hop = streams[0].hop_length
    took = []
    for at in range(0, audio.shape[1] - hop + 1, hop):
        parts = [np.ascontiguousarray(channel[at : at + hop]) for channel in audio]
        started = time.perf_counter()
        for stream, part in zip(streams, parts, strict=True):
            stream.process(part)
        took.append(time.perf_counter() - started)
    return np.array(took, np.float32)


def measure_files(model: unbraid.Model, longest: float) -> list[Point]:
    """Peak memory and RTF of whole files by their length."""
    part = generate(10.0)
    points = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (length for length in FILE_SECONDS if length <= longest):
            source = Path(folder, f"{seconds}.wav")
            with soundfile.SoundFile(source, "w", SAMPLE_RATE, CHANNELS, "FLOAT") as file:
                for _ in range(seconds // 10):
                    file.write(part.T)
            command = [sys.executable, "-c", SEPARATE_FILE, str(source), folder, model.path]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            cpu, peak_mb = map(float, output.split())
            points += [
                Point("file memory", model.name, seconds, peak_mb),
                Point("file RTF", model.name, seconds, cpu / seconds),
            ]
            print(f"file of {seconds} s: RTF {cpu / seconds:.4f}, peak {peak_mb:.0f} MB", flush=True)
    return points


def draw(points: Sequence[Point], path: Path) -> None:
    """A panel per curve, a line per system."""
    systems = list(dict.fromkeys(point.system for point in points))
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    for curve, axis in zip(CURVES, axes.flat, strict=True):
        for number, system in enumerate(systems):
            xy = [(point.x, point.value) for point in points if (point.curve, point.system) == (curve.name, system)]
            if xy:
                # The distribution has too many points to mark.
                style = "-" if curve.name == "block times" else ".-"
                axis.plot(*zip(*sorted(xy), strict=True), style, color=plt.colormaps["tab10"](number), label=system)
        if curve.log_x:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
        if curve.log_y:
            axis.set_yscale("log")
        else:
            axis.set_ylim(0, 1.1 * axis.dataLim.ymax)
        axis.set_xlabel(curve.x_label)
        axis.set_ylabel(curve.y_label)
        axis.grid(alpha=0.3)
    axes.flat[0].legend(fontsize=8)
    figure.suptitle(machine(), fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--model", action="append", default=[], help="may be repeated (default: dialogue, dialogue-lite)"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of audio per point (default: 10)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest-file", type=float, default=FILE_SECONDS[-1], help="seconds")
    args = parser.parse_args()
    models = [unbraid.load_model(name) for name in args.model or ("dialogue", "dialogue-lite")]
    found, missing = open_peers()
    peers = {name: open_stream for name, open_stream in found.items() if name in COMPILED_PEERS}
    for name in COMPILED_PEERS & missing.keys():
        print(f"{name} is not here: {missing[name]}")
    print(machine())
    points = measure_growth(models, peers, args.seconds, args.rounds)
    points += measure_block_times(models, peers, 6 * args.seconds)
    points += measure_files(models[0], args.longest_file)
    args.folder.mkdir(parents=True, exist_ok=True)
    with (args.folder / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Point)])
        writer.writerows(map(astuple, points))
    draw(points, args.folder / "curves.png")


if __name__ == "__main__":
    main()
