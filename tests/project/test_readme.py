"""The README's examples work: all blocks in order, but those that install packages."""

from __future__ import annotations

from pathlib import Path

import pytest

import unbraid
from helpers import ROOT
from helpers.markdown import Reader, blocks_of

README = ROOT / "README.md"

pytestmark = pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")


def test_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Reader(tmp_path).follow(blocks_of(README))
    assert (tmp_path / "clear.wav").exists()


def test_only_what_installs_packages_is_left_out() -> None:
    left_out = [block for block in blocks_of(README) if not block.runs]
    assert len(left_out) == 2
    assert all(block.text.startswith("apt-get update && ") for block in left_out)
