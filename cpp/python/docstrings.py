"""Writes the docstrings of the module's stub as C++, so that each is written once: `docstrings.py STUB HEADER`.

An editor reads them in the stub, `help` in the module.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def docstrings(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every name of the stub that has a docstring, as in `Separator.process`, with it."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if text := ast.get_docstring(node):
                yield prefix + node.name, text
            if isinstance(node, ast.ClassDef):
                yield from docstrings(node.body, f"{node.name}.")


def header(stub: str) -> str:
    tree = ast.parse(stub)
    found = [("", ast.get_docstring(tree) or ""), *docstrings(tree.body)]
    rows = "\n".join(f'    {{"{name}", R"doc({text})doc"}},' for name, text in found)
    return f"constexpr std::pair<std::string_view, const char*> kDocstrings[] = {{\n{rows}\n}};\n"


if __name__ == "__main__":
    stub_path, header_path = map(Path, sys.argv[1:])
    header_path.write_text(header(stub_path.read_text(encoding="utf-8")), encoding="utf-8")
