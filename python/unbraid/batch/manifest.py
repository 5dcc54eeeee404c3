"""What has been done: a line of JSON for each event, in the folder of the outputs."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..files.placing import sync_folder
from ..files.scratch import lock_now

MANIFEST_NAME = "unbraid-batch.jsonl"

STARTED = "started"  # its outputs are ours from now on, whatever happens
DONE = "done"
DAMAGED = "damaged"  # done with what could be decoded, on request
FAILED = "failed"


@dataclass(frozen=True)
class Record:
    """The last that is known of an input. `outputs` are those that are ours, by their path below the destination, with
    their sizes in bytes, 0 for those that may be there."""

    input: str
    status: str
    size: int
    mtime_ns: int
    sha256: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    audio_seconds: float = 0.0
    seconds: float = 0.0


class Manifest(Protocol):
    """The records by input. `append` keeps one; it is safe when that returns."""

    records: dict[str, Record]

    def append(self, record: Record) -> None: ...

    def close(self) -> None: ...


class FileManifest:
    """The manifest in a local folder. Lines are only ever added, each synced to the disk: whenever a run is killed, all
    lines but the last are whole, and the next run drops that one.

    Raises BlockingIOError while another run has it open, ValueError for a file that is no manifest, OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST_NAME
        is_new = not self.path.exists()
        self._file: BinaryIO = self.path.open("ab+", buffering=0)
        try:
            if lock_now(self._file.fileno()) is False:
                raise BlockingIOError(f"{folder}: another run is writing to this folder")
            if is_new:
                sync_folder(folder)
            self.records = self._read()
        except BaseException:
            self._file.close()
            raise

    def append(self, record: Record) -> None:
        line = f"{to_line(record)}\n".encode()
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        os.fsync(self._file.fileno())
        self.records[record.input] = record

    def close(self) -> None:
        self._file.close()

    def _read(self) -> dict[str, Record]:
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._file.truncate(whole)
        return parse(content, self.path)


def read_records(path: Path) -> dict[str, Record]:
    """The records of a manifest, which another run may be writing; none where there is none."""
    try:
        return parse(path.read_bytes(), path)
    except FileNotFoundError:
        return {}


def parse(content: bytes, path: Path) -> dict[str, Record]:
    """The last record of each input in all lines that are whole."""
    records = {}
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            record = from_line(line)
        except ValueError:
            raise ValueError(f"{path}: line {number} is no record of unbraid batch") from None
        records[record.input] = record
    return records


def to_line(record: Record) -> str:
    """In ASCII: names that are no text survive as escapes."""
    said = {key: value for key, value in asdict(record).items() if value not in ("", {}, 0.0) or key == "size"}
    return json.dumps(said, separators=(",", ":"))


def from_line(line: str | bytes) -> Record:
    """Raises ValueError for what is no record. What a later version adds is passed over."""
    said = json.loads(line)
    with contextlib.suppress(TypeError, AttributeError):
        return Record(**{"mtime_ns": 0} | {key: said[key] for key in said if key in Record.__dataclass_fields__})
    raise ValueError("no record")
