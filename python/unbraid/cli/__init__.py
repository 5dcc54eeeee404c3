"""The command line: `unbraid separate`, `remix`, `listen`, `report`, `info`, `plugin`."""

from .endings import main

__all__ = ["main"]
