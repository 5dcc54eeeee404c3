"""`unbraid batch` when something dies: a worker, the whole run, or the one who watches it loses patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from helpers.audio import soft_noise, write
from helpers.batches import children, count, holders, records, told, wait_for
from helpers.shell import Shell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")

RATE = 16000
LONG_SECONDS = 240
SHORT = [f"{number}.wav" for number in range(4)]
COMMAND = ("batch", "songs", "out", "--workers", "2", "--model", "toy")


@pytest.fixture
def songs(shell: Shell, rng: np.random.Generator) -> Path:
    """One that takes a while, and comes first, and some that do not."""
    folder = shell.folder / "songs"
    folder.mkdir()
    write(folder / "long.flac", soft_noise(rng, 1, LONG_SECONDS * RATE), RATE)
    for name in SHORT:
        write(folder / name, soft_noise(rng, 2, RATE), RATE)
    return folder


def parts(shell: Shell) -> list[Path]:
    return list(shell.folder.rglob("*.part"))


def kill_worker_on(process: subprocess.Popen[str], name: str, known: int = 0) -> int:
    """Kills the process that works on a file, once there is another than the known one."""
    (worker,) = wait_for(process, lambda: [pid for pid in holders(process.pid, name) if pid != known])
    os.kill(worker, signal.SIGKILL)
    return worker


def test_a_worker_is_killed(shell: Shell, songs: Path) -> None:
    """Nothing is lost, and nothing done twice."""
    with shell.start(*COMMAND) as process:
        kill_worker_on(process, "long.flac")
        stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, told(stderr)) == (0, [])
    assert stdout.startswith("5 done, 0 done before, 0 failed")
    assert count(shell.folder / "out", "done") == Counter([*SHORT, "long.flac"])
    assert len(list((shell.folder / "out").rglob("*.wav"))) == 15
    assert parts(shell) == []


def test_a_file_that_kills_its_worker(shell: Shell, songs: Path) -> None:
    """Is a failure after some tries, not a loop; the others are done."""
    with shell.start(*COMMAND) as process:
        worker = 0
        for _ in range(3):
            worker = kill_worker_on(process, "long.flac", worker)
        stdout, stderr = process.communicate(timeout=120)
    reason = "its process was killed by SIGKILL, 3 times"
    assert (process.returncode, told(stderr)) == (1, [f"{songs / 'long.flac'}: {reason}"])
    assert stdout.startswith("4 done, 0 done before, 1 failed")
    assert count(shell.folder / "out", "done") == Counter(SHORT)
    (failed,) = (each for each in records(shell.folder / "out") if each["status"] == "failed")
    assert failed["reason"] == reason
    assert shell.run(*COMMAND).returncode == 0
    assert count(shell.folder / "out", "done") == Counter([*SHORT, "long.flac"])
    assert parts(shell) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_it_goes_on(shell: Shell, songs: Path, number: signal.Signals) -> None:
    out = shell.folder / "out"
    with shell.start(*COMMAND) as process:
        wait_for(process, lambda: count(out, "done").total() >= 2 and parts(shell))
        workers = children(process.pid)
        for pid in (process.pid, *workers):  # as a terminal does
            if number == signal.SIGINT or pid == process.pid:
                os.kill(pid, number)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert (stdout, told(stderr)) == ("", ["interrupted"] if number == signal.SIGINT else [])
    for pid in workers:
        wait_until_gone(pid)
    assert parts(shell) == []
    done = count(out, "done")
    assert f"{5 - done.total()} done, {done.total()} done before, 0 failed" in shell.run(*COMMAND).stdout
    assert count(out, "done") == Counter([*SHORT, "long.flac"])


def test_the_run_is_killed_and_goes_on(shell: Shell, songs: Path) -> None:
    """Its workers end as well, and a line of the manifest that was cut off is none."""
    out = shell.folder / "out"
    with shell.start(*COMMAND) as process:
        wait_for(process, lambda: count(out, "done").total() >= 2 and parts(shell))
        workers = children(process.pid)
        process.kill()
        process.communicate(timeout=30)
    for pid in workers:
        wait_until_gone(pid)
    assert parts(shell) == []
    done = count(out, "done")
    with (out / "unbraid-batch.jsonl").open("ab") as file:
        file.write(b'{"input":"/songs/x.wav","sta')
    assert f"{5 - done.total()} done, {done.total()} done before, 0 failed" in shell.run(*COMMAND).stdout
    assert count(out, "done") == Counter([*SHORT, "long.flac"])


def test_outputs_of_a_run_that_died_before_it_noted_them(shell: Shell, songs: Path) -> None:
    """They are ours: done anew, without --force."""
    assert shell.run(*COMMAND).returncode == 0
    manifest = shell.folder / "out/unbraid-batch.jsonl"
    lines = [line for line in manifest.read_text().splitlines() if '"status":"done"' not in line]
    manifest.write_text("\n".join(lines) + "\n")
    done = shell.run(*COMMAND)
    assert (done.returncode, told(done.stderr)) == (0, [])
    assert done.stdout.startswith("5 done")


def test_two_runs_at_once(shell: Shell, songs: Path) -> None:
    with shell.start(*COMMAND) as process:
        wait_for(process, lambda: parts(shell))
        assert shell.fails(1, *COMMAND) == f"{shell.folder}/out: another run is writing to this folder"
        assert process.wait(timeout=120) == 0


def wait_until_gone(pid: int) -> None:
    alive = subprocess.Popen(["tail", f"--pid={pid}", "-f", "/dev/null"])
    assert alive.wait(timeout=30) == 0
