"""Tells the core where ONNX Runtime is, without importing onnxruntime.

Importing the wheel would cost a tenth of a second and start its telemetry; the core needs only
the path of the shared library inside it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

LIBRARY_PATTERNS = ("libonnxruntime.so*", "libonnxruntime.*dylib", "onnxruntime.dll")


def prepare_runtime() -> None:
    """Sets the two environment variables the core reads; values already set are kept."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    if "UNBRAID_ORT_LIBRARY" not in os.environ:
        library = find_library()
        if library is not None:
            os.environ["UNBRAID_ORT_LIBRARY"] = str(library)


def find_library() -> Path | None:
    spec = find_spec("onnxruntime")
    for folder in (spec and spec.submodule_search_locations) or ():
        for pattern in LIBRARY_PATTERNS:
            found = sorted(Path(folder, "capi").glob(pattern))
            if found:
                return found[0]
    return None
