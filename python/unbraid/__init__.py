"""Unbraid pulls a mixture apart into stems while it plays, and gives each stem a fader.

    stems = unbraid.separate(audio, 48000)                      # {"speech": …, "music": …, "noise": …}
    quiet = unbraid.remix(audio, 48000, music_db=-12, noise_db="mute")

`Separator` and `Remixer` do the same to a stream, block by block; `separate_file` and `remix_file`
to whole files in constant memory.
"""

from __future__ import annotations

from ._runtime import prepare_runtime

# The core looks for ONNX Runtime when it is imported, so this comes first.
prepare_runtime()

from ._core import Model, ModelError, __version__  # noqa: E402
from .files import AudioFileError, ClippingWarning, remix_file, separate_file  # noqa: E402
from .plugin import load_plugin  # noqa: E402
from .rack import StemRack  # noqa: E402
from .registry import ModelInfo, load_model, models  # noqa: E402
from .separator import Remixer, Separator, remix, separate  # noqa: E402

__all__ = [
    "AudioFileError",
    "ClippingWarning",
    "Model",
    "ModelError",
    "ModelInfo",
    "Remixer",
    "Separator",
    "StemRack",
    "__version__",
    "load_model",
    "load_plugin",
    "models",
    "remix",
    "remix_file",
    "separate",
    "separate_file",
]
