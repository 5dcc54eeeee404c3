"""Running compilers and the programs they make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.toy_model import METADATA, save_model, save_toy_model, toy_graph


def run(*command: str | Path, timeout: float = 900, **environment: str | Path) -> str:
    """What a program wrote; that it fails is the test's failure."""
    result = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **{key: str(value) for key, value in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def tool(*names: str) -> str:
    """The first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs {' or '.join(names)}")


def real_ort_library() -> Path:
    import onnxruntime

    return next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))


def build_cpp_tests(folder: Path, *options: str, target: str = "all") -> Path:
    """Where the programs of cpp/tests lie, once they are built in this folder."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the C++ tests need glibc")
    cmake = tool("cmake")
    tool("c++")
    run(cmake, "-S", ROOT, "-B", folder, "-DUNBRAID_BUILD_PYTHON=OFF", "-DUNBRAID_BUILD_TESTS=ON", *options)
    if target == "unit_tests":
        known = run(cmake, "--build", folder, "--target", "help")
        if target not in known:
            pytest.skip("needs doctest")
        run(cmake, "--build", folder, "--parallel", "2", "--target", "ort_shim")
    run(cmake, "--build", folder, "--parallel", "2", "--target", target)
    return folder / "cpp" / "tests"


def save_test_models(folder: Path) -> None:
    """As cpp/tests/unit/test_models.h says."""
    models = folder / "models"
    models.mkdir()
    for seed, name in enumerate(("alpha", "beta")):
        save_toy_model(models / f"{name}.onnx", seed=5 + seed)
    save_toy_model(models / "gamma.onnx", seed=7, lookahead_frames="2")
    save_toy_model(models / "broken.onnx", num_bins="700")
    save_model(folder / "small.onnx", toy_graph(bands=4), {**METADATA, "band_edges": "0,10,100,400"})
