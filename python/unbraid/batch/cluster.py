"""Tasks on a Ray cluster, through Ray Data: only with the extra [ray]."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .local import MAX_TRIES
from .manifest import FAILED
from .work import Job, Result, Task

EXTRA = "pip install 'unbraid[ray]'"


class Tries:
    """Counts how often each file was begun, whoever began it: an actor that dies tells nobody."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, source: str) -> int:
        self._begun[source] += 1
        return self._begun[source]


class Actor:
    """A process of the cluster. It loads the model with its first file, and keeps it."""

    def __init__(self, job: Job, tries: Any) -> None:
        self._job = job
        self._tries = tries

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        task: Task = row["task"]
        before = ray.get(self._tries.begin.remote(task.item.source)) - 1
        if before >= MAX_TRIES:
            return {"result": Result(task.item, FAILED, f"its actor died, {before} times", sure=False)}
        result = self._job(replace(task, force=task.force or before > 0), lambda done, total: None)
        return {"result": replace(result, sure=result.sure and not before)}


def run_on_ray(
    tasks: Sequence[Task], job: Job, workers: int | None, address: str, started: Callable[[Task], None]
) -> Generator[Result, None, None]:
    """Does the tasks in their order, by so many actors (None: one for each processor of the cluster); yields results as
    they come. Close it, to end all of them.

    Left alone, Ray tries a task whose actor dies again and again. Here the actors count, and after MAX_TRIES it has
    failed. Sources and destination must be where all of the cluster finds them. Raises RuntimeError without the extra,
    ConnectionError where there is no cluster.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.data
    except ModuleNotFoundError:
        raise RuntimeError(f"--ray needs Ray: {EXTRA}") from None
    with connected(ray, address):
        count = min(workers or max(1, int(ray.cluster_resources().get("CPU", 1))), len(tasks))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # what fails in Ray itself is told here, file by file
        tries = ray.remote(Tries).options(num_cpus=0).remote()
        for task in tasks:
            started(task)
        rows = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
        # One at a time: nothing waits at an actor for the end of another's file.
        actors = ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1)
        done = rows.map(Actor, fn_constructor_args=(job, tries), compute=actors, num_cpus=1)
        left = {task.item.source: task for task in tasks}
        for row in done.iter_rows():
            result: Result = row["result"]
            if left.pop(result.item.source, None):
                yield result
        for task in left.values():
            yield Result(task.item, FAILED, "Ray lost it", sure=False)


@contextlib.contextmanager
def connected(ray: Any, address: str) -> Iterator[None]:
    """Ray takes signals for itself, and says much."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ray.shutdown()
