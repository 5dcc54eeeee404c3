"""Batches under way: who works on what, read from the system."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60


def children(pid: int) -> list[int]:
    """Linux only. All processes below one, of any depth."""
    found = []
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, listed):
        found += [child, *children(child)]
    return found


def holders(pid: int, name: str) -> list[int]:
    """The processes below one that have a file of that name open."""
    return [child for child in children(pid) if name in open_names(child)]


def open_names(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # it has ended, or closed that file
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found.add(entry.readlink().name)
    return found


def wait_for(process: subprocess.Popen[str], found: Callable[[], Any]) -> Any:
    """What `found` gives once that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := found()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return result


def records(folder: Path) -> list[dict[str, Any]]:
    """All whole lines of a folder's manifest, once it is there."""
    manifest = folder / "unbraid-batch.jsonl"
    lines = manifest.read_text().splitlines(keepends=True) if manifest.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def count(folder: Path, status: str) -> Counter[str]:
    """How often the manifest says this of each input, by its name."""
    return Counter(Path(each["input"]).name for each in records(folder) if each["status"] == status)


def told(stderr: str) -> list[str]:
    """What a run says of files: neither how far it is, as it does when it takes minutes, nor what Ray says."""
    ours = [line for line in stderr.splitlines() if line.startswith("unbraid: ")]
    return [line.removeprefix("unbraid: ") for line in ours if not line.endswith(" left")]
