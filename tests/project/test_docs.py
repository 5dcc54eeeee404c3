"""The documentation: it builds without a warning, its code runs, its tables are true, and it leaves nothing out."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers import ROOT
from helpers.audio import Audio, read_audio
from helpers.markdown import DATA, RUN, Reader, blocks_of, missing
from unbraid import _core

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
NEEDS = sorted({(block.page, block.notes["needs"]) for block in BLOCKS if block.needs})
MAX_LEFT_OUT = 11
# What the recipes for other programs ask for.
REMIX: dict[str, float | str] = {"speech": 3, "music": -12, "noise": "mute"}

needs_dialogue = pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Follows a page from a folder of their own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path)


def read_mixture() -> Audio:
    return read_audio(ROOT / "examples" / "demo.flac")


# --- code -----------------------------------------------------------------------------------------------------------


@needs_dialogue
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page: Path, reader: Reader) -> None:
    reader.follow([block for block in blocks_of(page) if not block.needs])


# What an exporter warns of while it traces is for whoever runs it; made an error it breaks in the midst of C code.
@pytest.mark.filterwarnings("ignore")
@needs_dialogue
@pytest.mark.parametrize(("page", "needs"), NEEDS, ids=lambda value: value if isinstance(value, str) else value.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's exporter warns of itself
@pytest.mark.filterwarnings("ignore:Exporting a model to ONNX with a batch_size other than 1:UserWarning")
def test_code_runs_where_there_is_what_it_needs(page: Path, needs: str, reader: Reader) -> None:
    blocks = [block for block in blocks_of(page) if block.notes.get("needs") == needs]
    for reason in filter(None, map(missing, blocks[0].needs)):
        pytest.skip(reason)
    reader.follow(blocks)


def test_blocks_say_what_they_are() -> None:
    """Nothing slips through because it is written in another way."""
    for block in BLOCKS:
        assert block.language in (*RUN, *DATA), f"{block}: what is {block.language!r}?"
    left_out = [str(block) for block in BLOCKS if "not run" in block.notes]
    assert len(left_out) <= MAX_LEFT_OUT, left_out


def options_left_out() -> dict[str, set[str]]:
    """By module, the options of `python -m unbraid.MODULE` commands that are not run."""
    found: dict[str, set[str]] = {}
    for line in (line for block in BLOCKS if "not run" in block.notes for line in block.text.splitlines()):
        words = shlex.split(line)
        for index, word in enumerate(words):
            if word.startswith("unbraid.") and "-m" in words[:index]:
                found.setdefault(word, set()).update(option for option in words[index:] if option.startswith("--"))
    return found


@pytest.mark.parametrize(("module", "options"), options_left_out().items())
def test_commands_left_out_are_there_and_know_their_options(module: str, options: set[str]) -> None:
    if reason := missing("train"):
        pytest.skip(reason)
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert options <= set(re.findall(r"--[\w-]+", done.stdout))


# --- other programs -------------------------------------------------------------------------------------------------


@needs_dialogue
@pytest.mark.parametrize(("need", "output"), [("ffmpeg", "clear.wav"), ("mpv", "heard.wav")])
def test_ffmpeg_and_mpv_give_the_remix(need: str, output: str, reader: Reader) -> None:
    if reason := missing(need):
        pytest.skip(reason)
    reader.follow([block for block in blocks_of(DOCS / "hosts.md") if need in block.needs])
    mixture = read_mixture()
    heard = read_audio(reader.folder / output)
    assert heard.shape == mixture.shape  # as long, and not late
    np.testing.assert_allclose(heard, unbraid.remix(mixture, 48000, gains_db=REMIX), atol=1e-4)  # mpv writes 16 bits


# --- the pages ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("sphinx", "furo", "myst_parser"):
        if not find_spec(package):
            pytest.skip(f"{package} is not installed: it comes with the extra [docs]")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "--keep-going", str(DOCS), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_reference_has_all_that_is_public(built: Path) -> None:
    page = (built / "api.html").read_text(encoding="utf-8")
    missing_names = [name for name in unbraid.__all__ if name != "__version__" and f'id="unbraid.{name}"' not in page]
    assert not missing_names
    assert "TypeAliasForwardRef" not in page


@pytest.mark.parametrize("name", [name for name in unbraid.__all__ if name != "__version__"])
def test_what_is_public_says_what_it_is(name: str) -> None:
    thing = getattr(unbraid, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        for member, value in inspect.getmembers(thing):
            # What a base of Python's own brings along is its own affair.
            if member.startswith("_") or member in dir(ValueError) or member in dir(UserWarning):
                continue
            if member in getattr(thing, "__dataclass_fields__", ()):
                continue  # the source's own strings, which Python does not keep
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"


def test_the_core_says_what_its_stub_says() -> None:
    tree = ast.parse((ROOT / "python/unbraid/_core.pyi").read_text(encoding="utf-8"))
    documented = 0
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            thing = getattr(_core, node.name)
            parts = [(thing, node)]
            if isinstance(node, ast.ClassDef):
                methods = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name != "__init__"]
                parts += [(getattr(thing, method.name), method) for method in methods]
            for part, written in parts:
                text = ast.get_docstring(written)
                assert text, f"{node.name}.{written.name} has no docstring"
                assert (inspect.getdoc(part) or "").endswith(text)  # after a signature of pybind11's
                documented += 1
    assert documented > 60


def test_every_card_has_a_page() -> None:
    cards = {path.name for path in (ROOT / "python/unbraid/models").glob("*.md")}
    assert cards == {path.name for path in (DOCS / "models").glob("*.md")}


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading, without its head."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@needs_dialogue
def test_the_table_of_latencies_is_the_cores() -> None:
    model = unbraid.load_model("dialogue")
    table = rows("how-it-works.md", "Latency")
    assert len(table) > 5
    for rate, win_length, hop_length, latency, milliseconds in table:
        sizes = _core.stft_sizes(float(rate), model.win_seconds, model.hop_seconds)
        assert (int(win_length), int(hop_length)) == sizes
        assert int(latency) == model.latency_samples(float(rate))
        assert milliseconds == f"{1000 * int(latency) / float(rate):.1f}"


def test_the_table_of_the_metadata_is_the_contract() -> None:
    """Each key that the core reads, and no other."""
    source = (ROOT / "cpp/unbraid/model/model_info.cpp").read_text(encoding="utf-8").split("void parse_embedding(")[1]
    read = set(re.findall(r'entries\.\w+(?:<\w+>)?\("(\w+)"', source.split("const double overlap")[0]))
    read |= set(re.findall(r'"(\w+)"', re.search(r"for \(const char\* key : \{([^}]*)\}", source)[1]))  # type: ignore[index]
    assert {row[0].strip("`") for row in rows("own-model.md", "The metadata")} == read


def test_the_wings_are_there() -> None:
    table = rows("architecture.md", "The wings")
    for row in table:
        folders = re.findall(r"`([\w/]+/)`", row[0])
        assert folders
        for folder in folders:
            assert (ROOT / folder).is_dir() or (ROOT / "cpp/plugin" / folder).is_dir(), f"{folder} is not there"


def test_rooms_keep_to_themselves() -> None:
    """What the architecture page says must not cross does not."""
    for path in [*ROOT.glob("cpp/**/*.cpp"), *ROOT.glob("cpp/**/*.h")]:
        text = path.read_text(encoding="utf-8")
        includes = "\n".join(re.findall(r"^#include .*$", text, re.MULTILINE))
        place = path.relative_to(ROOT / "cpp").as_posix()
        if not place.startswith("python/"):
            assert not re.search(r"pybind11|Python\.h|\"python/", includes), f"{place} knows Python"
        if not place.startswith(("unbraid/model/", "tests/", "python/")):
            assert "unbraid/model/ort" not in includes, f"{place} knows ONNX Runtime"
        if place.startswith("unbraid/"):
            assert "plugin/" not in includes, f"{place} knows the plug-in"
        if place.startswith("unbraid/dsp/"):
            assert not re.search(r"unbraid/(model|stream)/", includes), f"{place} knows more than sound"
        if place.startswith("unbraid/model/"):
            assert "unbraid/stream/" not in includes, f"{place} knows streams"


def test_importing_the_package_imports_no_more_than_it_says() -> None:
    script = "import os, sys; before = dict(os.environ); import unbraid; assert os.environ == before; " + (
        "assert not {'torch', 'onnxruntime', 'pedalboard', 'soundfile'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
