"""HTTP: one request after the other of a connection, answered with files, JSON, or parts of files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from .guard import HEADERS, Guard

BLOCK_BYTES = 1 << 18
MAX_JSON_BYTES = 1 << 16
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class HttpError(Exception):
    """Ends a request with a status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Checks each request with `guard` and leaves the rest to `get` and `post`. Every error is a line of JSON."""

    protocol_version = "HTTP/1.1"
    server_version = "unbraid"
    sys_version = ""
    timeout = 60  # of a connection on which nothing comes

    guard: Guard
    _extra: dict[str, str]  # headers of an error
    _started: bool  # whether the head has gone out
    _unread: bool  # whether some of the body is still to be read

    def get(self, path: str, query: Mapping[str, str]) -> None:
        """Answers a GET or HEAD for `path`, without the token."""
        raise NotImplementedError

    def post(self, path: str, query: Mapping[str, str]) -> None:
        """Answers a POST; must read the body."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self._answer(self.get)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self._answer(self.post)

    def log_message(self, *_: object) -> None:
        """Nothing: addresses hold the token."""

    def send_json(self, value: Any, status: int = HTTPStatus.OK) -> None:
        self.send_bytes(json.dumps(value).encode(), "application/json", status)

    def send_bytes(self, data: bytes, media_type: str, status: int = HTTPStatus.OK, **headers: str) -> None:
        self._send_head(status, media_type, len(data), headers)
        self._send_blocks([data])

    def send_stream(self, blocks: Iterable[bytes], total: int, media_type: str, name: str) -> None:
        """A file to be saved as `name`."""
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        self._send_head(HTTPStatus.OK, media_type, total, {"Content-Disposition": disposition})
        self._send_blocks(blocks)

    def range_of(self, total: int) -> tuple[int, int] | None:
        """The bytes (start, stop) that the request is for, or None for all (RFC 9110, 14.2); of several ranges, all."""
        asked = RANGE.fullmatch(self.headers.get("Range", "").strip())
        if not asked or asked.group(1, 2) == ("", ""):
            return None
        first, last = asked.group(1, 2)
        start = int(first) if first else max(0, total - int(last))
        stop = min(int(last) + 1, total) if first and last else total
        if first and last and int(last) < start:
            return None
        if start >= total or stop <= start:
            self._extra = {"Content-Range": f"bytes */{total}"}
            raise HttpError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"the file has {total} bytes")
        return start, stop

    def send_range_head(self, asked: tuple[int, int] | None, total: int, media_type: str) -> tuple[int, int]:
        """The head for what `range_of` gave; returns (start, stop) to send."""
        start, stop = asked or (0, total)
        headers = {"Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
        self._send_head(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK, media_type, stop - start, headers)
        return start, stop

    def send_blocks(self, blocks: Iterable[bytes], count: int) -> None:
        """The body: `count` bytes, unless what makes them ends early; then the connection ends, too."""
        if self._send_blocks(blocks) < count and self.command != "HEAD":
            self.close_connection = True

    def body(self) -> Iterable[bytes]:
        """The request's body in blocks. HttpError where its length is not told or it ends early."""
        try:
            left = int(self.headers["Content-Length"])
        except (TypeError, ValueError):
            raise HttpError(HTTPStatus.LENGTH_REQUIRED, "the length of the body must be told") from None
        while left > 0:
            block = self.rfile.read(min(left, BLOCK_BYTES))
            if not block:
                self.close_connection = True
                raise HttpError(HTTPStatus.BAD_REQUEST, "the body ended early")
            left -= len(block)
            self._unread = left > 0
            yield block
        self._unread = False

    def json_body(self) -> dict[str, Any]:
        if int(self.headers.get("Content-Length", 0)) > MAX_JSON_BYTES:
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_JSON_BYTES} bytes are taken")
        try:
            value = json.loads(b"".join(self.body()))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise HttpError(HTTPStatus.BAD_REQUEST, "expected a JSON object")
        return value

    def _answer(self, method: Any) -> None:
        self._extra = {}
        self._started = False
        self._unread = self.command == "POST"
        try:
            if refused := self.guard.refusal(self.headers):
                raise HttpError(*refused)
            address = urlsplit(self.path)
            if self.command == "GET" and self.guard.use_ticket(address.path):
                self.send_bytes(b"", "text/plain", HTTPStatus.SEE_OTHER, Location=f"/{self.guard.token}/")
                return
            path = self.guard.rest_of(address.path)
            if path is None:
                raise HttpError(HTTPStatus.NOT_FOUND, "not found; is the whole address there, with its token?")
            method(path, dict(parse_qsl(address.query)))
        except HttpError as error:
            self._fail(error.status, str(error))
        except (BrokenPipeError, ConnectionError, TimeoutError):  # the browser has gone elsewhere
            self.close_connection = True
        except Exception as error:
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, str(error) or type(error).__name__)

    def _fail(self, status: int, message: str) -> None:
        if self._started:
            self.close_connection = True
            return
        if self._unread:  # rather than read what is not wanted
            self.close_connection = True
        self.send_bytes(json.dumps({"error": message}).encode(), "application/json", status, **self._extra)

    def _send_head(self, status: int, media_type: str, length: int, headers: Mapping[str, str]) -> None:
        self._started = True
        self.send_response(status)
        closing = {"Connection": "close"} if self.close_connection else {}
        for key, value in {**HEADERS, **headers, **closing}.items():
            self.send_header(key, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send_blocks(self, blocks: Iterable[bytes]) -> int:
        count = 0
        if self.command != "HEAD":
            for block in blocks:
                self.wfile.write(block)
                count += len(block)
        return count
