"""Runs what stands in fenced code blocks of Markdown pages, as a reader would who types it all in, block by block.

A comment on the line above a block says what cannot be seen from the block itself:

    <!-- not run: REASON -->         it is left out, for that reason
    <!-- needs: ffmpeg, torch -->    it is run only where these programs and packages are (see `missing`)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from helpers import ROOT

RUN = ("python", "sh")
DATA = ("", "text", "ini", "toml")
DIRECTIVE = re.compile(r"\{[\w-]+\}")  # Sphinx's own: ```{toctree}
NOTE = re.compile(r"<!-- (not run|needs): (.+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced code block. `line` is that of its first line of code, from 1."""

    page: Path
    line: int
    language: str
    text: str
    notes: Mapping[str, str]

    @property
    def runs(self) -> bool:
        return self.language in RUN and "not run" not in self.notes

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(filter(None, re.split(r",\s*", self.notes.get("needs", ""))))

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The page's fenced blocks, in order, but for the directives."""
    found: list[Block] = []
    notes: dict[str, str] = {}
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        if note := NOTE.fullmatch(line):
            notes[note[1]] = note[2]
            continue
        if line.lstrip().startswith("```"):
            assert line.startswith("```"), f"{page}:{number}: an indented block would not be run"
            fence, language = re.fullmatch(r"(`+)(.*)", line).groups()  # type: ignore[union-attr]
            text = []
            for _, inner in lines:
                if inner.rstrip() == fence:
                    break
                text.append(inner)
            else:
                raise AssertionError(f"{page}:{number}: the block does not end")
            if not DIRECTIVE.match(language):
                found.append(Block(page, number + 1, language, "\n".join(text) + "\n", notes))
        notes = {}
    return found


def missing(need: str) -> str:
    """Why something that a block needs is not here; empty where it is."""
    if check := PROGRAMS.get(need):
        return check()
    return "" if find_spec(need) else f"the package {need} is not installed"


def missing_programs(*names: str) -> str:
    lacking = [name for name in names if shutil.which(name) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else ""


def missing_lv2_filter() -> str:
    """FFmpeg may be built without the filter; mpv has what its FFmpeg has."""
    if reason := missing_programs("ffmpeg"):
        return reason
    told = subprocess.run(["ffmpeg", "-hide_banner", "-filters"], capture_output=True, text=True, check=False).stdout
    return "" if re.search(r"^\s*\S+\s+lv2\s", told, re.MULTILINE) else "this ffmpeg has no filter lv2"


PROGRAMS: dict[str, Callable[[], str]] = {
    "ffmpeg": missing_lv2_filter,
    "mpv": lambda: missing_programs("mpv") or missing_lv2_filter(),
    "video": lambda: missing("av") or missing_programs("ffmpeg"),
    "lv2apply": lambda: missing_programs("lv2apply"),
    "train": lambda: next(
        filter(None, map(missing, ("torch", "onnx", "scipy", "soundfile", "soxr", "pyroomacoustics"))), ""
    ),
}


class Reader:
    """Somebody in a folder of their own, with what a checkout has, a home and nothing set up for Unbraid."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {}
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / "recipes").symlink_to(ROOT / "recipes")
        programs = folder / ".programs"
        programs.mkdir()
        for name, words in {"unbraid": "-m unbraid", "python": ""}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
            (programs / name).chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("UNBRAID_", "LV2_"))}
        path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
        self.environment = {**kept, "HOME": str(folder), "PATH": path}

    def follow(self, blocks: Sequence[Block]) -> None:
        """Types blocks in, from inside the folder: Python in this process, commands in a shell."""
        for block in blocks:
            if not block.runs:
                continue
            if block.language == "python":
                # The empty lines make a traceback show the page's own line numbers.
                exec(compile("\n" * (block.line - 1) + block.text, block.page, "exec"), self.names)
            else:
                self.run("bash", "-euo", "pipefail", "-c", block.text, what=str(block))

    def run(self, *command: str, what: str = "", timeout: float = 600) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=timeout
        )
        assert done.returncode == 0, f"{what}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout
