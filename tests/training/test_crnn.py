"""The network and its loss: masks that sum to one, streaming as at once, no look-ahead, and what the loss prefers."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from torch import Tensor  # noqa: E402

from unbraid.training.bands import NUM_BANDS  # noqa: E402
from unbraid.training.losses import FLOOR, band_loss, distillation_loss, magnitude_loss, stem_weights  # noqa: E402
from unbraid.training.model import Crnn, CrnnConfig, autocast  # noqa: E402

torch.set_num_threads(1)  # the toys are too small to share out

WEIGHTS = stem_weights(["speech", "music", "noise"])
SMALL = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)
FLAT = dataclasses.replace(SMALL, channels=(4, 8), strides=(2, 4))
WIDE = dataclasses.replace(SMALL, planes=2)  # hears the side, too


@pytest.fixture
def model() -> Crnn:
    torch.manual_seed(1)
    return Crnn(SMALL).eval()


def random_power(*shape: int, seed: int = 2) -> Tensor:
    exponents = torch.empty(*shape, NUM_BANDS).uniform_(-9, 0, generator=torch.Generator().manual_seed(seed))
    return 10**exponents


def random_sums(batch: int = 2, frames: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """P, C and K of random spectra, one bin per band."""
    generator = torch.Generator().manual_seed(3)
    spectra = torch.randn(batch, 3, frames, NUM_BANDS, dtype=torch.complex64, generator=generator)
    mixture = spectra.sum(dim=1)
    cross = (spectra * mixture.unsqueeze(1).conj()).real
    return mixture.abs().square(), cross, spectra.abs().square()


# --- the network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [SMALL, dataclasses.replace(SMALL, num_stems=2, kernel=3, blocks=1), FLAT])
def test_masks_sum_to_one(config: CrnnConfig) -> None:
    power = random_power(2, 7)
    masks, states = Crnn(config)(power)
    assert masks.shape == (2, config.num_stems, 7, NUM_BANDS)
    assert masks.dtype == torch.float32
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 7, NUM_BANDS))
    of_a_block = [(1, 2 * 20, 5)] * 2 + [(1, 2, 16)] * 2
    past, block_states = states
    assert past.shape == (2, config.memory - 1, NUM_BANDS)
    shapes = [part.shape for block in block_states for state in block for part in state]
    assert shapes == of_a_block * config.blocks


def test_masks_of_middle_and_side_each_sum_to_one() -> None:
    power = torch.cat([random_power(2, 7), random_power(2, 7, seed=5)], dim=-1)
    masks, states = Crnn(WIDE)(power)
    assert masks.shape == (2, 3, 7, 2 * NUM_BANDS)
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 7, 2 * NUM_BANDS))
    assert states[0].shape == (2, WIDE.memory - 1, 2 * NUM_BANDS)


@torch.no_grad()
def test_both_masks_hear_both_planes() -> None:
    torch.manual_seed(1)
    model = Crnn(WIDE).eval()
    power = torch.cat([random_power(1, 7), random_power(1, 7, seed=5)], dim=-1)
    masks = model(power)[0].split(NUM_BANDS, dim=-1)
    assert not torch.allclose(*masks)
    for plane in (slice(NUM_BANDS), slice(NUM_BANDS, None)):
        changed = power.clone()
        changed[..., plane] *= 30
        for before, after in zip(masks, model(changed)[0].split(NUM_BANDS, dim=-1), strict=True):
            assert not torch.allclose(before, after, atol=1e-3)


def test_planes_are_one_or_two() -> None:
    with pytest.raises(ValueError, match="planes are 1 or 2, got 3"):
        dataclasses.replace(SMALL, planes=3)


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, WIDE])
def test_frames_one_at_a_time_are_frames_at_once(config: CrnnConfig) -> None:
    torch.manual_seed(1)
    model = Crnn(config).eval()
    power = torch.cat([random_power(2, 9, seed=plane) for plane in range(config.planes)], dim=-1)
    at_once, last = model(power)
    masks, states = [], None
    for frame in power.split(1, dim=1):
        mask, states = model(frame, states)
        masks.append(mask)
    torch.testing.assert_close(torch.cat(masks, dim=2), at_once, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(states, last, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_masks_do_not_depend_on_the_future(model: Crnn) -> None:
    power = random_power(1, 8)
    changed = power.clone()
    changed[:, 5:] *= 100
    one, other = model(power)[0], model(changed)[0]
    torch.testing.assert_close(one[:, :, :5], other[:, :, :5])
    assert not torch.allclose(one[:, :, 5:], other[:, :, 5:])


@torch.no_grad()
@pytest.mark.parametrize("value", [0.0, 1e-30, 1e4])
def test_masks_of_silence_and_of_thunder_are_finite(model: Crnn, value: float) -> None:
    assert model(torch.full((1, 3, NUM_BANDS), value))[0].isfinite().all()


# --- the loss -------------------------------------------------------------------------------------------------------


def test_no_mask_beats_the_oracle() -> None:
    mixture, cross, stems = random_sums()
    oracle = (cross / mixture.unsqueeze(1)).requires_grad_()
    best = band_loss(oracle, mixture, cross, stems, WEIGHTS)
    (gradient,) = torch.autograd.grad(best, oracle)
    assert gradient.abs().max() < 1e-4
    for size in (1e-2, 0.1, 1.0):
        assert band_loss(oracle + size * torch.randn_like(oracle), mixture, cross, stems, WEIGHTS) > best
    assert band_loss(torch.full_like(oracle, 1 / 3), mixture, cross, stems, WEIGHTS) > best


def test_a_perfect_stem_gives_thirty_db_and_an_absent_one_counts_for_nothing() -> None:
    stems = torch.zeros(1, 3, 4, NUM_BANDS)
    stems[:, 0] = random_power(1, 4)
    masks = (stems > 0).float()
    masks[:, 1] = 1  # what leaks into an absent stem is missing from another, and counts there
    loss = band_loss(masks, stems[:, 0], stems, stems, WEIGHTS)
    thirty_db = 10 * torch.log10(torch.tensor((1 + FLOOR) / FLOOR))
    torch.testing.assert_close(loss, -thirty_db)


def test_speech_weighs_twice() -> None:
    """Of three stems of equal power, each in a frame of its own, what it costs to lose one."""
    stems = torch.diag_embed(torch.ones(3))[None, ..., None] * torch.ones(NUM_BANDS)
    mixture = stems.sum(1)
    best = band_loss(stems, mixture, stems, stems, WEIGHTS)
    lost = [
        band_loss(stems * (torch.arange(3) != i).reshape(1, 3, 1, 1), mixture, stems, stems, WEIGHTS) - best
        for i in range(3)
    ]
    speech, music, noise = lost
    torch.testing.assert_close(speech, 2 * music)
    torch.testing.assert_close(noise, music)
    assert music > 1


def test_the_loss_of_magnitudes_wants_the_magnitudes_of_the_stems() -> None:
    """Whatever the phase: the best masks are the roots of the shares of power, at any level that a mixture has."""
    mixture, _, stems = random_sums()
    oracle = (stems / mixture.unsqueeze(1)).sqrt()
    best = magnitude_loss(oracle, mixture, stems, WEIGHTS)
    assert best < -25
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert magnitude_loss(factor * oracle, mixture, stems, WEIGHTS) > best + 1
    quiet = magnitude_loss(0.5 * oracle, 1e-3 * mixture, 1e-3 * stems, WEIGHTS)
    torch.testing.assert_close(quiet, magnitude_loss(0.5 * oracle, mixture, stems, WEIGHTS), atol=1e-2, rtol=1e-3)


def test_a_silent_estimate_gives_zero_db() -> None:
    mixture, cross, stems = random_sums()
    loss = band_loss(torch.zeros_like(stems), mixture, cross, stems, WEIGHTS)
    torch.testing.assert_close(loss, torch.tensor(0.0), atol=1e-5, rtol=0)


def test_the_loss_does_not_hear_the_level() -> None:
    mixture, cross, stems = random_sums()
    masks = torch.rand(stems.shape, generator=torch.Generator().manual_seed(4))
    loud = band_loss(masks, mixture, cross, stems, WEIGHTS)
    quiet = band_loss(masks, 1e-6 * mixture, 1e-6 * cross, 1e-6 * stems, WEIGHTS)
    torch.testing.assert_close(quiet, loud, atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_gradients_are_finite(scale: float) -> None:
    """As in training, in half precision if the machine has it; of three clips one is silent, one lacks a stem."""
    torch.manual_seed(1)
    model = Crnn(SMALL)
    mixture, cross, stems = (scale * part for part in random_sums(batch=3))
    for part in (mixture, cross, stems):
        part[0] = 0
    stems[1, 2] = cross[1, 2] = 0
    with autocast():
        masks, _ = model(mixture)
    loss = band_loss(masks, mixture, cross, stems, WEIGHTS) + magnitude_loss(masks, mixture, stems, WEIGHTS)
    loss.backward()
    assert loss.isfinite()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


def test_every_convolution_has_a_stride() -> None:
    with pytest.raises(ValueError, match="3 channels and 2 strides"):
        dataclasses.replace(SMALL, strides=(2, 2))


def test_memory_is_more_than_the_newest_frame() -> None:
    with pytest.raises(ValueError, match="memory is at least 2 frames, got 1"):
        dataclasses.replace(SMALL, memory=1)


def test_distillation_wants_the_teachers_masks() -> None:
    mixture, _, _ = random_sums()
    teacher = torch.softmax(torch.randn(2, 3, 5, NUM_BANDS), dim=1)
    best = distillation_loss(teacher, mixture, teacher, WEIGHTS)
    assert best < -20  # only the floor is left
    assert distillation_loss(torch.full_like(teacher, 1 / 3), mixture, teacher, WEIGHTS) > best + 10
