"""Chains of effects for the command line, from a Python file: `--chain music=board.py:music_board`."""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Mapping, Sequence

import click

from .._checks import Gain, gain_from_db
from .._core import Model
from ..rack import Chain, StemRack, as_effects

FORM = "STEM=FILE.py:NAME"


def to_chains(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> list[tuple[str, Chain]]:
    """Each STEM=FILE.py:NAME as (stem, chain). The file is run, as `python FILE.py` would but for `__main__`."""
    return [to_chain(value) for value in values]


def to_chain(value: str) -> tuple[str, Chain]:
    stem, _, place = value.partition("=")
    path, _, name = place.rpartition(":")
    if not (stem and path and name):
        raise click.BadParameter(f"{value!r} is not of the form {FORM}")
    try:
        defined = runpy.run_path(path)
    except Exception as error:  # the file is the user's: whatever it raises is what is wrong with it
        raise click.BadParameter(f"{path}: {type(error).__name__}: {error}") from None
    if name not in defined:
        raise click.BadParameter(f"{path} defines no {name!r}")
    chain: Chain = defined[name]
    try:
        as_effects(stem, chain)
    except Exception as error:
        raise click.BadParameter(f"{path}: {type(error).__name__}: {error}") from None
    return stem, chain


chain_option = click.option(
    "--chain", "chains", metavar=FORM, multiple=True, callback=to_chains,
    help="Send a stem through the pedalboard chain of that name in a Python file. May be given for each stem.",
)  # fmt: skip


def build_rack(model: Model, chains: Iterable[tuple[str, Chain]], gains: Mapping[str, Gain]) -> StemRack:
    """A rack of these chains, each followed by its stem's gain."""
    from pedalboard import Gain as GainEffect

    racks: dict[str, Chain] = {}
    for stem, chain in chains:
        if stem in racks:
            raise ValueError(f"two chains for {stem!r}; a Pedalboard holds any number of effects")
        racks[stem] = chain
    for stem in model.stem_names:
        gain_db = gains.get(stem, 0.0)
        if gain_from_db(gain_db) == 0.0:
            racks[stem] = None
        elif gain_db != 0.0 and racks.get(stem, ()) is not None:
            racks[stem] = [*(as_effects(stem, racks.get(stem, ())) or ()), GainEffect(float(gain_db))]
    return StemRack(racks, model)
