"""The campaign of one harness: its inputs run in a child process, so that a crash ends the child and not the campaign.

Input number i of a seed is always the same, whatever ran before it. One that fails is kept in a file that says which it
was; `--replay FILE` tries it once more, in this process, where a debugger can be.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .harness import Harness
from .progress import Progress
from .worker import keep_input, work

HANG_SECONDS = 5  # of CPU time
START_SECONDS = 60  # imports, seeds, the first model
WAITS = 12  # times as long on the clock


def main(kind: type[Harness], arguments: Sequence[str] | None = None) -> None:
    """The command line of a harness; exits with 1 if an input failed."""
    spec = sys.modules[kind.__module__].__spec__
    assert spec, "run it as a module: python -m"
    name = spec.name
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=sys.modules[kind.__module__].__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long to try [20]")
    parser.add_argument("--seed", type=int, default=1, help="which inputs [1]")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="folder for what failed")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="only try this input, kept from a failure")
    parser.add_argument("--worker", type=Path, metavar="PROGRESS", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.replay:
            kind(Path(folder)).run(options.replay.read_bytes())
        elif options.worker:
            work(kind(Path(folder)), options, name, Progress(options.worker))
        else:
            sys.exit(campaign(kind, name, options, Path(folder)))


def campaign(kind: type[Harness], name: str, options: argparse.Namespace, folder: Path) -> int:
    """Runs children one after another until the time is over; 1 if an input failed."""
    found = {"crash": 0, "hang": 0, "traceback": 0}
    first, end = 0, time.monotonic() + options.seconds
    while (left := end - time.monotonic()) > 0:
        progress = Progress(folder / "progress", first)
        command = [sys.executable, "-m", name, "--seed", str(options.seed), "--seconds", str(left)]
        command += ["--failures", str(options.failures), "--worker", str(folder / "progress")]
        ended = watched(command, progress)
        found["traceback"] += progress.failures
        if ended == "done":
            first = progress.current
            break
        if not progress.started:
            print(f"{name}: its process ended before the first input: {ended}", file=sys.stderr)
            return 1
        found["hang" if ended == "hang" else "crash"] += 1
        keep(kind, name, options, progress.current, ended)
        first = progress.current + 1
    failures = ", ".join(f"{count} {what}{'es' if what == 'crash' else 's'}" for what, count in found.items())
    print(f"{name}: seed {options.seed}, {first} inputs, {failures}")
    return int(any(found.values()))


def watched(command: list[str], progress: Progress) -> str:
    """How a child ended: "done", "hang", or by which signal or status."""
    child = subprocess.Popen(command)
    last, since, used = -1, time.monotonic(), 0.0
    try:
        while (status := child.poll()) is None:
            time.sleep(0.02)
            now = progress.current if progress.started else -1
            if now != last:
                last, since, used = now, time.monotonic(), cpu_seconds(child.pid)
            # On a machine that others keep busy nothing has hung that was not given the time; what waits takes none.
            limit = HANG_SECONDS if progress.started else START_SECONDS
            if cpu_seconds(child.pid) - used > limit or time.monotonic() - since > WAITS * limit:
                return "hang"
    finally:
        child.kill()
        child.wait()
    if status == 0:
        return "done"
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process; time on the clock where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keep(kind: type[Harness], name: str, options: argparse.Namespace, index: int, why: str) -> None:
    """Writes an input whose process could not."""
    with tempfile.TemporaryDirectory() as folder:
        path = keep_input(kind(Path(folder)), options, name, index, why)
    print(f"{path}: {why}", file=sys.stderr)
