"""The page's server: what lies under which address. It listens on 127.0.0.1 alone."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files.errors import AudioFileError
from .exports import Export
from .guard import Guard
from .handler import BLOCK_BYTES, Handler, HttpError
from .library import Library
from .track import Track

if TYPE_CHECKING:
    from typing import Self

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml", ".wav": "audio/wav", ".flac": "audio/flac", ".zip": "application/zip",
}  # fmt: skip
BINARY = "application/octet-stream"
MAX_PART_BYTES = 1 << 22


class Server(socketserver.ThreadingTCPServer):
    """Serves a library to whoever knows `url`, inside of a `with`. Raises OSError for a port that is taken; 0 is one
    that is free."""

    daemon_threads = True
    allow_reuse_address = True  # a port that was ours a moment ago
    request_queue_size = 64

    def __init__(self, library: Library, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), self._handler)
        self.library = library
        self.guard = Guard(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True, name="serve").start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.guard.token}/"

    @property
    def launch_url(self) -> str:
        """Leads to `url` once."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.guard.ticket}"

    def handle_error(self, *_: Any) -> None:
        """Connections that break are nobody's error."""

    def _handler(self, *arguments: Any) -> Handler:
        return _Requests(self.guard, self.library, *arguments)


class _Requests(Handler):
    def __init__(self, guard: Guard, library: Library, *arguments: Any) -> None:
        self.guard = guard
        self.library = library
        super().__init__(*arguments)

    def get(self, path: str, query: Mapping[str, str]) -> None:
        match path.split("/"):
            case [""]:
                self._send_static("index.html")
            case ["static", name]:
                self._send_static(name)
            case ["tracks"]:
                self.send_json([{"id": number, "name": track.name} for number, track in self._tracks.items()])
            case ["tracks", number]:
                self.send_json(self._track(number).state())
            case ["tracks", number, "audio.wav"]:
                self._send_audio(self._track(number))
            case ["tracks", number, part, *level]:
                self._send_part(self._track(number), part, level, query)
            case ["exports", number]:
                self.send_json(self._export(number).state())
            case ["exports", number, "file"]:
                self._send_export(self._export(number))
            case _:
                raise HttpError(HTTPStatus.NOT_FOUND, "not found")

    def post(self, path: str, query: Mapping[str, str]) -> None:
        match path.split("/"):
            case ["tracks"]:
                self._receive(query.get("name", ""))
            case ["tracks", number, "start"]:
                track = self._track(number)
                list(self.body())
                track.start()
                self.send_json({})
            case ["tracks", number, "exports"]:
                self._start_export(self._track(number))
            case _:
                raise HttpError(HTTPStatus.NOT_FOUND, "not found")

    @property
    def _tracks(self) -> dict[int, Track]:
        return self.library.tracks()

    def _track(self, number: str) -> Track:
        track = self._tracks.get(int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else None
        if track is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "no such track")
        return track

    def _export(self, number: str) -> Export:
        export = self.library.exports.get(int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else None
        if export is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "no such export")
        return export

    def _send_static(self, name: str) -> None:
        if name not in {path.name for path in STATIC.iterdir()}:
            raise HttpError(HTTPStatus.NOT_FOUND, "not found")
        path = STATIC / name
        self.send_bytes(path.read_bytes(), MEDIA_TYPES[path.suffix])

    def _send_audio(self, track: Track) -> None:
        """As much as is asked for, as it comes: what is not separated yet is waited for."""
        total = track.audio.total or 0
        start, stop = self.send_range_head(self.range_of(total), total, MEDIA_TYPES[".wav"])
        self.send_blocks(track.audio.blocks(start, stop), stop - start)

    def _send_part(self, track: Track, part: str, level: list[str], query: Mapping[str, str]) -> None:
        """What there is by now of a file of the analysis, from byte `from` up to `to`."""
        analysis = track.analysis
        files = {"peaks": analysis.peaks, "levels": analysis.levels}
        files |= {f"spectrogram/{depth}": file for depth, file in enumerate(analysis.spectrogram)}
        file = files.get("/".join([part, *level]))
        if file is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "not found")
        try:
            start, stop = int(query.get("from", "0")), int(query.get("to", str(1 << 62)))
        except ValueError:
            raise HttpError(HTTPStatus.BAD_REQUEST, "from and to must be integers") from None
        start = max(0, start)
        self.send_bytes(file.read(start, min(stop, start + MAX_PART_BYTES)), BINARY)

    def _send_export(self, export: Export) -> None:
        if export.file is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "not finished")
        with export.file.open("rb") as file:
            blocks: Iterator[bytes] = iter(lambda: file.read(BLOCK_BYTES), b"")
            self.send_stream(blocks, export.file.stat().st_size, MEDIA_TYPES[export.file.suffix], export.name)

    def _receive(self, name: str) -> None:
        def write(path: Path) -> None:
            with path.open("xb") as file:
                for block in self.body():
                    file.write(block)

        try:
            number = self.library.receive(name, write)
        except (AudioFileError, ValueError) as error:
            raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from None
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:  # a full disk above all
            raise HttpError(HTTPStatus.INSUFFICIENT_STORAGE, error.strerror or str(error)) from None
        self._tracks[number].start()
        self.send_json({"id": number}, HTTPStatus.CREATED)

    def _start_export(self, track: Track) -> None:
        asked = self.json_body()
        try:
            number = self.library.exports.start(
                track, asked["what"], asked.get("gains_db") or {}, asked["format"], asked["bit_depth"]
            )
        except (KeyError, TypeError, ValueError) as error:
            message = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise HttpError(HTTPStatus.BAD_REQUEST, message) from None
        self.send_json({"id": number}, HTTPStatus.CREATED)
