"""The command line: `unbraid separate`, `remix`, `listen`, `info`, `plugin`."""

from .endings import main

__all__ = ["main"]
