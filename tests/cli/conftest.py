"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, toy_model_path: Path) -> Shell:
    return Shell(tmp_path, toy_model_path.parent)
