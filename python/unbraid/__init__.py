"""Unbraid pulls a mixture apart into stems while it plays, and gives each stem a fader::

    stems = unbraid.separate(audio, 48000)                      # {"speech": …, "music": …, "noise": …}
    quiet = unbraid.remix(audio, 48000, music_db=-12, noise_db="mute")

`Separator` and `Remixer` do the same to a stream, block by block; `separate_file` and `remix_file`
to whole files in constant memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _core, _forks, _runtime
from ._core import Model, ModelError, __version__

if TYPE_CHECKING:
    from .files import AudioFileError, ClippingWarning, DamageWarning, FilmWarning, remix_file, separate_file
    from .listen.player import Player, player
    from .model_check import ModelCheck, check_model
    from .plotting import plot
    from .plugin import load_plugin
    from .rack import StemRack
    from .registry import ModelInfo, load_model, models
    from .separator import Remixer, Separator, remix, separate

if _library := _runtime.find_library():
    _core.set_runtime_library(_library)

__all__ = [
    "AudioFileError",
    "ClippingWarning",
    "DamageWarning",
    "FilmWarning",
    "Model",
    "ModelCheck",
    "ModelError",
    "ModelInfo",
    "Player",
    "Remixer",
    "Separator",
    "StemRack",
    "__version__",
    "check_model",
    "load_model",
    "load_plugin",
    "models",
    "player",
    "plot",
    "remix",
    "remix_file",
    "separate",
    "separate_file",
]

# Brought in when asked for: NumPy takes a while, and the command line has to be there for a Ctrl-C before that.
_HOMES = {
    "AudioFileError": "files",
    "ClippingWarning": "files",
    "DamageWarning": "files",
    "FilmWarning": "files",
    "ModelCheck": "model_check",
    "ModelInfo": "registry",
    "Player": "listen.player",
    "Remixer": "separator",
    "Separator": "separator",
    "StemRack": "rack",
    "check_model": "model_check",
    "load_model": "registry",
    "load_plugin": "plugin",
    "models": "registry",
    "player": "listen.player",
    "plot": "plotting",
    "remix": "separator",
    "remix_file": "files",
    "separate": "separator",
    "separate_file": "files",
}


def __getattr__(name: str) -> Any:
    with _forks.importing:
        if name in _HOMES:
            globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
            return globals()[name]
        if name == "nmf" or name in _HOMES.values():
            return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
