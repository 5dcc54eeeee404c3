"""The training loop on a toy corpus: it learns, logs, keeps checkpoints and resumes; validation scores gains."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for package in ("pyroomacoustics", "scipy", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")
torch = pytest.importorskip("torch", reason="needs the extra [train]")

from helpers.toy_corpus import make_validation_quick  # noqa: E402
from unbraid.training import train  # noqa: E402
from unbraid.training.bands import NUM_BANDS  # noqa: E402
from unbraid.training.loop import add_options, options_of, parse  # noqa: E402
from unbraid.training.model import CrnnConfig  # noqa: E402
from unbraid.training.train import Mixtures, Run, TrainConfig  # noqa: E402
from unbraid.training.validation.scoring import Curve  # noqa: E402

torch.set_num_threads(1)  # the toys are too small to share out

SMALL = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)


# Three steps in each process, whose weights and last batch are kept.
TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
import torch.distributed as dist
from unbraid.training.model import CrnnConfig
from unbraid.training.train import Run, TrainConfig, Mixtures

dist.init_process_group("gloo")
corpus, folder = map(Path, sys.argv[1:])
config = TrainConfig(steps=4, warmup_steps=2, batch_size=2, seconds=0.3, workers=0)
small = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)
run = Run(corpus, folder / "run", config, small)
for _, batch in zip(range(3), Mixtures(corpus, config, 0)):
    run.train_step(*batch)
kept = {"weights": dict(run.model.named_parameters()), "batch": batch[0], "seconds_heard": run.seconds_heard}
torch.save(kept, folder / f"{dist.get_rank()}.pt")
"""

# How many pages it takes to fill 64 MiB that were freed before.
FREED_PAGES = """
import resource
import torch
from unbraid.training.loop import keep_memory

keep_memory()
torch.ones(1 << 25)  # the half of it holds the next one wherever the C library aligns that
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(1 << 24)
after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(after - before)
"""


def toy_config(**changes: Any) -> TrainConfig:
    few = {"steps": 4, "warmup_steps": 2, "batch_size": 2, "seconds": 0.3, "validate_minutes": 0.0, "workers": 0}
    return TrainConfig(**(few | changes))


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def curve(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Curve:
    make_validation_quick(monkeypatch)
    return Curve(corpus, every=60)


# --- the loop -------------------------------------------------------------------------------------------------------


def test_a_run_hears_the_side(corpus: Path, tmp_path: Path, curve: Curve) -> None:
    run = Run(corpus, tmp_path, toy_config(), dataclasses.replace(SMALL, planes=2))
    run.loop(curve)
    assert len(rows(tmp_path)) == 4
    batch = next(iter(run.batches()))
    assert batch[0].shape[-1] == 2 * NUM_BANDS


def test_a_run_logs_and_keeps_its_checkpoints(corpus: Path, curve: Curve, tmp_path: Path) -> None:
    run = Run(corpus, tmp_path, toy_config(), SMALL)
    run.loop(curve)
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4]
    for row in rows(tmp_path):
        assert all(np.isfinite(value) for value in row.values())
        assert {"loss", "gain_db", "speech+noise/noise", "speech+music/speech", "music+noise/noise"} <= row.keys()
    assert {path.name for path in tmp_path.iterdir()} == {"best.pt", "config.json", "last.pt", "log.jsonl"}
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings["train"]["steps"] == 4
    assert settings["model"]["full_hidden"] == 16


def test_a_run_resumes_where_it_stopped(corpus: Path, curve: Curve, tmp_path: Path) -> None:
    first = Run(corpus, tmp_path, toy_config(), SMALL)
    first.loop(curve)
    second = Run(corpus, tmp_path, toy_config(steps=6, seed=9), SMALL)  # a new seed must not matter to the weights
    assert second.step == 4
    assert second.seconds_heard == pytest.approx(4 * 2 * 0.3)
    assert second.best == pytest.approx(first.best)
    for mine, its in ((second.model, first.model), (second.average, first.average)):
        for name, value in its.state_dict().items():
            torch.testing.assert_close(mine.state_dict()[name], value, rtol=0, atol=0)
    assert second.optimizer.state_dict()["state"].keys() == first.optimizer.state_dict()["state"].keys()
    second.loop(curve)
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_a_run_may_begin_with_the_weights_of_another(corpus: Path, curve: Curve, tmp_path: Path) -> None:
    first = Run(corpus, tmp_path / "first", toy_config(), SMALL)
    first.loop(curve)
    second = Run(corpus, tmp_path / "second", toy_config(start_from=str(tmp_path / "first" / "last.pt")), SMALL)
    assert second.step == 0
    assert second.seconds_heard == first.seconds_heard
    for begun, left in zip(second.model.parameters(), first.average.parameters(), strict=True):
        assert torch.equal(begun, left)


def test_a_run_that_starts_from_weights_is_of_their_sizes(tmp_path: Path) -> None:
    torch.save({"config": SMALL.to_dict()}, tmp_path / "start.pt")
    parser = argparse.ArgumentParser()
    add_options(parser, TrainConfig(), CrnnConfig(), known=["num_stems"])
    for others, expected in (([], SMALL), (["--blocks", "5"], dataclasses.replace(SMALL, blocks=5))):
        asked = parse(parser, ["--start-from", str(tmp_path / "start.pt"), *others])
        assert options_of(CrnnConfig, asked, num_stems=SMALL.num_stems) == expected


def test_a_teacher_is_followed(corpus: Path, curve: Curve, tmp_path: Path) -> None:
    """After the same steps a pupil is closer to the teacher's masks than one that had none."""
    Run(corpus, tmp_path / "teacher", toy_config(), SMALL).loop(curve)
    teacher = str(tmp_path / "teacher" / "last.pt")
    flat = dataclasses.replace(SMALL, channels=(4, 8), strides=(2, 4), blocks=1)
    distances = []
    for name, config in (("pupil", toy_config(steps=1000, teacher=teacher)), ("alone", toy_config(steps=1000))):
        run = Run(corpus, tmp_path / name, config, flat)
        batch = next(iter(Mixtures(corpus, config, 0)))
        for _ in range(40):
            run.train_step(*batch)
        with torch.no_grad():
            shares, _ = train.load_checkpoint(Path(teacher))[0](batch[0])
            distances.append((run.model(batch[0])[0] - shares).square().mean().item())
    assert distances[0] < distances[1]


def test_a_finished_run_does_nothing_more(corpus: Path, curve: Curve, tmp_path: Path) -> None:
    Run(corpus, tmp_path, toy_config(steps=2), SMALL).loop(curve)
    before = (tmp_path / "last.pt").read_bytes()
    Run(corpus, tmp_path, toy_config(steps=2), SMALL).loop(curve)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert len(rows(tmp_path)) == 2


def test_two_processes_train_one_network(corpus: Path, tmp_path: Path) -> None:
    """They hear different mixtures and take the same steps."""
    script = tmp_path / "both.py"
    script.write_text(TWO_PROCESSES)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script), str(corpus)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path)], check=True, env=environment, timeout=120, capture_output=True)
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert not torch.equal(one["batch"], other["batch"])
    for name, value in one["weights"].items():
        assert torch.equal(value, other["weights"][name]), name
    assert one["seconds_heard"] == pytest.approx(2 * 3 * 2 * 0.3)


def test_steps_on_one_batch_bring_its_loss_down(corpus: Path, tmp_path: Path) -> None:
    run = Run(corpus, tmp_path, toy_config(steps=1000, learning_rate=3e-3), SMALL)
    batch = next(iter(Mixtures(corpus, run.config, 0)))
    losses = [run.train_step(*batch) for _ in range(40)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 1


def test_a_batch_that_is_no_number_leaves_the_weights_alone(corpus: Path, tmp_path: Path) -> None:
    run = Run(corpus, tmp_path, toy_config(), SMALL)
    batch = next(iter(Mixtures(corpus, run.config, 0)))
    before = [weight.clone() for weight in run.model.parameters()]
    run.train_step(batch[0], batch[1] * torch.nan, batch[2])
    for weight, old in zip(run.model.parameters(), before, strict=True):
        torch.testing.assert_close(weight, old, rtol=0, atol=0)


def test_batches_follow_seed_and_step(corpus: Path) -> None:
    def first(seed: int, step: int) -> Any:
        return next(iter(Mixtures(corpus, toy_config(seed=seed), step)))[0]

    torch.testing.assert_close(first(1, 0), first(1, 0), rtol=0, atol=0)
    assert not torch.equal(first(1, 0), first(2, 0))
    assert not torch.equal(first(1, 0), first(1, 100))  # resuming does not play the same mixtures again


def test_the_learning_rate_warms_up_and_fades(corpus: Path, tmp_path: Path) -> None:
    run = Run(corpus, tmp_path, toy_config(steps=100, warmup_steps=10, learning_rate=1.0), SMALL)
    rates = []
    for run.step in range(101):
        rates.append(run.learning_rate())
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9]
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0, abs=1e-12)


def test_a_network_of_other_stems_than_the_corpus_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 kinds"):
        Run(corpus, tmp_path, toy_config(), dataclasses.replace(SMALL, num_stems=2))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    found = subprocess.run([sys.executable, "-c", FREED_PAGES], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100  # of 16,384
