"""Measures speed, latency and memory: `python -m bench.speed [--model NAME|PATH] [--seconds N]`.

The real-time factor (RTF) is CPU seconds of all threads per second of audio; below 1 is faster than real time. Block
times are given on the clock, which hears whatever else the machine does, and in CPU time, which does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pedalboard.io import AudioFile

import unbraid
from bench.peers import open_peers, run_stream

SAMPLE_RATE = 48000
CHANNELS = 2
BLOCK = 512
WARM_UP_BLOCKS = 100
COMPILED_PEERS = {"RNNoise", "DeepFilterNet3"}  # the others' framing is Python here, and would count against them
PERCENTILES = (50, 99, 99.9, 100)

# Runs in a process of its own, so that nothing is loaded yet. (ru_maxrss would do on any system, but on Linux a new
# process starts with the peak of the one that started it.)
STARTUP = """
import json, time
from pathlib import Path
status = Path("/proc/self/status")
def peak_mb(): return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1.024e-3 if status.exists() else 0
times, peaks = [time.perf_counter()], [peak_mb()]
def mark(): times.append(time.perf_counter()); peaks.append(peak_mb())
import numpy as np; mark()
import unbraid; mark()
separator = unbraid.Separator({rate}, {channels}, {model!r}); mark()
block = np.zeros(({channels}, {block}), np.float32)
for _ in range(1000): separator.process(block)
mark()
print(json.dumps([times, peaks]))
"""

Audio = NDArray[np.float32]


def generate(seconds: float) -> Audio:
    """Noise with the tilt of speech and music that swells and fades twice a second: (channels, samples)."""
    rng = np.random.default_rng(1)
    length = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal((CHANNELS, length)))
    spectrum /= np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 50.0)
    audio = np.fft.irfft(spectrum, length) * (1 + np.sin(np.arange(length) * 4 * np.pi / SAMPLE_RATE))
    scaled: Audio = (0.5 * audio / np.abs(audio).max()).astype(np.float32)
    return scaled


def table(title: str, header: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        print("  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]))


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cpu}, {os.cpu_count()} cores{busy}; Python {platform.python_version()}, numpy {np.__version__}"


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def live(
    stream: unbraid.Separator | unbraid.Remixer, audio: Audio, warm_up: int = WARM_UP_BLOCKS
) -> tuple[float, Audio]:
    """RTF of a stream fed block by block, and the seconds on the clock and of CPU per block: (2, blocks)."""
    blocks = [audio[:, start : start + BLOCK].copy() for start in range(0, audio.shape[1], BLOCK)]
    for block in blocks[:warm_up]:
        stream.process(block)
    clock, cpu = [time.perf_counter()], [time.thread_time()]
    started = time.process_time()
    for block in blocks:
        stream.process(block)
        clock.append(time.perf_counter())
        cpu.append(time.thread_time())
    rtf = (time.process_time() - started) * SAMPLE_RATE / audio.shape[1]
    return rtf, np.diff([clock, cpu]).astype(np.float32)


def measure_live(model: unbraid.Model, audio: Audio) -> float:
    """Prints the live streams' tables; returns the RTF of the Separator."""
    streams: dict[str, unbraid.Separator | unbraid.Remixer] = {
        "Separator": unbraid.Separator(SAMPLE_RATE, CHANNELS, model),
        "Remixer": unbraid.Remixer(SAMPLE_RATE, CHANNELS, model, gains_db={model.stem_names[-1]: -12.0}),
    }
    rtfs, rows = {}, []
    for name, stream in streams.items():
        rtfs[name], times = live(stream, audio)
        for kind, values in zip(("clock", "CPU"), times, strict=True):
            percentiles = np.percentile(1000 * values, PERCENTILES)
            rows.append([f"{name}, {kind}", *(f"{value:.3f}" for value in percentiles)])
    table(
        f"Live, stereo, {SAMPLE_RATE} Hz, blocks of {BLOCK} samples, one thread",
        ["", "RTF"],
        [[name, f"{rtf:.4f}"] for name, rtf in rtfs.items()],
    )
    table(
        f"Milliseconds per block; {1000 * BLOCK / SAMPLE_RATE:.2f} are there",
        ["", "p50", "p99", "p99.9", "max"],
        rows,
    )
    return rtfs["Separator"]


def measure_beside_peers(model: unbraid.Model, audio: Audio, rounds: int = 10) -> None:
    """The live cost beside that of the peers whose whole chain is compiled, in turns, so that all meet the same noise.

    A peer hears one channel: it gets a stream for each.
    """
    found, missing = open_peers()
    separator = unbraid.Separator(SAMPLE_RATE, CHANNELS, model)
    streams = {
        name: [open_stream() for _ in range(CHANNELS)] for name, open_stream in found.items() if name in COMPILED_PEERS
    }

    used = dict.fromkeys(["Unbraid", *streams], 0.0)
    for part in np.array_split(audio, rounds, axis=1):
        used["Unbraid"] += cpu_seconds(partial(live, separator, part, warm_up=0))
        for name, channels in streams.items():
            used[name] += cpu_seconds(partial(list, map(run_stream, channels, part)))
    seconds = audio.shape[1] / SAMPLE_RATE
    rows = [[name, f"{cpu / seconds:.4f}", f"{used['Unbraid'] / cpu:.2f}"] for name, cpu in used.items()]
    table("Beside peers, stereo, live, one thread", ["", "RTF", "Unbraid / it"], rows)
    for name in COMPILED_PEERS & missing.keys():
        print(f"  {name} is not here: {missing[name]}")


def measure_files(model: unbraid.Model, audio: Audio) -> None:
    seconds = audio.shape[1] / SAMPLE_RATE
    with tempfile.TemporaryDirectory() as folder:
        source, remixed = Path(folder, "generated.wav"), Path(folder, "remix.wav")
        with AudioFile(str(source), "w", samplerate=SAMPLE_RATE, num_channels=CHANNELS) as file:
            file.write(audio)
        separate = partial(unbraid.separate_file, source, folder, model=model, force=True)
        works: dict[str, Callable[..., object]] = {
            "separate_file": separate,
            "separate_file, to FLAC": partial(separate, format="flac"),
        }
        if model.streams:
            works["remix_file"] = partial(unbraid.remix_file, source, remixed, model=model, force=True)
        rows = []
        for name, work in works.items():
            clock: dict[int, float] = {}
            for threads in (1, 2):
                started = time.perf_counter()
                cpu = cpu_seconds(partial(work, threads=threads))
                clock[threads] = time.perf_counter() - started
                speed, faster = seconds / clock[threads], clock[1] / clock[threads]
                rows.append([f"{name}, {threads}", f"{cpu / seconds:.4f}", f"{speed:.0f}x", f"{faster:.2f}"])
    table("Whole files, stereo WAV, by 1 and 2 threads", ["", "RTF", "on the clock", "times as fast"], rows)


def random_power(model: unbraid.Model, num_hops: int) -> NDArray[np.float32]:
    planes = [2] if model.channels == ("mid", "side") else []
    return np.random.default_rng(1).random((num_hops, *planes, model.num_bins), np.float32)


def measure_parts(model: unbraid.Model, whole: float, num_hops: int = 1000) -> None:
    """Tells the network from the rest of a live Separator: framing, transforms, masking, the way through Python."""
    power = random_power(model, num_hops)
    hops_per_second = 1 / model.hop_seconds
    network = cpu_seconds(lambda: model.masks(power)) / num_hops  # hop by hop, as a stream does
    rest = whole / hops_per_second - network
    rows = [
        [name, f"{1e6 * seconds:.0f}", f"{seconds * hops_per_second:.4f}"]
        for name, seconds in {"network": network, "all but the network": rest}.items()
    ]
    table("Parts of the live Separator", ["", "us per hop", "RTF"], rows)


def measure_runs(model: unbraid.Model, num_hops: int = 1024) -> None:
    """What a hop costs the network where it has a run of its own, as live, and where several share one, as in files."""
    power = random_power(model, num_hops)
    rows = []
    for hops in (1, 2, 4, 8, 16):
        if hops <= model.frames_per_run:
            seconds = cpu_seconds(partial(model.masks, power, hops)) / num_hops
            rows.append([str(hops), f"{1e6 * seconds:.0f}", f"{seconds / model.hop_seconds:.4f}"])
    table("The network, by hops that share a run", ["hops", "us per hop", "RTF"], rows)


def measure_startup(model: str, repeats: int = 5) -> None:
    """Medians over fresh processes; what is read from disk is in its cache after the first."""
    script = STARTUP.format(rate=SAMPLE_RATE, channels=CHANNELS, block=BLOCK, model=model)
    runs = []
    for _ in range(repeats):
        output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        runs.append(json.loads(output))
    rows = []
    for i, step in enumerate(("import numpy", "import unbraid", "open the model", "process 1000 blocks"), start=1):
        milliseconds = 1000 * statistics.median(times[i] - times[i - 1] for times, _ in runs)
        memory = statistics.median(peaks[i] for _, peaks in runs)
        rows.append([step, f"{milliseconds:.0f}", f"{memory:.0f}" if memory else "?"])
    table("A fresh process", ["", "ms", "peak MB"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="dialogue", help="an installed model, or an .onnx file (default: dialogue)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the generated audio (default: 60)")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    audio = generate(args.seconds)
    print(f"unbraid {unbraid.__version__}, model {model.name}\n{machine()}")
    if not model.streams:
        measure_files(model, audio)
        return
    whole = measure_live(model, audio)
    measure_parts(model, whole)
    measure_runs(model)
    measure_beside_peers(model, audio)
    measure_files(model, audio)
    measure_startup(model.path)


if __name__ == "__main__":
    main()
