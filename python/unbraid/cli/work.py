"""Work on files from the command line, one after the other: a failure of one does not stop the rest."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from .._errors import error_line
from ..files.errors import DamageWarning, FilmWarning
from ..files.naming import as_typed, entry, is_pattern, matches
from ..files.processing import ClippingWarning, Progress
from .endings import stop_if_told
from .messages import print_error, print_path, printable
from .progress import progress_bar


def expand(inputs: Iterable[str]) -> list[Path]:
    """The files meant, each name once.

    `*` and `?` are for shells that leave them to the program; brackets are a name's own. Links stay apart from what
    they point to: each has outputs of its own.
    """
    paths: list[str] = []
    for name in inputs:
        paths += (matches(name) if is_pattern(name) else []) or [name]
    return list({entry(Path(path)): Path(path) for path in paths}.values())


def run(work: Callable[[Path, Progress], Iterable[Path]], source: Path, quiet: bool) -> bool:
    """Does the work on one file under a progress bar; tells what was written, or why it was not."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ClippingWarning)
        warnings.simplefilter("always", DamageWarning)
        warnings.simplefilter("always", FilmWarning)
        try:
            with progress_bar(printable(source.name), quiet) as progress:

                def told(done: float, total: float) -> None:
                    stop_if_told()
                    if progress:
                        progress(done, total)

                written = work(source, told)
        except BrokenPipeError:  # nobody reads standard output any more
            raise
        except Exception as error:
            stop_if_told()
            if sys.flags.dev_mode:
                raise
            message, name = error_line(error), as_typed(source)
            print_error(message if name in message else f"{name}: {message}")
            return False
    for warning in caught:
        print_error(f"warning: {warning.message}")
    if not quiet:
        for path in written:
            print_path(path)
    return not any(issubclass(warning.category, DamageWarning) for warning in caught)
