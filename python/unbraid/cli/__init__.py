"""The command line: `unbraid separate`, `remix`, `info`, `plugin`."""

from .endings import main

__all__ = ["main"]
