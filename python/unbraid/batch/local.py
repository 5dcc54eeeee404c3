"""A pool of processes on this machine, which outlives the death of any of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Any

from .manifest import FAILED
from .work import Item, Job, Result, Task

MAX_TRIES = 3  # of a file whose worker dies: it may have been for want of memory, or because of the file
REPORT_SECONDS = 0.1
GRACE_SECONDS = 5.0  # for a worker that is told to end
POLL_SECONDS = 1.0  # some systems wake nobody who waits for a pipe when a signal comes

Started = Callable[[Task], None]
Fraction = Callable[[Item, float], None]


def run_locally(
    tasks: Sequence[Task], job: Job, workers: int, started: Started, progress: Fraction
) -> Generator[Result, None, None]:
    """Does the tasks in their order, by so many processes; yields results as they come. Close it, to end all of them.

    A task whose process dies is tried again after the others, up to MAX_TRIES times in all, and then has failed.
    """
    waiting = deque(tasks)
    team = [Worker(job) for _ in range(min(workers, len(tasks)))]
    try:
        while True:
            for worker in team:
                if worker.task is None and waiting:
                    task = waiting.popleft()
                    started(task)
                    worker.give(task)
            busy = {worker.connection: worker for worker in team if worker.task}
            if not busy:
                return
            for ready in wait(list(busy), POLL_SECONDS):
                worker = busy[ready]  # type: ignore[index]
                assert worker.task is not None
                message = worker.take()
                if isinstance(message, float):
                    progress(worker.task.item, message)
                elif isinstance(message, Result):
                    result = replace(message, sure=message.sure and not worker.task.tries)
                    worker.task = None
                    yield result
                else:
                    task, how = replace(worker.task, force=True, tries=worker.task.tries + 1), worker.end()
                    team[team.index(worker)] = Worker(job)
                    if task.tries < MAX_TRIES:
                        waiting.append(task)
                    else:
                        reason = f"its process {how}, {task.tries} times"
                        yield Result(task.item, FAILED, reason, sure=False)
    finally:
        for worker in team:
            worker.connection.close()
        for worker in team:
            worker.end()


class Worker:
    """A process that does one task after the other."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take threads' locks along
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, job), daemon=True)
        self.task: Task | None = None
        with signals_left_to_us():
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # dead: `take` will tell
            self.connection.send(task)

    def take(self) -> Any:
        """What it says; None when it is dead."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> str:
        """Makes sure that it is gone; says how it went."""
        self.connection.close()
        self.process.join(GRACE_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"


@contextlib.contextmanager
def signals_left_to_us() -> Iterator[None]:
    """What is started within hears none of the signals that a terminal sends to all: it is told by its pipe."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started by the first process otherwise, and it lets some of the signals through again.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: Connection, job: Job) -> None:
    """Does what comes through the pipe, until that is closed, which the death of the other side does as well."""
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    last = 0.0

    def told(done: float, total: float) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_SECONDS:
            last = time.monotonic()
            connection.send(done / total if total else 0.0)

    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(job(connection.recv(), told))
