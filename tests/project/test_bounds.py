"""What is said in several places is the same in all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from helpers import ROOT

MODEL = ROOT / "cpp" / "unbraid" / "model"


def constant(name: str) -> int:
    """A constant of the model's headers: a number, or a shift of 1."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MODEL.glob("*.h")))
    found = re.search(rf"\b{name} = (?:std::u?int64_t\{{1\}} << )?([\d.]+);", text)
    assert found, name
    return 1 << int(found[1]) if "<<" in found[0] else int(float(found[1]))


def oldest_runtime() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(name.removeprefix("onnxruntime>=") for name in project["dependencies"] if "onnxruntime" in name)


def test_the_oldest_runtime() -> None:
    asked_for = re.search(r"kApiVersion = (\d+);", (MODEL / "ort.cpp").read_text(encoding="utf-8"))
    assert asked_for
    assert oldest_runtime().split(".")[:2] == ["1", asked_for[1]]
    for page in ("docs/own-model.md", "SECURITY.md"):
        assert f"1.{asked_for[1]} " in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.skipif(not shutil.which("sed"), reason="needs sed")
def test_ci_installs_the_oldest_runtime() -> None:
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    script = re.search(r"sed -n '(.*onnxruntime.*)' pyproject.toml", workflow)
    assert script
    told = subprocess.run(
        ["sed", "-n", script[1], "pyproject.toml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == f"onnxruntime=={oldest_runtime()}\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kMaxModelBytes", "regular one of 1 GiB"),
        ("kMaxTensorValues", "{} values"),
        ("kMaxStates", "{} of them"),
        ("kMaxStateValues", "{} values"),
        ("kMaxLatencySeconds", "{} s"),
        ("kMaxRunSeconds", "{} s"),
        ("kMaxStems", "2 to {} distinct names"),
        ("kMaxOverlap", "2 to {}, but not 13"),
    ],
)
def test_the_bounds_of_a_model(name: str, said: str) -> None:
    page = (ROOT / "docs" / "own-model.md").read_text(encoding="utf-8")
    assert said.format(constant(name)) in page
    if name == "kMaxModelBytes":
        assert constant(name) == 1 << 30


def test_wheels_are_built_with_what_lint_builds_with() -> None:
    lines = (ROOT / ".ci" / "build-requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.removesuffix(" \\") for line in lines if line and not line.startswith((" ", "#"))]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lint = project["project"]["optional-dependencies"]["lint"]
    tools = ("cmake", "ninja", "pybind11", "scikit-build-core")
    assert [name for name in lint if name.split("==")[0] in tools] == [
        name for name in pinned if name.split("==")[0] in tools
    ]
    hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", "\n".join(lines))
    assert len(hashes) >= 2 * len(pinned)
