"""Which requests are answered: those of the page that was opened, and of nobody else on this machine or the web."""

from __future__ import annotations

import hmac
import secrets
from email.message import Message

HEADERS = {
    # Nothing but our own files, and no frame around the page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # the token is part of the address
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Holds the token that is the first part of every path, and a ticket that is good for one visit.

    A browser is started with its address as an argument, which all users of a machine may see: the ticket leads to the
    token once.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.ticket = secrets.token_urlsafe(32)
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._ticket_used = False

    def refusal(self, headers: Message) -> tuple[int, str] | None:
        """Why a request is refused, whatever it asks for; None if it is not.

        The name that the browser asked for must be ours: a page elsewhere can have its own name lead to 127.0.0.1 (DNS
        rebinding). And it must be our page that asks, where the browser says who does.
        """
        host = headers.get("Host", "")
        if host not in self._hosts:
            return 421, "this server answers to 127.0.0.1 only"
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return 403, "another site's page asked for this"
        if headers.get("Origin", f"http://{host}") != f"http://{host}":
            return 403, "another site's page asked for this"
        return None

    def rest_of(self, path: str) -> str | None:
        """What follows the token in a path, as in /TOKEN/rest; None if the token is wrong."""
        word, stroke, rest = path.removeprefix("/").partition("/")
        return rest if stroke and same(word, self.token) else None

    def use_ticket(self, path: str) -> bool:
        if self._ticket_used or not same(path.removeprefix("/"), self.ticket):
            return False
        self._ticket_used = True
        return True


def same(one: str, other: str) -> bool:
    """Compares in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())
