"""`unbraid listen` in a process of its own, and requests to it as nobody but a test would make them."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from helpers.shell import Shell


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Listening:
    """A page's server at `url`, whose path begins with the token."""

    def __init__(self, process: subprocess.Popen[str], url: str, cache: Path) -> None:
        self.process = process
        self.url = url
        self.cache = cache
        self.netloc = urlsplit(url).netloc
        self.root = urlsplit(url).path

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """A request below the token, or for a path that begins with a stroke. `Range=…` and so on are headers."""
        connection = http.client.HTTPConnection(self.netloc, timeout=30)
        try:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path if path.startswith("/") else self.root + path, body, named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def wait(self, path: str) -> Any:
        """The state of a track or an export, once it is finished or has failed."""
        while True:
            state = self.ask(path).json()
            if state["finished"] or state["error"]:
                return state

    def left_over(self) -> list[str]:
        return sorted(path.name for path in (self.cache / "unbraid").iterdir())

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def listening(shell: Shell, *arguments: str | Path) -> Iterator[Listening]:
    cache = shell.folder / "cache"
    process = shell.start("listen", "--no-browser", *arguments, XDG_CACHE_HOME=str(cache))
    assert process.stdout
    assert process.stderr
    try:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield Listening(process, url, cache)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
        process.stderr.close()
