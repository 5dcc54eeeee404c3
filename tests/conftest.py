"""Models and random numbers that the tests share. The models are real ONNX files, only small."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.browser import REBOUND, chromium
from helpers.cpp_programs import build_cpp_tests
from helpers.shell import Shell
from helpers.toy_model import MID_AND_SIDE, save_toy_model
from unbraid import _core

if "PYTEST_XDIST_WORKER" in os.environ:
    # Threads of torch that wait for one another spin, and keep those that they wait for from running.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    """A job in the background, or under nohup, starts deaf, and so would the commands that the tests interrupt."""
    for name, handler in (
        ("SIGINT", signal.default_int_handler),
        ("SIGHUP", signal.SIG_DFL),
        ("SIGQUIT", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def toy_model_path(model_dir: Path) -> Path:
    return save_toy_model(model_dir / "toy.onnx")


@pytest.fixture(scope="session")
def toy_model(toy_model_path: Path) -> _core.Model:
    return _core.Model(toy_model_path)


@pytest.fixture(scope="session")
def lookahead_model(model_dir: Path) -> _core.Model:
    return _core.Model(save_toy_model(model_dir / "lookahead.onnx", lookahead_frames="2"))


@pytest.fixture(scope="session")
def quarter_hop_model(model_dir: Path) -> _core.Model:
    """Windows of four hops, where a hidden assumption of two would show."""
    path = save_toy_model(model_dir / "quarter.onnx", hop_seconds="0.008", lookahead_frames="1")
    return _core.Model(path)


@pytest.fixture(scope="session")
def mid_side_model(model_dir: Path) -> _core.Model:
    return _core.Model(save_toy_model(model_dir / "mid_side.onnx", channels=MID_AND_SIDE, lookahead_frames="1"))


@pytest.fixture(params=["toy_model", "lookahead_model", "quarter_hop_model", "mid_side_model"])
def any_model(request: pytest.FixtureRequest) -> _core.Model:
    model = request.getfixturevalue(request.param)
    assert isinstance(model, _core.Model)
    return model


@pytest.fixture(scope="session")
def cpp_tests_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of cpp/tests, built once for all tests."""
    return build_cpp_tests(tmp_path_factory.mktemp("build"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)


@pytest.fixture
def shell(tmp_path: Path, toy_model_path: Path) -> Shell:
    """The command line, in an empty folder."""
    return Shell(tmp_path, toy_model_path.parent)


@pytest.fixture(scope="module")  # tests of validation write an index into it
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from helpers.toy_corpus import save_toy_corpus  # needs the extra [train]

    return save_toy_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
        browser = driver.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def rate(browser: Any) -> int:
    """What the browser plays at: a file at that rate is not resampled on its way."""
    page = browser.new_page()
    found = page.evaluate("new AudioContext().sampleRate")
    page.close()
    return int(found)
