"""A PipeWire of its own, without a sound card and with nothing to hear it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from helpers.markdown import missing_programs
from helpers.shell import command
from unbraid.live import nodes_of

PROGRAMS = ("pipewire", "wireplumber", "pw-play", "pw-record", "pw-cli", "pw-dump", "pw-link", "dbus-run-session")


def missing_pipewire() -> str:
    if sys.platform != "linux":
        return "PipeWire is for Linux"
    return missing_programs(*PROGRAMS)


class Desktop:
    """A session in which programs find PipeWire, with `folder` as home and current folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime = folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        places = {"XDG_RUNTIME_DIR": str(self.runtime), "HOME": str(folder), "TMPDIR": str(folder)}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "LV2_", "PIPEWIRE_"))}
        self.environment = kept | places

    @contextmanager
    def running(self) -> Iterator[None]:
        """PipeWire and its session manager, from ready to ended."""
        ready = "until pw-cli info 0; do sleep 0.1; done"  # WirePlumber waits for nobody
        script = f"pipewire & {ready} > /dev/null 2>&1; wireplumber & wait"
        with self.background("dbus-run-session", "--", "sh", "-c", script, number=signal.SIGKILL, group=True):
            wait_for(lambda: self.says("pw-cli", "info", "0"), "PipeWire")
            wait_for(lambda: "WirePlumber" in self.run("pw-cli", "ls", "Client"), "WirePlumber")
            yield

    @contextmanager
    def background(
        self, *words: str, number: int = signal.SIGINT, group: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        """A program, ended by a signal if it has not ended by itself; `group`: with all that it has started."""
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if group else subprocess.PIPE,
            text=True,
            start_new_session=group,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                if group:
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)
            process.communicate(timeout=30)

    @contextmanager
    def live(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`unbraid live`, from when it says that the device is there."""
        with self.background(*command("live", *arguments)) as process:
            assert process.stdout is not None
            assert " is there. " in process.stdout.readline(), process.communicate()
            yield process

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def says(self, *words: str) -> bool:
        return subprocess.run(words, env=self.environment, capture_output=True, check=False).returncode == 0

    def nodes(self) -> dict[str, dict[str, Any]]:
        """What is known of each node that has a name."""
        return nodes_of(self.run("pw-dump"))

    def faders(self, node: str) -> dict[str, float]:
        """The plug-in's controls, which are among the parameters of the chain's first node."""
        for properties in self.nodes()[node]["params"]["Props"]:
            words = properties.get("params", [])
            found = {key: value for key, value in zip(words[::2], words[1::2], strict=True) if ":" in str(key)}
            if found:
                return found
        raise AssertionError(f"{node} has no controls")


def wait_for(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < deadline, f"no {what} after 20 seconds"
        time.sleep(0.1)
