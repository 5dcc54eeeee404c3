"""The commands that bring the plug-in to audio programs: unbraid plugin install, remove, path."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .. import plugin
from .messages import print_path

format_option = click.option(
    "--format", "formats", type=click.Choice(list(plugin.FORMATS)), multiple=True, default=list(plugin.FORMATS),
    help="Only this format; may be repeated.  [default: all]",
)  # fmt: skip


@click.group("plugin", invoke_without_command=True)
@click.pass_context
def plugin_commands(ctx: click.Context) -> None:
    """Install the plug-in for audio programs."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@plugin_commands.command()
@format_option
@click.option("--copy", is_flag=True, help="Copy plug-in, runtime and models, instead of linking to this environment.")
def install(formats: Sequence[str], copy: bool) -> None:
    """Put the plug-in where audio programs look for it: on Linux into ~/.vst3, ~/.clap and ~/.lv2.

    Windows gets copies in any case.
    """
    for path in plugin.install(formats, copy=copy):
        print_path(path)


@plugin_commands.command()
@format_option
def remove(formats: Sequence[str]) -> None:
    """Remove what `install` has put there."""
    for path in plugin.remove(formats):
        print_path(path)


@plugin_commands.command()
@click.option("--format", "kind", type=click.Choice(list(plugin.FORMATS)), default="vst3", show_default=True)
def path(kind: str) -> None:
    """Print where the plug-in lies, for programs that take a path."""
    print_path(plugin.bundle_path(kind))
