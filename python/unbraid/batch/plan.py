"""What there is to do: which inputs are done with, which cannot be, and the others, the longest first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..files.naming import check_formats, folded, identity
from .manifest import DAMAGED, DONE, FAILED, Manifest, Record
from .places import LocalPlace, Place, as_local_file
from .settings import Settings, sha256_of
from .sources import weight
from .work import Item, Result, Task


@dataclass
class Plan:
    """The work, and what needs none: records of what is done, results of what cannot be done."""

    tasks: list[Task] = field(default_factory=list)
    skipped: list[Record] = field(default_factory=list)
    refused: list[Result] = field(default_factory=list)


def check_distinct(items: Sequence[Item], settings: Settings, place: Place) -> None:
    """Before anything is written: no input may get the outputs of another, or be one.

    Raises ValueError where that is so, or for a format that is not written, RuntimeError for one that needs an extra.
    """
    by_target: dict[str, Item] = {}
    alike: dict[str, list[str]] = {}
    for item in items:
        for target in settings.targets(item.name):
            other = by_target.setdefault(target, item)
            if other is not item:
                refuse(other, item, target, place)
            alike.setdefault(folded(target), []).append(target)
    check_formats({Path(target).suffix: Path(target) for target in by_target}.values())
    for several in (each for each in alike.values() if len(each) > 1):
        if (taken := place.first_taken(several)) is not None:
            refuse(by_target[several[0]], by_target[taken], taken, place)
    if isinstance(place, LocalPlace):
        check_not_inputs(by_target, items, place)


def refuse(one: Item, other: Item, target: str, place: Place) -> None:
    raise ValueError(f"{one.source} and {other.source} would both be written to {place.path(target)}")


def check_not_inputs(by_target: Mapping[str, Item], items: Sequence[Item], place: LocalPlace) -> None:
    inputs = {found: item.source for item in items if (found := identity(place.root / item.source)) is not None}
    for target, item in by_target.items():
        path = place.root / target
        if os.path.lexists(path) and (overwritten := inputs.get(identity(path) or (0, 0))) is not None:
            raise ValueError(f"{path}: the output of {item.source} would overwrite the input {overwritten}")


def make_plan(
    items: Sequence[Item], settings: Settings, place: Place, manifest: Manifest, *, force: bool = False
) -> Plan:
    """With `force` all of it is done anew, over whatever is there."""
    plan, wanted = Plan(), settings.record()
    targets = {item: settings.targets(item.name) for item in items}
    sizes = place.sizes(name for names in targets.values() for name in names)
    for item, names in targets.items():
        record = manifest.records.get(item.source)
        there = {name: sizes[name] for name in names if name in sizes}
        if not force and record and is_done(item, record, wanted, names, there, settings.keep_going):
            if record.mtime_ns != item.mtime_ns:  # touched, and the same: not to be read again the next time
                record = replace(record, mtime_ns=item.mtime_ns)
                manifest.append(record)
            plan.skipped.append(record)
            continue
        foreign = [name for name in there if not record or name not in record.outputs]
        if foreign and not force:
            reason = f"{place.path(foreign[0])}: exists already; use force (--force) to overwrite it"
            plan.refused.append(Result(item, FAILED, reason))
        else:
            plan.tasks.append(Task(item, force=bool(there)))
    plan.tasks.sort(key=lambda task: weight(task.item), reverse=True)
    return plan


def is_done(
    item: Item,
    record: Record,
    wanted: Mapping[str, Any],
    names: Sequence[str],
    there: Mapping[str, int],
    keep_going: bool,
) -> bool:
    """Whether the outputs that are there are those of this very input, with these settings."""
    if record.status != DONE and not (record.status == DAMAGED and keep_going):
        return False
    if record.settings != wanted or record.size != item.size:
        return False
    if any(record.outputs.get(name) != there.get(name, -1) for name in names):
        return False
    if record.mtime_ns == item.mtime_ns:
        return True
    try:
        with as_local_file(item.source) as path:
            return sha256_of(path) == record.sha256
    except OSError:  # what is wrong with it shows when its turn comes
        return False
