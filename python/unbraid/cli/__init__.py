"""The command line: `unbraid separate`, `remix`, `batch`, `listen`, `report`, `live`, `info`, `check`, `plugin`."""

from .endings import main

__all__ = ["main"]
