"""The command that puts a virtual device on the desktop: unbraid live."""

from __future__ import annotations

import click

from .. import live as devices
from .._core import Model
from .endings import SOME_FAILED
from .messages import print_error
from .options import StemCommand, gains_of, model_option

HINTS = {
    "app": "Choose it as the output in the sound settings, or for one program in pavucontrol.",
    "mic": "Choose it as the microphone in the program that listens.",
}


@click.command(cls=StemCommand)
@click.option(
    "--input", "kind", type=click.Choice(list(devices.DEVICES)), required=True,
    help="app: a loudspeaker, for what programs play. mic: a microphone, for what you say.",
)  # fmt: skip
@model_option
@click.option("--print", "only_print", is_flag=True, help="Only print the configuration, for a PipeWire of your own.")
@click.pass_context
def live(ctx: click.Context, /, kind: str, model: Model, only_print: bool, **_gains: float | str | None) -> int:
    """Put a loudspeaker or microphone on the desktop that remixes what goes through it (Linux, PipeWire).

    Each stem of the model has an option, as in: unbraid live --input mic --music mute --noise mute

    Ctrl-C removes the device.
    """
    device, gains_db = devices.DEVICES[kind], gains_of(ctx)
    try:
        chain = devices.filter_chain(device, devices.check_model(model), gains_db)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if only_print:
        click.echo(devices.drop_in(chain), nl=False)
        return 0
    with devices.running(device, model, gains_db):
        click.echo(f'"{device.description}" is there. {HINTS[kind]} Ctrl-C removes it.')
        devices.wait_until_gone(device)
    print_error(f"{device.name} has gone")
    return SOME_FAILED
