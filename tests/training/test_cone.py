"""The NMF term of training: nothing for what a dictionary can make, more for what it cannot; its gradient heals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for package in ("pyroomacoustics", "scipy", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")
pytest.importorskip("sklearn", reason="needs the extra [nmf]")
torch = pytest.importorskip("torch", reason="needs the extra [train]")

from torch import Tensor  # noqa: E402

from unbraid.nmf.factorization import divergence, factorize  # noqa: E402
from unbraid.training import cone  # noqa: E402
from unbraid.training.bands import NUM_BANDS  # noqa: E402
from unbraid.training.cone import cone_divergence, learn_dictionaries  # noqa: E402
from unbraid.training.model import CrnnConfig  # noqa: E402
from unbraid.training.train import Mixtures, Run, TrainConfig  # noqa: E402

torch.set_num_threads(1)  # the toys are too small to share out

SMALL = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)


@pytest.fixture
def dictionaries() -> Tensor:
    """Two stems, of other bands each: (2, 12, 3)."""
    templates = np.random.default_rng(4).random((2, 12, 3)).astype(np.float32)
    templates[0, 6:] = templates[1, :6] = 0
    return torch.from_numpy(templates / templates.sum(axis=1, keepdims=True))


def mixture_of(dictionaries: Tensor, frames: int = 20) -> tuple[Tensor, Tensor]:
    """Power of the stems (1, 2, frames, bands) inside their cones, and of the mixture: they do not overlap."""
    activations = torch.rand((1, 2, frames, 3), generator=torch.Generator().manual_seed(2))
    stems = (activations @ dictionaries.transpose(1, 2)).square()
    return stems, stems.sum(1)


def test_right_masks_lie_in_the_cones_and_wrong_ones_do_not(dictionaries: Tensor) -> None:
    stems, mixture = mixture_of(dictionaries)
    right = (stems / (mixture.unsqueeze(1) + 1e-12)).sqrt()
    good, bad = (float(cone_divergence(m, mixture, stems, dictionaries)) for m in (right, 1 - right))
    assert 0 <= good < 0.01
    assert bad > 10 * good


def test_the_term_is_the_divergence_that_the_separator_lowers(
    dictionaries: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cone, "UPDATES", 30)
    dictionaries = dictionaries + 0.01  # the two floors differ where a dictionary has nothing at all
    dictionaries /= dictionaries.sum(1, keepdim=True)
    stems, mixture = mixture_of(dictionaries)
    masks = torch.rand(stems.shape, generator=torch.Generator().manual_seed(3))
    whole = mixture[0].sqrt().numpy()
    expected = []
    for mask, templates in zip(masks[0].numpy(), dictionaries.numpy(), strict=True):
        estimate = (mask * whole / whole.mean()).T
        free = np.zeros((len(templates), 0), np.float32)
        _, activations = factorize(estimate, templates, free, iterations=30)
        expected.append(divergence(estimate, templates @ activations) / (whole / whole.mean()).sum())
    found = float(cone_divergence(masks, mixture, stems, dictionaries))
    assert found == pytest.approx(np.mean(expected), rel=2e-3)


def test_the_gradient_pulls_masks_into_the_cones(dictionaries: Tensor) -> None:
    stems, mixture = mixture_of(dictionaries)
    scores = torch.zeros_like(stems, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.1)
    values = []
    for _ in range(60):
        value = cone_divergence(torch.softmax(scores, 1), mixture, stems, dictionaries)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.2 * values[0]


def test_silence_and_absent_stems_have_no_term(dictionaries: Tensor) -> None:
    nothing = torch.zeros((1, 2, 5, 12))
    masks = torch.full_like(nothing, 0.5).requires_grad_()
    value = cone_divergence(masks, nothing.sum(1), nothing, dictionaries)
    value.backward()
    assert value == 0
    assert masks.grad is not None
    assert torch.isfinite(masks.grad).all()


def test_a_run_learns_its_dictionaries_once_and_goes_down(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return learn_dictionaries(path, components=4, stretches=3, seconds=0.5)

    monkeypatch.setattr("unbraid.training.train.learn_dictionaries", quick)
    config = TrainConfig(
        steps=12, warmup_steps=2, batch_size=2, seconds=0.3, workers=0, learning_rate=1e-2, nmf_weight=20.0
    )
    run = Run(corpus, tmp_path, config, SMALL)
    assert run.dictionaries is not None
    assert run.dictionaries.shape == (3, NUM_BANDS, 4)
    torch.testing.assert_close(run.dictionaries.sum(1), torch.ones(3, 4))
    batch = next(iter(Mixtures(corpus, config, 0)))
    losses = [run.train_step(*batch) for _ in range(10)]
    assert losses[-1] < losses[0]
    monkeypatch.delattr("unbraid.training.train.learn_dictionaries")
    again = Run(corpus, tmp_path, config, SMALL)  # from what lies in its folder
    torch.testing.assert_close(again.dictionaries, run.dictionaries)
