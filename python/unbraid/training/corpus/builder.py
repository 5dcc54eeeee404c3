"""Builds a corpus from a recipe: fetch, hash, decode, trim, split, pack.

A corpus folder holds, per source, raw int16 files `NAME.RATE.i16` of one channel and `NAME.RATE.stereo.i16` of two, the
index `NAME.json` of its clips (path, sha256, speaker, split, offset, length), and `summary.json` for all of them
(hours, files, licence and a hash per source).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from unbraid.training.corpus.clips import Clip, hours_of, packed_file
from unbraid.training.corpus.recordings import prepare
from unbraid.training.corpus.sources import Recipe, RecipeError, Source, read_files

log = logging.getLogger(__name__)


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


def build(recipe: Recipe, dest: Path, cache: Path, mirrors: str | None = None, workers: int = 2) -> dict[str, Any]:
    """Build the corpus of a recipe in the folder `dest`; return its summary."""
    dest.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        jobs = {
            source.name: pool.submit(build_source, source, recipe, cache, mirrors, dest) for source in recipe.sources
        }
        rows = {source.name: jobs[source.name].result() | {"voices": source.voices} for source in recipe.sources}
    summary = {"recipe": recipe.name, "kinds": recipe.kinds, "sources": rows}
    (dest / "summary.json").write_text(json.dumps(summary, indent=1))
    return summary


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
