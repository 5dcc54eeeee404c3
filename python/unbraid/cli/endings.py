"""How a command ends: its exit status, one line for what went wrong, and signals, from the first moment on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from .._errors import error_line
from .messages import print_error

SOME_FAILED, WRONG_USAGE = 1, 2
# Those that end a program, where the system has them.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK") if hasattr(signal, name)
]
# A terminal that closes sends more than one: what is being cleaned up is let be for as long.
GRACE_SECONDS = 2.0


_received: int | None = None  # the signal that is to end the program


def main(args: Sequence[str] | None = None) -> int:
    """Runs a command; 0: all went well, 1: something failed, 2: wrong usage, 128 + N: ended by signal N."""
    open_missing_streams()
    with ending_on_signals(to_exit=args is None):
        status = run(sys.argv[1:] if args is None else args)
        if _received is not None:
            status = 128 + _received
            if _received == signal.SIGINT:
                print_error("interrupted")
    return status if flushed() else status or SOME_FAILED


def run(args: Sequence[str]) -> int:
    try:
        from .commands import run_command  # takes a while, in which it may be interrupted

        return run_command(args)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else SOME_FAILED
    except BrokenPipeError:  # as when the output goes to `head`
        return SOME_FAILED
    except Exception as error:
        if sys.flags.dev_mode:  # python -X dev -m unbraid: for who looks for the reason
            raise
        if _received is None:
            print_error(error_line(error))
        return SOME_FAILED


@contextlib.contextmanager
def ending_on_signals(to_exit: bool) -> Iterator[None]:
    """Lets signals end the program through SystemExit, so that unfinished files are removed.

    A signal that is ignored, as by `nohup`, stays so. Afterwards the handlers are as before, or, on the way `to_exit`,
    none of Python's: it would raise in its own shutdown.
    """
    global _received
    last = -GRACE_SECONDS

    def end(number: int, _frame: Any) -> None:
        global _received
        nonlocal last
        now = time.monotonic()
        if now - last >= GRACE_SECONDS:
            last = now
            _received = _received or number
            stop_if_told()

    _received = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            at_exit = signal.SIG_DFL if _received is None else signal.SIG_IGN
            signal.signal(number, at_exit if to_exit else handler)


def stop_if_told() -> None:
    """Raises SystemExit once a signal has come: some C code makes something else of what its handler raised."""
    if _received is not None:
        raise SystemExit(128 + _received)


def open_missing_streams() -> None:
    """Where a standard stream is closed, a file of ours would take its number, and others' messages with it."""
    while (file := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(file, True)
    os.close(file)


def flushed() -> bool:
    """Whether all that was printed has gone out; if not, Python shall not try again on its own."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print_error(f"standard output: {error_line(error)}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
