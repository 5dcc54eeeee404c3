"""Options of the command line that depend on the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from .._checks import gain_from_db
from .._core import Model, ModelError
from ..registry import DEFAULT_MODEL, load_model


def to_model(_ctx: click.Context, _param: click.Parameter, value: str) -> Model:
    try:
        return load_model(value)
    except (ModelError, OSError) as error:
        raise click.BadParameter(str(error)) from None


def to_gain(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | str | None:
    if value is None:
        return None
    plain = value.strip().casefold().replace("\N{MINUS SIGN}", "-")
    if plain == "mute":
        return plain
    try:
        gain_db = float(plain.removesuffix("db"))
    except ValueError:
        raise click.BadParameter(f'{value!r} is neither a gain in dB nor "mute"') from None
    try:
        gain_from_db(gain_db)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return gain_db


def to_stems(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> list[str]:
    """`--stems a,b --stems "c, d"` as one list; empty if it was not given."""
    return [stem.strip() for value in values for stem in value.split(",")]


def known_stems(asked: Iterable[str], stem_names: Iterable[str]) -> list[str]:
    """Stems as the model writes them, whatever the case of letters; what it does not have stays as it was asked for."""
    known = {stem.casefold(): stem for stem in stem_names}
    return [known.get(stem.casefold(), stem) for stem in asked]


stems_option = click.option(
    "--stems", metavar="A,B", multiple=True, callback=to_stems,
    help="Only these stems; may be repeated.  [default: all]",
)  # fmt: skip
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
        return [*(gain_option(*each) for each in enumerate(stems)), *super().get_params(ctx)]

    def _stems_of_model(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The model decides which options there are, so it is looked for before they are parsed."""
        options = [param for param in self.params if param.name == "model"]
        finder = click.Command(self.name, params=options, add_help_option=False)
        lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
        try:
            found = finder.make_context(self.name, list(args), parent=ctx.parent, **lenient)
        except (click.BadParameter, RuntimeError):
            if set(args) & set(ctx.help_option_names):
                return []  # help is given without a model or a runtime, too
            raise
        stem_names = list(found.params["model"].stem_names)
        taken = {name for param in self.params for name in param.opts} | set(ctx.help_option_names)
        for stem in stem_names:
            if f"--{stem}" in taken:
                raise click.UsageError(f"the model's stem {stem!r} has the name of an option; use unbraid.remix_file")
        return stem_names


def gains_of(ctx: click.Context) -> dict[str, float | str]:
    """The gains that a StemCommand was given, by stem."""
    named = {stem: ctx.params[gain_name(index)] for index, stem in enumerate(ctx.meta[__name__])}
    return {stem: gain_db for stem, gain_db in named.items() if gain_db is not None}


def gain_name(index: int) -> str:
    """A parameter's name is a Python word, which a stem's need not be."""
    return f"gain_{index}"


def gain_option(index: int, stem: str) -> click.Option:
    return click.Option(
        [f"--{stem}", gain_name(index)],
        metavar="DB|mute",
        callback=to_gain,
        help=f'Gain of {stem} in dB, or "mute".  [default: 0]',
    )
