"""Chains of effects for the command line, from a Python file: `--chain music=board.py:music_board`."""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Mapping

import click

from .._checks import Gain, gain_from_db
from .._core import Model
from ..rack import Chain, StemRack, as_effects


class ChainType(click.ParamType[tuple[str, Chain]]):
    """STEM=FILE.py:NAME as (stem, chain). The file is run, as `python FILE.py` would but for `__main__`."""

    name = "STEM=FILE.py:NAME"

    def convert(
        self, value: str | tuple[str, Chain], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Chain]:
        if isinstance(value, tuple):
            return value
        stem, _, place = value.partition("=")
        path, _, name = place.rpartition(":")
        if not (stem and path and name):
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)
        try:
            chain: Chain = runpy.run_path(path)[name]
            as_effects(stem, chain)
        except KeyError:
            self.fail(f"{path} defines no {name!r}", param, ctx)
        except Exception as error:  # the file is the user's: whatever it raises is what is wrong with it
            self.fail(f"{path}: {type(error).__name__}: {error}", param, ctx)
        return stem, chain


def build_rack(model: Model, chains: Iterable[tuple[str, Chain]], gains: Mapping[str, Gain]) -> StemRack:
    """A rack of these chains, each followed by its stem's gain."""
    from pedalboard import Gain as GainEffect

    racks: dict[str, Chain] = dict(chains)
    for stem in model.stem_names:
        gain_db = gains.get(stem, 0.0)
        if gain_from_db(gain_db) == 0.0:
            racks[stem] = None
        elif gain_db != 0.0 and racks.get(stem, ()) is not None:
            racks[stem] = [*(as_effects(stem, racks.get(stem, ())) or ()), GainEffect(float(gain_db))]
    return StemRack(racks, model)
