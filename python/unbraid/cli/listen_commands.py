"""The commands that show stems in a browser: unbraid listen, report."""

from __future__ import annotations

import contextlib
import time
import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from .._core import Model
from ..files.naming import output_name
from ..files.processing import Progress
from ..separator import stems_asked_for
from .endings import SOME_FAILED
from .file_options import keep_going_option
from .messages import print_error
from .options import model_option
from .work import expand, run

POLL_SECONDS = 0.2

talkers_option = click.option(
    "--talkers", metavar="N", type=int, help="How many people a model that tells people apart looks for."
)


@click.command()
@click.argument("inputs", metavar="[IN...]", nargs=-1)
@model_option
@talkers_option
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=0,
    help="Of the page's address.  [default: a free one]",
)
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
def listen(inputs: Sequence[str], model: Model, talkers: int | None, port: int, no_browser: bool) -> int:
    """Open a page with a fader for each stem, to move while you listen.

    The page is on this machine alone (127.0.0.1) and takes files that are dropped on it. It ends with Ctrl-C, and what
    was made for it goes.
    """
    from ..listen.library import Library
    from ..listen.server import Server

    check_talkers(model, talkers)
    with Library(model, talkers) as library:
        numbers = [library.open(path) for path in expand(inputs)]
        for number in numbers[:1]:  # the others when they are looked at
            library.tracks()[number].start()
        with Server(library, port) as server:
            click.echo(server.url)
            if not no_browser and not opened(server.launch_url):
                print_error("no browser found: open the address above in one")
            while True:  # until a signal comes; one that comes just before a wait begins is heard when that ends
                time.sleep(POLL_SECONDS)


@click.command()
@click.argument("source", metavar="IN")
@click.option("-o", "--output", metavar="FILE.html", help="What to write.  [default: IN, as .html, in this folder]")
@model_option
@talkers_option
@keep_going_option
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def report(
    source: str, output: str | None, model: Model, talkers: int | None, keep_going: bool, force: bool, quiet: bool
) -> int:
    """Write the page of `unbraid listen` as one file, to send to someone."""
    from ..listen.report import report_file

    check_talkers(model, talkers)
    target = Path(output) if output else Path(f"{output_name(Path(source))}.html")

    def report_one(source: Path, progress: Progress) -> Iterable[Path]:
        options = {"keep_going": keep_going, "force": force}
        return [report_file(source, target, model, talkers=talkers, progress=progress, **options)]

    return 0 if run(report_one, Path(source), quiet) else SOME_FAILED


def check_talkers(model: Model, talkers: int | None) -> None:
    try:
        stems_asked_for(model, talkers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--talkers'") from None


def opened(url: str) -> bool:
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(url)
    return False
