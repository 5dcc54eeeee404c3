"""The models at hand: the installed ones by name, any other by its path."""

from __future__ import annotations

import copyreg
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import _core, _forks
from ._checks import shown
from ._core import Model, ModelError

DEFAULT_MODEL = "dialogue"
MODELS_FOLDER = Path(__file__).parent / "models"
MODELS_VARIABLE = "UNBRAID_MODELS"

_loaded: dict[Path, tuple[tuple[int, int], Model]] = {}
_inherited: list[dict[Path, tuple[tuple[int, int], Model]]] = []


def _begin_child() -> None:
    """A forked child loads models of its own: threads that it does not have may have been at work in its parent's.

    Those are kept, for even deleting them could wait for such a thread.
    """
    _inherited.append(dict(_loaded))
    _loaded.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself."""

    name: str
    """What it goes by: an installed model by the name of its file, any other by its own."""
    path: Path
    """Where the file lies."""
    task: str
    """What it takes apart, in a few words."""
    stem_names: tuple[str, ...]
    """Its stems, in the order in which they come out."""
    channels: tuple[str, ...]
    """What it hears of a signal's channels: ("mid",), or ("mid", "side") with masks for each of them."""
    license: str
    """The licence of the weights."""
    lookahead_frames: int
    """How many hops it hears ahead; each adds to the latency."""
    latency_ms: float
    """The latency of a stream at 48 kHz, in milliseconds; infinite for a model that does not stream."""
    streams: bool
    """Whether it runs in streams and the plug-in; else it separates whole signals and files only."""
    metadata: dict[str, str] = field(repr=False)
    """All that the file says, by key, without the prefix `unbraid.`"""


def models() -> dict[str, ModelInfo]:
    """The installed models by name, with those in the folder named by the environment variable UNBRAID_MODELS.

    The files are read, not loaded: it takes no ONNX Runtime. Those that are no models are left out; `unbraid info`
    names them. Of two with one name the one in UNBRAID_MODELS counts.
    """
    return read_installed()[0]


def read_installed() -> tuple[dict[str, ModelInfo], dict[Path, str]]:
    """The installed models by name, and by their path why other files in the models' folders are none."""
    found: dict[str, ModelInfo] = {}
    broken: dict[Path, str] = {}
    for name, path in installed_models().items():
        try:
            found[name] = describe(_core.read_model_info(path), path, name)
        except (ModelError, OSError) as error:
            broken[path] = str(error)
    return found, broken


def load_model(model: str | os.PathLike[str] | Model = DEFAULT_MODEL) -> Model:
    """Loads a model given by its installed name or the path of its .onnx file; a loaded Model is passed through.

    A file is loaded once and shared by all who ask for it, until it changes on disk. Raises ModelError if there is no
    such model or the file is none, OSError if it cannot be read, TypeError for what is neither name, path nor Model,
    RuntimeError where ONNX Runtime is missing.
    """
    if isinstance(model, Model):
        return model
    path = find_model(model)
    with _forks.loading:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if path not in _loaded or _loaded[path][0] != stamp:
            _loaded[path] = (stamp, Model(str(path)))
        return _loaded[path][1]


def find_model(model: str | os.PathLike[str]) -> Path:
    """The resolved path of a model's file; ModelError when there is none."""
    if not isinstance(model, str | os.PathLike):
        raise TypeError(f"model must be a name, a path to an .onnx file or a Model, got {type(model).__name__}")
    try:
        path = Path(model)
    except TypeError:  # a path of bytes
        raise TypeError(f"model must be a path as text, got {shown(model)}") from None
    if path.suffix == ".onnx":
        if not is_file(path):
            raise ModelError(f"no model file at {str(path) if len(str(path)) < 4096 else shown(str(path))}")
        return path.resolve()
    installed = installed_models()
    if str(model) not in installed:
        known = ", ".join(installed) or "none"
        raise ModelError(
            f"no model is called {shown(str(model))}; installed: {known}; or give the path of an .onnx file"
        )
    return installed[str(model)].resolve()


def is_file(path: Path) -> bool:
    """No path is too long for this one."""
    try:
        return path.is_file()
    except OSError:
        return False


def reduce_model(model: Model) -> tuple[Callable[[str], Model], tuple[str]]:
    """A model goes into a pickle by its path; the file must be there where it comes out."""
    return load_model, (model.path,)


copyreg.pickle(Model, reduce_model)


def installed_models() -> dict[str, Path]:
    """Where each installed model lies, by name; the user's folder comes last and wins."""
    return {path.stem: path for folder in model_folders() for path in sorted(folder.glob("*.onnx"))}


def model_folders() -> Iterator[Path]:
    yield MODELS_FOLDER
    if folder := os.environ.get(MODELS_VARIABLE):
        yield Path(folder)


def describe(model: Model | _core.ModelInfo, path: Path, name: str) -> ModelInfo:
    """The ModelInfo of a model, under the given name: what is installed is known by its file's."""
    return ModelInfo(
        name=name,
        path=path,
        task=model.task,
        stem_names=tuple(model.stem_names),
        channels=tuple(model.channels),
        license=model.metadata["license"],
        lookahead_frames=model.lookahead_frames,
        latency_ms=model.latency_samples(48000) / 48 if model.streams else math.inf,
        streams=model.streams,
        metadata=dict(model.metadata),
    )
