"""Finds ONNX Runtime without importing onnxruntime.

Importing the wheel would cost a tenth of a second and start its telemetry; the core needs only
the path of the shared library inside it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

LIBRARY_PATTERNS = ("libonnxruntime.so*", "libonnxruntime.*dylib", "onnxruntime.dll")


def find_library() -> Path | None:
    """The shared library inside the installed onnxruntime package; None where there is none."""
    spec = find_spec("onnxruntime")
    for folder in (spec and spec.submodule_search_locations) or ():
        for pattern in LIBRARY_PATTERNS:
            found = sorted(Path(folder, "capi").glob(pattern))
            if found:
                return found[0]
    return None
