"""Options of the command line that depend on the model."""

from __future__ import annotations

import click

from .._checks import GAIN_SUFFIX, gain_from_db
from .._core import Model, ModelError
from ..registry import DEFAULT_MODEL, load_model


def to_model(_ctx: click.Context, _param: click.Parameter, value: str) -> Model:
    try:
        return load_model(value)
    except (ModelError, OSError) as error:
        raise click.BadParameter(str(error)) from None


def to_gain(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | str | None:
    if value is None or value == "mute":
        return value
    try:
        gain_db = float(value)
    except ValueError:
        raise click.BadParameter(f'{value!r} is neither a gain in dB nor "mute"') from None
    try:
        gain_from_db(gain_db)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return gain_db


model_option = click.option(
    "--model",
    metavar="NAME|PATH",
    default=DEFAULT_MODEL,
    show_default=True,
    callback=to_model,
    help="An installed model, or an .onnx file.",
)


class StemCommand(click.Command):
    """A command with one gain option per stem of the model it is called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[__name__] = self._stems_of_model(ctx, args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        stems: list[str] = ctx.meta.get(__name__, [])
        return [*map(gain_option, stems), *super().get_params(ctx)]

    def _stems_of_model(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The model decides which options there are, so it is looked for before they are parsed."""
        options = [param for param in self.params if param.name == "model"]
        finder = click.Command(self.name, params=options, add_help_option=False)
        lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
        try:
            found = finder.make_context(self.name, list(args), parent=ctx.parent, **lenient)
        except click.BadParameter:
            if set(args) & set(ctx.help_option_names):
                return []  # help is given without a model, too
            raise
        stem_names: list[str] = found.params["model"].stem_names
        return stem_names


def gain_option(stem: str) -> click.Option:
    return click.Option(
        [f"--{stem}", stem + GAIN_SUFFIX],
        metavar="DB|mute",
        callback=to_gain,
        help=f'Gain of {stem} in dB, or "mute".  [default: 0]',
    )
