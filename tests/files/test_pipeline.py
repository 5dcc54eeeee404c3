"""Several threads for one file: the same files, the same failures, and nothing left of the threads."""

from __future__ import annotations

import _thread
import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import soft_noise, write
from helpers.hostile_model import wrong_masks_graph
from helpers.installed import STREAMING
from helpers.toy_model import METADATA, save_model
from unbraid.files import pipeline, processing
from unbraid.files.pipeline import run_steps

THREADS = [1, 2, 3, 20]


@pytest.fixture
def source(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write(tmp_path / "talk.flac", soft_noise(rng, 2, 400_001), 44100)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("threads", THREADS)
def test_each_step_takes_all_blocks_in_order_one_at_a_time(threads: int, rng: np.random.Generator) -> None:
    busy: set[str] = set()
    seen: dict[str, list[int]] = {name: [] for name in "abcde"}
    pauses = {name: rng.uniform(0, 0.002, 60).tolist() for name in seen}

    def step(name: str, item: int) -> int:
        assert name not in busy
        busy.add(name)
        time.sleep(pauses[name][item])
        seen[name].append(item)
        busy.remove(name)
        return item

    steps = [lambda item, name=name: step(name, item) for name in "abc"]
    ends = [lambda item, name=name: step(name, item) for name in "de"]
    done = 0
    for _ in run_steps(range(60), steps, ends, threads):
        done += 1
        assert min(len(seen["d"]), len(seen["e"])) >= done
    assert done == 60
    assert seen == {name: list(range(60)) for name in "abcde"}


def test_steps_do_work_at_the_same_time() -> None:
    """The first step at each block waits for the second at the block before."""
    meeting = threading.Barrier(2, timeout=20)

    def first(item: int) -> int:
        if item > 0:
            meeting.wait()
        return item

    def second(item: int) -> None:
        if item < 9:
            meeting.wait()

    assert len(list(run_steps(range(10), [first], [second], 2))) == 10


def test_few_blocks_are_under_way_at_once() -> None:
    taken = 0

    def blocks() -> Iterator[int]:
        nonlocal taken
        while taken < 50:
            taken += 1
            yield taken

    ahead = [taken - done for done, _ in enumerate(run_steps(blocks(), [], [lambda _: time.sleep(0.001)], 2), 1)]
    assert len(ahead) == 50
    assert max(ahead) <= 2 * pipeline.MAX_UNDER_WAY


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("place", ["source", "step", "end"])
def test_the_first_failure_ends_it(threads: int, place: str) -> None:
    def fail_at(name: str, item: int) -> int:
        if place == name and item == 7:
            raise OSError("no more")
        return item

    blocks = (fail_at("source", item) for item in range(10**9))
    steps = [lambda item: fail_at("step", item)]
    ends = [lambda item: fail_at("end", item)]
    done: list[None] = []
    with pytest.raises(OSError, match="no more"):
        done.extend(run_steps(blocks, steps, ends, threads))
    assert len(done) <= 7


@pytest.mark.parametrize("threads", THREADS)
def test_an_interruption_of_the_caller_ends_it(threads: int) -> None:
    def interrupt_at_3(item: int) -> None:
        if item == 3:
            _thread.interrupt_main()
        time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        list(run_steps(itertools.count(), [], [interrupt_at_3], threads))


@pytest.fixture
def _in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the file."""
    monkeypatch.setattr(processing, "MIN_SECONDS_IN_HALVES", 0)


@pytest.mark.usefixtures("_in_halves")
@pytest.mark.parametrize("name", STREAMING)
def test_shipped_models_in_halves_give_the_same_files(tmp_path: Path, source: Path, name: str) -> None:
    check_files(tmp_path, source, unbraid.load_model(name), "wav")


@pytest.mark.usefixtures("_in_halves")
def test_in_halves_files_are_the_same_to_the_byte(tmp_path: Path, source: Path, any_model: unbraid.Model) -> None:
    assert any_model.find_halves() == ""
    check_files(tmp_path, source, any_model, "wav")


@pytest.mark.usefixtures("_in_halves")
def test_a_model_that_fails_in_halves_leaves_nothing(tmp_path: Path, source: Path) -> None:
    path = save_model(tmp_path / "late.onnx", wrong_masks_graph(1.5, after_hops=300), METADATA)
    with pytest.raises(RuntimeError, match="masks are not all between 0 and 1"):
        unbraid.separate_file(source, tmp_path / "stems", model=path, threads=2)
    assert sorted(tmp_path.iterdir()) == [path, source]


def test_a_short_file_is_not_worth_halves(
    tmp_path: Path, source: Path, toy_model: unbraid.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def ask(mixture: processing.InputFile, threads: int) -> bool:
        asked.append(pays_in_halves(mixture, threads))
        return asked[-1]

    pays_in_halves = processing.pays_in_halves
    monkeypatch.setattr(processing, "pays_in_halves", ask)
    long = write(tmp_path / "long.wav", np.zeros((1, 31 * 8000), np.float32), 8000)
    for path, threads in ((source, 2), (long, 1), (long, 2)):
        unbraid.separate_file(path, tmp_path / "stems", model=toy_model, threads=threads, force=True)
    assert asked == [False, False, True]


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_files_are_the_same_to_the_byte(tmp_path: Path, source: Path, any_model: unbraid.Model, kind: str) -> None:
    check_files(tmp_path, source, any_model, kind)


def check_files(tmp_path: Path, source: Path, model: unbraid.Model, kind: str) -> None:
    """The same by any number of threads."""
    written = []
    for threads in (1, 2, 7):
        folder = tmp_path / str(threads)
        folder.mkdir()
        stems = unbraid.separate_file(source, folder, model=model, format=kind, threads=threads)
        mixed = unbraid.remix_file(source, folder / f"mix.{kind}", model=model, threads=threads, music_db=-9)
        written.append([path.read_bytes() for path in [*stems.values(), mixed]])
    assert written[0] == written[1] == written[2]


def test_what_the_caller_s_progress_raises_ends_it(tmp_path: Path, source: Path, toy_model: unbraid.Model) -> None:
    callers = set()

    def progress(done: float, total: float) -> None:
        callers.add(threading.current_thread())
        if done > total / 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        unbraid.separate_file(source, tmp_path / "stems", model=toy_model, threads=2, progress=progress)
    assert callers == {threading.current_thread()}
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_has_threads_of_its_own(tmp_path: Path, source: Path, toy_model: unbraid.Model) -> None:
    children: list[int] = []

    def progress(_done: float, _total: float) -> None:
        if not children:
            children.append(os.fork())
            if children[0] == 0:
                try:
                    unbraid.separate_file(source, tmp_path / "child", model=toy_model, threads=2)
                finally:
                    os._exit(0 if (tmp_path / "child" / "talk" / "noise.wav").exists() else 1)

    parent = unbraid.separate_file(source, tmp_path / "parent", model=toy_model, threads=2, progress=progress)
    _, status = os.waitpid(children[0], 0)
    assert status == 0
    for stem, path in parent.items():
        assert path.read_bytes() == (tmp_path / "child" / "talk" / f"{stem}.wav").read_bytes()


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_other_numbers_of_threads_are_refused(
    tmp_path: Path, source: Path, toy_model: unbraid.Model, threads: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="threads must be"):
        unbraid.separate_file(source, tmp_path / "stems", model=toy_model, threads=threads)
    assert list(tmp_path.iterdir()) == [source]


def test_the_usual_number_is_what_the_machine_has_2_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, threads in ((1, 1), (2, 2), (64, 2)):
        monkeypatch.setattr(pipeline, "processor_count", lambda count=processors: count)
        assert pipeline.check_threads(None) == threads
        assert pipeline.check_threads(5) == 5
