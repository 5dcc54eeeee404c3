"""The optimizer of training runs."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import Tensor, nn  # noqa: E402

from unbraid.training import soap  # noqa: E402
from unbraid.training.soap import Soap  # noqa: E402


def descend(problem: Sequence[Tensor], optimizer: type = Soap, steps: int = 40) -> Tensor:
    """Where W of ‖LWR − T‖² ends, of (W, L, R, T)."""
    start, left, right, target = problem
    weight = nn.Parameter(start.clone())
    stepper = optimizer([weight], lr=0.02)
    for _ in range(steps):
        stepper.zero_grad()
        (left @ weight @ right - target).square().mean().backward()
        stepper.step()
    return weight.detach()


def steep_and_flat(size: int) -> Tensor:
    """Along directions that are none of the axes."""
    turn = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64)).Q
    return turn @ torch.diag(torch.logspace(0, -2, size, dtype=torch.float64)) @ turn.T


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def test_it_does_not_see_the_axes() -> None:
    """Turned, the same problem is solved on the same way, turned: Adam's way is another."""
    start, target = torch.randn(2, 6, 6, dtype=torch.float64)
    left, right = steep_and_flat(6), steep_and_flat(6)
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    for optimizer, same in ((Soap, True), (torch.optim.AdamW, False)):
        end = descend((start, left, right, target), optimizer)
        turned = descend((turn @ start, left @ turn.T, right, target), optimizer)
        assert torch.allclose(turned, turn @ end, atol=1e-6) == same


def test_what_has_one_axis_or_is_too_large_gets_adams_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soap, "MAX_SIZE", 4)
    start = {"scale": torch.tensor(2.0), "bias": torch.randn(7), "large": torch.randn(5, 3, 2)}
    ends = []
    for optimizer in (
        lambda p: Soap(p, lr=0.01, betas=(0.9, 0.99), weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.9, 0.99), weight_decay=0.1),
    ):
        weights = [nn.Parameter(value.clone()) for value in start.values()]
        stepper = optimizer(weights)
        for step in range(20):
            stepper.zero_grad()
            torch.stack([(weight - step * weight.detach().sin()).pow(4).sum() for weight in weights]).sum().backward()
            stepper.step()
        ends.append(weights)
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-6)


def test_a_run_goes_on_from_its_state() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, (1, 5)), nn.BatchNorm2d(3))
    optimizer = Soap(model.parameters(), lr=0.01, renewal_steps=3)

    def train(model: nn.Module, optimizer: Soap, steps: range) -> list[Tensor]:
        for step in steps:
            x = torch.randn(2, 2, 4, 9, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            (model(x) - x[:, :1, :, 4:]).square().mean().backward()
            optimizer.step()
        return list(model.parameters())

    train(model, optimizer, range(5))
    other = copy.deepcopy(model)
    resumed = Soap(other.parameters(), lr=0.01, renewal_steps=3)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    torch.testing.assert_close(
        train(other, resumed, range(5, 12)), train(model, optimizer, range(5, 12)), rtol=0, atol=0
    )
