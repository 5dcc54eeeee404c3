"""`unbraid batch --ray` on a Ray cluster of its own, whose actors die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from helpers.audio import soft_noise, write
from helpers.batches import count, holders, records, told, wait_for
from helpers.shell import Shell

RATE = 16000
SHORT = [f"{number}.wav" for number in range(4)]
COMMAND = ("batch", "songs", "out", "--ray", "local", "--workers", "2", "--model", "toy")

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: the extra [ray]")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks for the actors in /proc")


@pytest.fixture
def songs(shell: Shell, rng: np.random.Generator) -> Path:
    folder = shell.folder / "songs"
    folder.mkdir()
    for name, seconds in (("long.flac", 120), ("poison.flac", 110)):
        write(folder / name, soft_noise(rng, 1, seconds * RATE), RATE)
    for name in SHORT:
        write(folder / name, soft_noise(rng, 2, RATE), RATE)
    return folder


def kill_actor_on(process: subprocess.Popen[str], name: str, known: int = 0) -> int:
    """Kills the actor that works on a file, once there is another than the known one."""
    (actor,) = wait_for(process, lambda: [pid for pid in holders(process.pid, name) if pid != known])
    os.kill(actor, signal.SIGKILL)
    return actor


@pytest.mark.slow
@needs_ray
@needs_proc
def test_actors_are_killed(shell: Shell, songs: Path) -> None:
    """Nothing is lost, and nothing done twice; a file that kills every actor is a failure, not a loop."""
    with shell.start(*COMMAND) as process:
        kill_actor_on(process, "long.flac")
        actor = 0
        for _ in range(3):
            actor = kill_actor_on(process, "poison.flac", actor)
        stdout, stderr = process.communicate(timeout=180)
    assert process.returncode == 1, stderr
    assert count(shell.folder / "out", "done") == Counter([*SHORT, "long.flac"])
    reason = "its actor died, 3 times"
    assert [(each["input"], each["reason"]) for each in records(shell.folder / "out") if "reason" in each] == [
        (str(songs / "poison.flac"), reason)
    ]
    assert told(stderr) == [f"{songs / 'poison.flac'}: {reason}"]
    assert stdout.splitlines()[-1].startswith("5 done, 0 done before, 1 failed")


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray(shell: Shell, songs: Path) -> None:
    assert shell.fails(1, *COMMAND) == "--ray needs Ray: pip install 'unbraid[ray]'"
