"""A batch from its sources to its summary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..files.pipeline import MAX_DEFAULT_THREADS, processor_count
from .local import run_locally
from .manifest import DAMAGED, DONE, FAILED, STARTED, Manifest, Record
from .places import LocalPlace, open_place
from .plan import Plan, check_distinct, make_plan
from .settings import Settings
from .sources import DEFAULT_COLUMN, find_items
from .work import Item, Job, Result, Task


@dataclass
class Summary:
    """How many inputs are done by this run, were done before, are done in spite of damage, and failed; the audio that
    was worked on, and the time it took, in seconds."""

    done: int = 0
    skipped: int = 0
    damaged: int = 0
    failed: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0


class Report(Protocol):
    """Who is told how a batch goes on."""

    def plan(self, plan: Plan) -> None:
        """What there is to do."""

    def progress(self, item: Item, fraction: float) -> None:
        """How much of an item is done, from 0 to 1."""

    def result(self, result: Result) -> None:
        """What came of an item."""


def run_batch(
    sources: Sequence[str],
    destination: str,
    settings: Settings,
    *,
    report: Report,
    workers: int | None = None,
    ray_address: str | None = None,
    force: bool = False,
    column: str = DEFAULT_COLUMN,
) -> Summary:
    """Does to all inputs what the settings say, by `workers` processes (None: one for each processor), or actors of the
    Ray cluster at an address.

    What is done is noted in a manifest at the destination, and skipped the next time unless the input or the settings
    have changed, or `force`. A file that fails is told and noted, and the others go on.

    Before anything is written: raises ValueError for inputs of which one gets the outputs of another, or that are not
    there; RuntimeError for what needs an extra. Raises OSError for what cannot be written.
    """
    began = time.monotonic()
    place = open_place(destination)
    inside = str(place.root) if isinstance(place, LocalPlace) else ""
    items = find_items(sources, passed_over=place.claimed(), outputs=inside, column=column)
    check_distinct(items, settings, place)
    with contextlib.closing(place.manifest()) as manifest:
        plan = make_plan(items, settings, place, manifest, force=force)
        batch = _Batch(settings, manifest, report)
        report.plan(plan)
        for record in plan.skipped:
            batch.skip(record)
        for refused in plan.refused:
            batch.keep(refused)
        if plan.tasks:
            count = min(workers or processor_count(), len(plan.tasks))
            threads = max(1, min(MAX_DEFAULT_THREADS, processor_count() // count))
            job = Job(settings, place, threads)
            if ray_address is None:
                results = run_locally(plan.tasks, job, count, batch.start, report.progress)
            else:
                from .cluster import run_on_ray

                results = run_on_ray(plan.tasks, job, workers, ray_address, batch.start)
            with contextlib.closing(results):
                for result in results:
                    batch.keep(result)
    batch.summary.seconds = time.monotonic() - began
    return batch.summary


class _Batch:
    """Notes what happens, in the manifest first."""

    def __init__(self, settings: Settings, manifest: Manifest, report: Report) -> None:
        self.summary = Summary()
        self._settings = settings
        self._said = settings.record()
        self._manifest = manifest
        self._report = report
        # What was ours before this run, with other settings as well, stays ours.
        self._before = {source: record.outputs for source, record in manifest.records.items()}

    def skip(self, record: Record) -> None:
        self.summary.skipped += 1
        self.summary.damaged += record.status == DAMAGED

    def start(self, task: Task) -> None:
        self._note(Result(task.item, STARTED), dict.fromkeys(self._targets(task.item), 0))

    def keep(self, result: Result) -> None:
        """Of a failure nothing is left, unless it may be."""
        names = self._targets(result.item)
        sizes = result.sizes or ([] if result.sure else [0] * len(names))
        self._note(result, dict(zip(names, sizes, strict=False)))
        self.summary.done += result.status == DONE
        self.summary.damaged += result.status == DAMAGED
        self.summary.failed += result.status == FAILED
        self.summary.audio_seconds += result.audio_seconds
        self._report.result(result)

    def _targets(self, item: Item) -> list[str]:
        return self._settings.targets(item.name)

    def _note(self, result: Result, outputs: Mapping[str, int]) -> None:
        item = result.item
        self._manifest.append(
            Record(
                *(item.source, result.status, item.size, item.mtime_ns),
                sha256=result.sha256,
                settings={} if result.status == STARTED else self._said,
                outputs={**self._before.get(item.source, {}), **outputs},
                reason=result.reason,
                audio_seconds=round(result.audio_seconds, 3),
                seconds=round(result.seconds, 3),
            )
        )
