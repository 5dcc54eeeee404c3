"""Tells PyInstaller, through an entry point, what a frozen program needs of Unbraid beside its modules."""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    return [str(Path(__file__).parent)]
