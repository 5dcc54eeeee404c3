"""A progress bar on standard error, in seconds of audio; nothing when that is no terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ..files.processing import Progress as Report


class SpeedColumn(ProgressColumn):
    """The mean speed so far: rich's own needs two reports, and of a short file there may be one."""

    def render(self, task: Task) -> Text:
        seconds = task.finished_time or task.elapsed
        speed = task.completed / seconds if seconds else 0.0
        return Text(f"{speed:.1f}x real time" if speed else "", style="progress.data.speed")


@contextlib.contextmanager
def progress_bar(title: str, quiet: bool) -> Iterator[Report | None]:
    """Gives the callable to report (seconds done, seconds in all) to, or None to stay quiet."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),  # a file's name may hold [brackets]
        BarColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
