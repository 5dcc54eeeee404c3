"""The hand-written stub says what the compiled module has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# pybind11's metaclass is its own affair, as is the __init__ of a class that only the core makes; the classes' members
# are checked all the same.
ALLOWED = r"unbraid\._core\.(Hops(\.__init__)?|Model|ModelInfo(\.__init__)?|Remixer|Separator|Stft|WholeSignal)"


def test_the_stub_matches_the_compiled_module(tmp_path: Path) -> None:
    allowlist = tmp_path / "allowlist"
    allowlist.write_text(ALLOWED)
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "unbraid._core",
            f"--allowlist={allowlist}",
            "--ignore-unused-allowlist",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
