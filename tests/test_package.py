"""What `import unbraid` brings, and when."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import unbraid


def run(program: str) -> str:
    """What a fresh Python prints that has only just imported unbraid."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import unbraid\n{program}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_all_names_are_there() -> None:
    assert {name for name in unbraid.__all__ if not hasattr(unbraid, name)} == set()
    assert set(dir(unbraid)) >= set(unbraid.__all__)
    assert not hasattr(unbraid, "nosuch")
    assert run("print(set(unbraid.__all__) - set(dir(unbraid)))") == "set()"


def test_numpy_comes_with_the_first_name_that_needs_it() -> None:
    shown = "import sys; print('numpy' in sys.modules, end=' ')\n"
    assert run(f"{shown}unbraid.separate\n{shown}unbraid.registry.load_model") == "False True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_waits_for_an_import_under_way() -> None:
    program = """
import os, sys, threading, time
started = threading.Event()
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "unbraid.separator":
            started.set()
            time.sleep(0.3)
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=lambda: unbraid.separate)
thread.start()
started.wait()
child = os.fork()
if child == 0:
    unbraid.separate
    os._exit(0)
deadline = time.monotonic() + 10
while not (done := os.waitpid(child, os.WNOHANG)[0]) and time.monotonic() < deadline:
    time.sleep(0.01)
if not done:
    os.kill(child, 9)
thread.join()
print("free" if done else "hung")
"""
    assert run(program) == "free"
