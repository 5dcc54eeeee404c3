"""Our descriptions of the plug-in formats say what the official headers say, where those are installed.

Beside the usual folders they are looked for in `CLAP_HEADERS` (which holds clap/), `VST3_HEADERS` (pluginterfaces/),
`DPF_HEADERS` (travesty/) and `LV2_HEADERS` (lv2.h).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.cpp_programs import run, tool

USUAL = ("/usr/include", "/usr/local/include")
DPF = "/usr/share/dpf/distrho/src"  # Debian's dpf-source; a part of CLAP's headers, too

# Program: (variable, other folders, a file that must be there)
HEADERS = {
    "headers_clap": ("CLAP_HEADERS", (DPF,), "clap/ext/params.h"),
    "headers_travesty": ("DPF_HEADERS", (DPF,), "travesty/component.h"),
    "headers_vst3": ("VST3_HEADERS", ("/usr/include/vst3sdk",), "pluginterfaces/vst/ivstcomponent.h"),
    "headers_lv2": ("LV2_HEADERS", (), "lv2.h"),
}  # fmt: skip

# Mistakes that a compiler alone would let pass: (header, what it says, what it must not say)
MISTAKES = {
    "headers_clap": ("clap/clap_abi.h", "CLAP_PARAM_IS_AUTOMATABLE = 1 << 5", "CLAP_PARAM_IS_AUTOMATABLE = 1 << 6"),
    "headers_travesty": ("vst3/vst3_abi.h", "0xE831FF31, 0xF2D54301", "0xE831FF31, 0xF2D54302"),
    "headers_vst3": ("vst3/vst3_abi.h", "kIsList = 1 << 3", "kIsList = 1 << 4"),
    "headers_lv2": ("lv2/lv2_abi.h", "std::uint32_t sample_count", "float sample_count"),
}
# Two neighbours that are called alike: only the order of the methods tells them apart.
SWAPPED = (
    "  virtual tresult PLUGIN_API setState(IBStream* state) = 0;\n",
    "  virtual tresult PLUGIN_API getState(IBStream* state) = 0;\n",
)


def folder_of(program: str) -> Path:
    variable, others, file = HEADERS[program]
    given = os.environ.get(variable)
    for folder in (given,) if given else (*USUAL, *others):
        if Path(folder, file).is_file():
            return Path(folder)
    pytest.skip(f"{file} is not installed; {variable} may say where it is")


def command(program: str, folder: Path, sources: Path, output: Path, compiler: str = "") -> list[str | Path]:
    return [
        compiler or tool("c++", "g++", "clang++"), "-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-non-virtual-dtor",
        "-DRELEASE=1",  # the SDK asks for either this or DEVELOPMENT
        "-I", sources, "-isystem", folder, sources / "tests" / f"{program}.cpp", "-o", output,
    ]  # fmt: skip


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the programs are made from, to spoil."""
    for folder in ("plugin", "tests"):
        shutil.copytree(ROOT / "cpp" / folder, tmp_path / "cpp" / folder)
    return tmp_path / "cpp"


@pytest.mark.parametrize("program", HEADERS)
def test_they_say_the_same(program: str, tmp_path: Path) -> None:
    run(*command(program, folder_of(program), ROOT / "cpp", tmp_path / program))
    assert run(tmp_path / program) == ""


@pytest.mark.parametrize("program", HEADERS)
def test_a_mistake_would_be_seen(program: str, sources: Path, tmp_path: Path) -> None:
    header, right, wrong = MISTAKES[program]
    path = sources / "plugin" / header
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    compile_command = command(program, folder_of(program), sources, tmp_path / program)
    result = subprocess.run([str(part) for part in compile_command], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "static assertion failed" in result.stderr or "static_assert failed" in result.stderr


@pytest.mark.parametrize("program", ["headers_travesty", "headers_vst3"])
def test_a_wrong_order_would_be_seen(program: str, sources: Path, tmp_path: Path) -> None:
    path = sources / "plugin" / "vst3" / "vst3_abi.h"
    text = path.read_text()
    assert text.count("".join(SWAPPED)) == 2
    path.write_text(text.replace("".join(SWAPPED), "".join(reversed(SWAPPED))))
    run(*command(program, folder_of(program), sources, tmp_path / program))
    result = subprocess.run([tmp_path / program], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "IComponent::setState" in result.stdout
    assert "IEditController::getState" in result.stdout


@pytest.mark.parametrize("program", ["headers_clap", "headers_travesty", "headers_vst3"])
def test_they_say_the_same_on_windows(program: str, tmp_path: Path) -> None:
    """Where ids have COM's order of bytes, and results are its numbers."""
    compiler = tool("x86_64-w64-mingw32-g++")
    run(*command(program, folder_of(program), ROOT / "cpp", tmp_path / program, compiler), "-fsyntax-only")
