"""The command line: `unbraid separate`, `remix`, `info`, `plugin`."""

from .main import main

__all__ = ["main"]
