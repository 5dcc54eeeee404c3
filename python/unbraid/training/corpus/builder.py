"""Builds a corpus from a recipe: fetch, hash, decode, trim, split, pack.

A corpus folder holds, per source, raw int16 files `NAME.RATE.i16` of one channel and `NAME.RATE.stereo.i16` of two, the
index `NAME.json` of its clips (path, sha256, speaker, split, offset, length), and `summary.json` for all of them
(hours, files, licence and a hash per source).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from unbraid.training.corpus.sources import Recipe, RecipeError, Source, read_files

SAMPLE_RATES = (16000, 22050, 24000, 32000, 44100, 48000)
MIN_SAMPLE_RATE = 8000
MIN_SIDE_DB = -45.0  # under the middle: less is a mono recording in two channels
BAND_EDGES_HZ = (4000.0, 5500.0, 8000.0, 11025.0, 12000.0, 16000.0)
CLIFF_DB = 30.0
MIN_SECONDS = {"speech": 0.25, "music": 4.0, "noise": 0.3}

Audio = NDArray[np.float32]  # (channels, samples)

log = logging.getLogger(__name__)


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


def decode(content: bytes, path: str) -> tuple[Audio, int]:
    """Decode any audio file to float32 (channels, samples) and its sample rate in Hz."""
    if path.endswith(".g722"):
        import av  # libsndfile has no G.722

        with av.open(io.BytesIO(content), format="g722") as container:
            frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        return np.concatenate(frames).astype(np.float32)[None] / 32768.0, 16000
    audio, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), sample_rate


def keep_stereo(audio: Audio) -> Audio:
    """The two channels of a recording that has something to tell them apart, else their mean: (1 or 2, samples)."""
    middle: Audio = audio.mean(axis=0, keepdims=True)
    if len(audio) != 2:
        return middle
    side = (audio[0] - audio[1]) / 2
    return audio if np.mean(side**2) > np.mean(middle**2) * 10 ** (MIN_SIDE_DB / 10) else middle


def bandwidth_of(audio: Audio, sample_rate: int) -> float:
    """Where the spectrum of (channels, samples) breaks off, in Hz; half of the rate where it does not.

    Telephones, codecs and recordings that were resampled leave a cliff at one of a few frequencies, and nothing above.
    """
    size = sample_rate // 50
    blocks = audio[:, : audio.shape[1] // size * size].reshape(-1, size)
    power = np.mean(np.abs(np.fft.rfft(blocks * np.hanning(size))) ** 2, axis=0) + 1e-12
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)

    def level_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].mean()))

    for edge in BAND_EDGES_HZ:
        if 1.25 * edge > sample_rate / 2:
            break
        if level_db(0.8 * edge, 0.95 * edge) - level_db(1.06 * edge, sample_rate / 2) > CLIFF_DB:
            return edge
    return sample_rate / 2


def trim(audio: Audio, sample_rate: int, floor_db: float = -45.0) -> Audio:
    """Cut what is more than `floor_db` below the loudest 20 ms off both ends of (channels, samples), leaving 30 ms."""
    size = sample_rate // 50
    channels, length = audio.shape
    blocks = audio[:, : length // size * size].reshape(channels, -1, size)
    level = np.sqrt(np.mean(blocks**2, axis=(0, 2)))
    if len(level) == 0 or level.max() < 1e-4:
        return audio[:, :0]
    loud = np.flatnonzero(level > level.max() * 10 ** (floor_db / 20))
    pad = sample_rate * 3 // 100
    return audio[:, max(0, loud[0] * size - pad) : (loud[-1] + 1) * size + pad]


def prepare(
    kind: str, path: str, contents: Sequence[bytes], max_seconds: float
) -> tuple[NDArray[np.int16], int, float] | None:
    """Decode, trim and normalise one recording to int16 (channels, samples), its rate, one of SAMPLE_RATES, and its
    bandwidth in Hz; None if nothing usable is in it. Voices are mono: where they stand is for the mixer.
    """
    try:
        parts, rates = zip(*(decode(content, path) for content in contents), strict=True)
        if len(set(rates)) > 1:
            raise ValueError(f"its parts have several sample rates, {sorted(set(rates))}")
        sample_rate = rates[0]
        audio = np.concatenate(parts, axis=1)
    except (soundfile.LibsndfileError, ValueError) as error:
        log.warning("skipped %s: %s", path, error)
        return None
    audio = audio.mean(axis=0, keepdims=True) if kind == "speech" else keep_stereo(audio)
    if sample_rate < MIN_SAMPLE_RATE or not np.isfinite(audio).all():
        log.warning("skipped %s: %d Hz, or not finite", path, sample_rate)
        return None
    audio = trim(audio[:, : int(max_seconds * sample_rate)], sample_rate)
    if audio.shape[1] < MIN_SECONDS[kind] * sample_rate:
        return None
    bandwidth_hz = bandwidth_of(audio, sample_rate)
    if sample_rate not in SAMPLE_RATES:
        nearest = next((rate for rate in SAMPLE_RATES if rate >= sample_rate), SAMPLE_RATES[-1])
        audio, sample_rate = soxr.resample(audio.T, sample_rate, nearest).T, nearest
    # The mixer sets levels: only the rounding to 16 bits is at stake here.
    audio = audio * (0.9 / np.abs(audio).max())
    return np.round(audio * 32767).astype(np.int16), sample_rate, bandwidth_hz


def split_of(source: Source, path: str, validation_percent: int) -> str:
    """The split that the source says, or draw it by name, so that it never depends on what else is in the recipe."""
    if source.held_out:
        return "validation" if re.search(source.held_out, path) else "train"
    speaker = source.speaker_of(path)
    if source.kind == "speech" and not source.speaker:
        return "train"  # the only voice of its source: too rare to hold out
    draw = int(hashlib.sha256(f"{source.name}/{speaker}".encode("utf-8", "surrogateescape")).hexdigest(), 16) % 100
    return "validation" if draw < validation_percent else "train"


def build_source(source: Source, recipe: Recipe, cache: Path, mirrors: str | None, dest: Path) -> dict[str, Any]:
    """Write a source's audio to `dest/NAME.RATE.i16`, its clips and summary to `dest/NAME.json`; return the summary.

    What was built by the same lines of a recipe is kept: a build that was cut goes on where it stopped, and a recipe
    that grew builds what is new.
    """
    index = dest / f"{source.name}.json"
    made_by = {
        "source": {
            field.name: sorted(value) if isinstance(value, frozenset) else value
            for field in fields(source)
            if field.name != "voices" and (value := getattr(source, field.name)) != field.default
        },
        "limits": [recipe.validation_percent, recipe.max_file_bytes, recipe.max_seconds],
        "reserved": sorted(recipe.reserved_speakers),
    }
    if index.exists() and (kept := json.loads(index.read_text()))["made_by"] == made_by:
        summary: dict[str, Any] = kept["summary"]
        return summary
    index.unlink(missing_ok=True)
    clips: list[Clip] = []
    seen: set[str] = set()
    with contextlib.ExitStack() as files:
        packed: dict[tuple[int, int], Any] = {}
        for path, contents in recordings(source, cache, mirrors, recipe.max_file_bytes):
            digest = hashlib.sha256(b"".join(contents)).hexdigest()
            speaker = source.speaker_of(path)
            if digest in seen or speaker in recipe.reserved_speakers:
                continue
            seen.add(digest)
            if (prepared := prepare(source.kind, path, contents, recipe.max_seconds)) is None:
                continue
            audio, rate, bandwidth_hz = prepared
            key = rate, len(audio)
            if key not in packed:
                packed[key] = files.enter_context(packed_file(dest, source.name, *key).open("wb"))
            split = split_of(source, path, recipe.validation_percent)
            name = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            voice = f"{source.name}/{speaker if source.kind == 'speech' else name}"
            channels, length = audio.shape
            offset = packed[key].tell() // (2 * channels)
            found = source.kind, source.name, name, digest, voice, split, rate, offset, length
            clips.append(Clip(*found, channels=channels, bandwidth_hz=bandwidth_hz))
            packed[key].write(audio.T.tobytes())
    if not clips:
        raise RecipeError(f"{source.name}: no audio found; is the pattern {source.include!r} right?")
    summary = {
        "kind": source.kind,
        "files": len(clips),
        "hours": round(sum(clip.length / clip.sample_rate for clip in clips) / 3600, 3),
        "speakers": len({clip.speaker for clip in clips}) if source.kind == "speech" else None,
        "license": source.license,
        "attribution": source.attribution,
        "origin": f"git {source.git}@{source.commit}" if source.git else f"deb {source.deb}",
        "sha256": hashlib.sha256("".join(sorted(clip.sha256 for clip in clips)).encode()).hexdigest(),
    }
    content_of_index = {"made_by": made_by, "summary": summary, "clips": [asdict(clip) for clip in clips]}
    draft = index.with_suffix(".tmp")
    draft.write_text(json.dumps(content_of_index))
    draft.replace(index)
    log.info("%-22s %6d files %7.2f h", source.name, summary["files"], summary["hours"])
    return summary


def recordings(
    source: Source, cache: Path, mirrors: str | None, max_file_bytes: int
) -> Iterator[tuple[str, list[bytes]]]:
    """(path, contents of its parts) of every recording of a source; the path is that of the first part."""
    files = read_files(source, cache, mirrors, max_file_bytes)
    for _, parts in groupby(files, key=lambda file: source.recording_of(file[0])):
        paths, contents = zip(*parts, strict=True)
        yield paths[0], list(contents)


def packed_file(corpus: Path, source: str, sample_rate: int, channels: int = 1) -> Path:
    """Where a source's audio at one rate lies: int16, the channels of a sample side by side."""
    return corpus / f"{source}.{sample_rate}{'.stereo' if channels == 2 else ''}.i16"


def build(recipe: Recipe, dest: Path, cache: Path, mirrors: str | None = None, workers: int = 2) -> dict[str, Any]:
    """Build the corpus of a recipe in the folder `dest`; return its summary."""
    dest.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        jobs = {
            source.name: pool.submit(build_source, source, recipe, cache, mirrors, dest) for source in recipe.sources
        }
        rows = {source.name: jobs[source.name].result() | {"voices": source.voices} for source in recipe.sources}
    summary = {"recipe": recipe.name, "sources": rows}
    (dest / "summary.json").write_text(json.dumps(summary, indent=1))
    return summary


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("corpus-cache"), help="where downloads are kept")
    parser.add_argument("--mirrors", help="pattern of local git directories, e.g. 'mirror/{owner}+{name}'")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    summary = build(Recipe.load(args.recipe), args.corpus, args.cache.resolve(), args.mirrors, args.workers)
    print(f"{len(summary['sources'])} sources: {hours_of(summary)}")


if __name__ == "__main__":
    main()
