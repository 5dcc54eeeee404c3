"""How Sphinx builds these pages: `sphinx-build -W -n --keep-going docs build/docs`. Nothing is fetched on the way."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Unbraid"
author = "The Unbraid authors"
copyright = "the Unbraid authors, MIT licence"  # noqa: A001 - Sphinx's word for it
version = release = version_of("unbraid")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Unbraid {version}"
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 3

# Docstrings name things in `single` quotes, as the comments of the C++ core do.
default_role = "literal"
autodoc_member_order = "bysource"
add_module_names = False
python_maximum_signature_line_length = 88
# What others document; their lists of names would have to be fetched.
nitpick_ignore_regex = [
    ("py:.*", r"(ArrayLike|Audio|Chain|Effect|Gain|ModelLike|Progress|PathLike)"),
    ("py:.*", r"(collections|np|numpy|os|pathlib|pedalboard|typing|unbraid\._core)\..*"),
    ("py:.*", r"(Mapping|Sequence|Path|VST3Plugin|NDArray)"),
]


def as_written(
    _app: Sphinx, _what: str, _name: str, thing: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A signature with its types as the source has them: `ArrayLike`, not the page-long union that it stands for."""
    if not (inspect.isfunction(thing) or (inspect.isclass(thing) and "__init__" in vars(thing))):
        return signature, returns
    if getattr(thing, "__module__", "") == "unbraid._core":
        return signature, returns
    found = inspect.signature(thing)
    kept = [parameter for name, parameter in found.parameters.items() if name != "self"]
    text = str(found.replace(parameters=kept, return_annotation=found.empty))
    arrow = found.return_annotation
    return re.sub(r": '([^']*)'", r": \1", text), arrow if isinstance(arrow, str) and inspect.isfunction(
        thing
    ) else None


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-signature", as_written)
