"""The harnesses of fuzz/ run, and notice what they are there for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT
from unbraid import plugin

# Its inputs are numbers; some end in each of the ways that there are.
FAULTY = """
import os, time
from fuzz.driver import main
class Faulty:
    def __init__(self, folder): pass
    def make(self, rng): return bytes([rng.integers(100)])
    def run(self, data):
        if data[0] < 10: raise KeyError("fault")
        if data[0] == 10: os.abort()
        if data[0] == 11 and not os.path.exists("hung"):
            open("hung", "w").close()
            while True: pass
        time.sleep(0.001)
main(Faulty)
"""


def campaign(module: str, *options: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, options)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["audio_files", "model_files", "host_sequences", "state_blobs", "python_api"])
def test_a_harness_runs(name: str, tmp_path: Path) -> None:
    if name in ("host_sequences", "state_blobs"):
        try:
            plugin.bundle_path("clap")
        except FileNotFoundError:
            pytest.skip("this build has no plug-in")
    done = campaign(f"fuzz.{name}", "--seconds", "1", "--failures", tmp_path / "failures")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 crashes, 0 hangs, 0 tracebacks" in done.stdout
    assert " 0 inputs" not in done.stdout
    assert not (tmp_path / "failures").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not end by a signal")
def test_faults_are_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY)
    done = campaign("faulty", "--seconds", "15", "--seed", "3", folder=tmp_path)
    assert done.returncode == 1
    found = re.search(r"(\d+) crashes, (\d+) hangs, (\d+) tracebacks", done.stdout)
    assert found, done.stdout + done.stderr
    kept = list((tmp_path / "fuzz-failures").iterdir())
    for count, why in zip(found.groups(), ("SIGABRT", "hang", "traceback"), strict=True):
        assert 0 < int(count) == sum(path.name.endswith(why) for path in kept)
    failed = next(path for path in kept if path.name.endswith("traceback"))
    assert "KeyError" in campaign("faulty", "--replay", failed, folder=tmp_path).stderr
