"""A grown network computes what it was grown from, and what is new in it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import Tensor  # noqa: E402

from unbraid.training import growing  # noqa: E402
from unbraid.training.bands import NUM_BANDS  # noqa: E402
from unbraid.training.growing import grow  # noqa: E402
from unbraid.training.model import Crnn, CrnnConfig, load_checkpoint  # noqa: E402

SMALL = CrnnConfig(
    channels=(4, 6, 8), sub_hidden=6, full_hidden=12, squeeze=3, memory=3, low_bands=10, blocks=2, strides=(2, 2, 2)
)
LARGE = dataclasses.replace(SMALL, channels=(5, 9, 10), sub_hidden=9, full_hidden=20, blocks=4)


@pytest.fixture
def small() -> Crnn:
    """Random weights, statistics and position: nothing is zero or one by default."""
    torch.manual_seed(3)
    model = Crnn(SMALL)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if "running_var" in name or name.endswith("norms.0.weight"):
                value.uniform_(0.5, 2)
            elif value.is_floating_point() and ("running_mean" in name or name == "position" or value.ndim == 1):
                value.normal_(0, 0.3)
    return model.eval()


@pytest.fixture
def power() -> Tensor:
    return torch.rand(2, 7, NUM_BANDS, generator=torch.Generator().manual_seed(5)) ** 4


@pytest.mark.parametrize(
    "changes",
    [{"channels": (5, 9, 10)}, {"sub_hidden": 9}, {"full_hidden": 20}, {"blocks": 4}, dataclasses.asdict(LARGE)],
    ids=["channels", "sub_hidden", "full_hidden", "blocks", "all"],
)
def test_masks_stay(small: Crnn, power: Tensor, changes: dict[str, object]) -> None:
    grown = grow(small, dataclasses.replace(SMALL, **changes))  # type: ignore[arg-type]
    with torch.no_grad():
        masks, states = small(power)
        same, grown_states = grown(power)
        torch.testing.assert_close(same, masks, atol=1e-5, rtol=0)
        masks, _ = small(power.flip(1), states)
        same, _ = grown(power.flip(1), grown_states)
    torch.testing.assert_close(same, masks, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_side_that_is_heard_anew_has_the_masks_of_the_middle(small: Crnn, power: Tensor) -> None:
    grown = grow(small, dataclasses.replace(LARGE, planes=2))
    masks, _ = small(power)
    middle, side = grown(torch.cat([power, power.flip(0)], dim=-1))[0].split(NUM_BANDS, dim=-1)
    torch.testing.assert_close(middle, masks, atol=1e-5, rtol=0)
    torch.testing.assert_close(side, masks, atol=1e-5, rtol=0)


def test_masks_stay_with_the_statistics_of_a_batch(small: Crnn, power: Tensor) -> None:
    grown = grow(small.train(), LARGE)
    assert grown.training
    with torch.no_grad():
        torch.testing.assert_close(grown(power)[0], small(power)[0], atol=1e-5, rtol=0)


def test_what_is_new_learns(small: Crnn, power: Tensor) -> None:
    """Outputs of new units from the first step, their inputs as soon as somebody hears them: all of it by the fifth."""
    grown = grow(small.train(), LARGE)
    optimizer = torch.optim.SGD(grown.parameters(), lr=1.0)
    for _ in range(5):
        optimizer.zero_grad()
        grown(power)[0][:, 0].square().mean().backward()
        optimizer.step()
    gradients = {name: weight.grad for name, weight in grown.named_parameters() if weight.grad is not None}
    assert gradients.keys() == dict(grown.named_parameters()).keys()
    for name, gradient in gradients.items():
        assert gradient.any(), name
    for part in (
        gradients["encoder.0.0.weight"][4:],
        gradients["encoder.1.0.weight"][:, 4:],
        gradients["blocks.0.sub_out.weight"][:, 6:],
        gradients["blocks.3.full_out.weight"][:, 12:],
    ):
        assert part.any()


def test_networks_do_not_shrink(small: Crnn) -> None:
    with pytest.raises(ValueError, match="can only grow"):
        grow(small, dataclasses.replace(SMALL, sub_hidden=4))
    with pytest.raises(ValueError, match="the rest stays"):
        grow(small, dataclasses.replace(SMALL, memory=4))


def test_the_command_grows_a_checkpoint(small: Crnn, power: Tensor, tmp_path: Path) -> None:
    state = {"average": small.state_dict(), "config": SMALL.to_dict(), "step": 3, "best": 1.0, "seconds_heard": 7200.0}
    torch.save(state, tmp_path / "small.pt")
    growing.main(
        [str(tmp_path / "small.pt"), str(tmp_path / "large.pt"), "--channels", "5", "9", "10", "--blocks", "3"]
    )
    grown, known = load_checkpoint(tmp_path / "large.pt")
    assert grown.config == dataclasses.replace(SMALL, channels=(5, 9, 10), blocks=3)
    assert known["hours_heard"] == 2.0
    with torch.no_grad():
        torch.testing.assert_close(grown(power)[0], small(power)[0], atol=1e-5, rtol=0)
