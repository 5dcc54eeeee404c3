"""What a batch does to each of its files, and what its outputs are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .._checks import Gain
from ..files.naming import film_kind, output_name, stem_targets
from ..files.processing import Progress, remix_file, separate_file
from ..registry import DEFAULT_MODEL, load_model


@dataclass(frozen=True)
class Settings:
    """A separation into `stem_names`, or, where those are none, a remix at `gains_db`. Goes into a pickle as it is."""

    model: str = DEFAULT_MODEL
    stem_names: tuple[str, ...] = ()
    gains_db: Mapping[str, Gain] = field(default_factory=dict)
    talkers: int | None = None
    format: str = "wav"
    bit_depth: int | None = None
    video: bool = False
    audio_track: int = 1
    keep_going: bool = False

    def targets(self, name: str) -> list[str]:
        """Where the outputs of an input lie, below the destination, as its `name` does below its source."""
        path = Path(name)
        if self.stem_names:
            paths = list(stem_targets(path, path.parent, self.stem_names, self.format, video=self.video).values())
        else:
            paths = [path.parent / f"{output_name(path)}.{film_kind(path) if self.video else self.format}"]
        return [PurePosixPath(each).as_posix() for each in paths]

    def apply(self, source: Path, folder: Path, name: str, *, force: bool, threads: int, progress: Progress) -> None:
        """Writes the outputs of a file that is called `name` below `folder`. Raises what `separate_file` does."""
        options: dict[str, Any] = {
            "model": self.model,
            "bit_depth": self.bit_depth,
            "audio_track": self.audio_track,
            "keep_going": self.keep_going,
            "force": force,
            "threads": threads,
            "progress": progress,
        }
        if self.stem_names:
            separate_file(
                *(source, folder / Path(name).parent),
                stems=self.stem_names,
                talkers=self.talkers,
                format=self.format,
                video=self.video,
                **options,
            )
        else:
            remix_file(source, folder / self.targets(name)[0], gains_db=self.gains_db, **options)

    def record(self) -> dict[str, Any]:
        """All that the outputs depend on, for the manifest; the model by what is in its file."""
        model = load_model(self.model)
        said = {key: value for key, value in asdict(self).items() if key != "keep_going"}
        said["stem_names"] = list(self.stem_names)
        return said | {"model": model.name, "model_sha256": sha256_of(Path(model.path))}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
