"""Blocks on their way through steps, one after the other, several threads at a time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

from .._checks import shown

# Takes a block, or what the step before made of it, and makes something else of it. None comes once, after the last.
Step = Callable[[Any], Any]

MAX_DEFAULT_THREADS = 2
MAX_UNDER_WAY = 4  # blocks between the source and the ends
POLL_SECONDS = 0.1  # a thread that waits for another hears no Ctrl-C on some systems


def check_threads(threads: int | None) -> int:
    """How many threads to use; None: as many as there are processors for this process, 2 at most."""
    if threads is None:
        return min(MAX_DEFAULT_THREADS, processor_count())
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"threads must be an integer, got {type(threads).__name__}")
    if threads < 1:
        raise ValueError(f"threads must be 1 or more, got {shown(threads)}")
    return threads


def processor_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_steps(
    source: Iterable[Any], steps: Sequence[Step], ends: Sequence[Step], threads: int
) -> Generator[None, None, None]:
    """Sends each block through all steps and what the last makes of it to each of the ends; yields when that is done.

    Each step gets all blocks in their order, and is never called twice at once. With more than one thread, blocks
    follow each other closely: while one is at a later step, the next is at an earlier. All of that is done by threads
    that end with this generator, so close it. The first exception ends it and is raised.
    """
    if threads > 1:
        yield from _Pipeline(source, steps, ends, threads).run()
        return
    for item in source:
        for step in steps:
            item = step(item)
        for end in ends:
            end(item)
        yield


class _Lane:
    """What waits for one step."""

    def __init__(self, step: Step, to: Sequence[_Lane] = ()) -> None:
        self.step = step
        self.to = to
        self.waiting: deque[Any] = deque()
        self.busy = False
        self.seconds = 0.0  # spent in it so far


class _Pipeline:
    def __init__(self, source: Iterable[Any], steps: Sequence[Step], ends: Sequence[Step], threads: int) -> None:
        self._ends = [_Lane(end) for end in ends]
        lanes = self._ends
        self._lanes = list(lanes)
        for step in reversed(steps):
            lanes = [_Lane(step, lanes)]
            self._lanes += lanes
        blocks = iter(source)
        self._source = _Lane(lambda _: next(blocks), lanes)
        self._source.waiting.extend([None] * MAX_UNDER_WAY)
        self._lanes.append(self._source)
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)  # there is some, or no more of it
        self._progress = threading.Condition(self._lock)  # a block is done with, or all are
        self._taken = 0  # blocks from the source
        self._given = [0] * len(ends)  # blocks that are done with, by end
        self._exhausted = self._stopped = False
        self._error: BaseException | None = None
        count = min(threads, len(self._lanes))
        self._threads = [
            threading.Thread(target=self._work_on, name="unbraid-files", daemon=True) for _ in range(count)
        ]

    def run(self) -> Iterator[None]:
        yielded = 0
        try:
            for thread in self._threads:
                thread.start()
            while True:
                with self._lock:
                    while not (self._error or self._done() > yielded or self._is_over()):
                        self._progress.wait(POLL_SECONDS)
                    if self._error:
                        raise self._error
                    done = self._done()
                    if done == yielded:
                        return
                for _ in range(done - yielded):
                    yield
                yielded = done
        finally:
            with self._lock:
                self._stopped = True
                self._work.notify_all()
            for thread in self._threads:
                if thread.ident:  # it was started
                    thread.join()
            self._error = None  # its traceback holds this frame

    def _done(self) -> int:
        return min(self._given)

    def _is_over(self) -> bool:
        return self._exhausted and self._done() == self._taken

    def _work_on(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # they belong to the threads of the program
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        with self._lock:
            while not (self._stopped or self._error or self._is_over()):
                ready = [lane for lane in self._lanes if lane.waiting and not lane.busy]
                if not ready:
                    self._work.wait()
                    continue
                if len(ready) > 1:
                    self._work.notify()
                # The others can catch up with a step that takes longest, but nobody can make up for its pauses.
                self._take_step(max(ready, key=lambda lane: lane.seconds))
            self._work.notify_all()
            self._progress.notify()

    def _take_step(self, lane: _Lane) -> None:
        """With the lock held, but for the step itself."""
        item = lane.waiting.popleft()
        lane.busy = True
        self._lock.release()
        started = time.perf_counter()
        result: Any = None
        error: BaseException | None = None
        try:
            result = lane.step(item)
        except BaseException as raised:
            error = raised
        finally:
            seconds = time.perf_counter() - started
            self._lock.acquire()
        lane.busy = False
        lane.seconds += seconds
        if lane is self._source and isinstance(error, StopIteration):
            self._exhausted = True
            lane.waiting.clear()
        elif error:
            self._error = self._error or error
        elif lane in self._ends:
            self._give(lane)
        else:
            self._taken += lane is self._source
            for following in lane.to:
                following.waiting.append(result)

    def _give(self, end: _Lane) -> None:
        before = self._done()
        self._given[self._ends.index(end)] += 1
        if self._done() > before:
            self._progress.notify()
            if not self._exhausted:
                self._source.waiting.append(None)  # another may come
