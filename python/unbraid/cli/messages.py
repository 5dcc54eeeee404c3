"""What the command line says: a line for each thing that goes wrong, and the paths of what it has written."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def print_error(message: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # standard error may be closed, or broken
        sys.stderr.write(f"unbraid: {printable(message)}\n")
        sys.stderr.flush()


def print_path(path: Path) -> None:
    """A path for people, or to a program, byte for byte as the system has it."""
    if sys.stdout is None:
        return
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        print(printable(str(path)), flush=True)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + os.linesep.encode())
        sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """Text that a file may have brought along, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
