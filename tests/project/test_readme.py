"""The README's examples work: its python blocks in order, then each command that needs no network."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unbraid
from helpers import ROOT

README = ROOT / "README.md"
COMMANDS = ("separate", "remix", "info", "--version", "--help")

pytestmark = pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")


def blocks(language: str) -> list[tuple[int, str]]:
    """The fenced blocks in a language, each with the number of its first line."""
    text = README.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def command_lines() -> list[str]:
    lines = [line for _, block in blocks("(?:sh|bash|console)") for line in block.splitlines()]
    commands = [line.removeprefix("$ ").split("  #")[0].strip() for line in lines]
    return [line for line in commands if line.startswith(tuple(f"unbraid {c}" for c in COMMANDS))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the examples read, to write beside."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_python_blocks_run() -> None:
    names: dict[str, object] = {}
    for line, block in blocks("python"):
        # The empty lines make a traceback show the README's own line numbers.
        exec(compile("\n" * line + block, README, "exec"), names)


@pytest.mark.parametrize("line", command_lines())
def test_command_lines_run(folder: Path, line: str) -> None:
    words = shlex.split(line)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "unbraid", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
