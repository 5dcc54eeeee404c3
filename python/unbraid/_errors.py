"""Exceptions in words."""

from __future__ import annotations

import os


def error_line(error: BaseException) -> str:
    """An exception in one line, without the number and quotes of OSError."""
    if isinstance(error, OSError) and error.strerror:
        named = error.filename if isinstance(error.filename, str | bytes) else ""
        return f"{os.fsdecode(named)}: {error.strerror}" if named else error.strerror
    said = " ".join(str(error).split())
    if isinstance(error, OSError | ValueError | RuntimeError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
