"""What the command line says of a batch: failures at once, how far it is and how long it will take, and a summary."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..batch.manifest import DAMAGED, FAILED
from ..batch.plan import Plan
from ..batch.running import Summary
from ..batch.sources import weight
from ..batch.work import Item, Result
from .messages import print_error, printable

if TYPE_CHECKING:
    from typing import Self

LINE_SECONDS = 60.0  # between lines, where there is no terminal to show a bar


class BatchReport:
    """A bar on a terminal, a line every minute elsewhere, both on standard error."""

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        self._quiet = quiet
        self._bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("", total=None)
        self._begun = self._last = time.monotonic()
        self._count = self._finished = 0
        self._total = self._done = 0.0
        self._under_way: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bar.stop()

    def plan(self, plan: Plan) -> None:
        for record in plan.skipped:
            if record.status == DAMAGED:
                print_error(f"warning: {record.reason}")
        self._count = len(plan.tasks)
        self._total = sum(weight(task.item) for task in plan.tasks)
        self._begun = self._last = time.monotonic()
        self._show()

    def progress(self, item: Item, fraction: float) -> None:
        self._under_way[item.source] = fraction * weight(item)
        self._show()

    def result(self, result: Result) -> None:
        self._tell(result)
        self._under_way.pop(result.item.source, None)
        if result.seconds:
            self._finished += 1
            self._done += weight(result.item)
            self._show()

    def _tell(self, result: Result) -> None:
        if result.status == FAILED:
            name, reason = result.item.source, result.reason
            print_error(reason if name in reason else f"{name}: {reason}")
        elif result.status == DAMAGED:
            print_error(f"warning: {result.reason}")
        for note in result.notes:
            print_error(f"warning: {note}")

    def _show(self) -> None:
        done = self._done + sum(self._under_way.values())
        where = f"{self._finished} of {self._count} files"
        self._bar.update(self._task, description=where, completed=done, total=self._total or None)
        now = time.monotonic()
        if self._bar.disable and not self._quiet and done and now - self._last >= LINE_SECONDS:
            self._last = now
            left = (now - self._begun) * (self._total / done - 1)
            print_error(f"{where}, {time_text(left)} left")


def print_summary(summary: Summary) -> None:
    """One line on standard output."""
    parts = [f"{summary.done} done", f"{summary.skipped} done before"]
    parts += [f"{summary.damaged} damaged"] if summary.damaged else []
    parts += [f"{summary.failed} failed"]
    speed = ""
    if summary.audio_seconds:
        times = summary.audio_seconds / summary.seconds
        speed = f"; {time_text(summary.audio_seconds)} of audio in {time_text(summary.seconds)}, {times:.0f}x real time"
    click.echo(printable(", ".join(parts) + speed))


def time_text(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
