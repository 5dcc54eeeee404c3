"""The command that opens files in a browser: unbraid listen."""

from __future__ import annotations

import contextlib
import threading
import webbrowser
from collections.abc import Sequence

import click

from .._core import Model
from ..separator import stems_asked_for
from .messages import print_error
from .options import model_option
from .work import expand


@click.command()
@click.argument("inputs", metavar="[IN...]", nargs=-1)
@model_option
@click.option("--talkers", metavar="N", type=int, help="How many people a model that tells people apart looks for.")
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

    try:
        stems_asked_for(model, talkers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--talkers'") from None
    with Library(model, talkers) as library:
        numbers = [library.open(path) for path in expand(inputs)]
        for number in numbers[:1]:  # the others when they are looked at
            library.tracks()[number].start()
        with Server(library, port) as server:
            click.echo(server.url)
            if not no_browser and not opened(server.launch_url):
                print_error("no browser found: open the address above in one")
            while True:  # until a signal comes
                threading.Event().wait(3600)


def opened(url: str) -> bool:
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(url)
    return False
