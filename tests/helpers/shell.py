"""The command line in a process of its own, as users meet it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "unbraid", *map(str, arguments)]


class Shell:
    """Runs commands in a folder, with the toy model in the place of installed ones."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"UNBRAID_MODELS": str(models)}

    def run(
        self, *arguments: str | Path, prepare: Callable[[], object] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command, whose standard streams are what `prepare` makes of them in the new process."""
        done = subprocess.run(
            command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=prepare,
        )
        assert "Traceback" not in done.stderr
        return done

    def start(
        self, *arguments: str | Path, prepare: Callable[[], object] | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """A command under way, with more in its environment."""
        return subprocess.Popen(
            command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,
        )

    def on_terminal(self, *arguments: str | Path) -> tuple[int, str, str]:
        """The exit status of a command, its standard output, and all that a terminal gets of its standard error."""
        import pty

        ours, theirs = pty.openpty()
        with self.start(*arguments, prepare=lambda: os.dup2(theirs, 2), TERM="xterm", COLUMNS="100") as process:
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an error
                while part := os.read(ours, 4096):  # a terminal gives no more at once
                    shown += part
            os.close(ours)
            stdout, _ = process.communicate()
        return process.returncode, stdout, shown.decode()

    def fails(self, code: int, *arguments: str | Path) -> str:
        """The one line it says on failing."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("unbraid: ")
        return line.removeprefix("unbraid: ")

    def files(self) -> list[str]:
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file())
