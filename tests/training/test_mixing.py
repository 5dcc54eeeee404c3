"""Mixing: the band sums against the spectra they stand for, the core's STFT, and what the drawer draws."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

for package in ("pyroomacoustics", "scipy", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")

from helpers.toy_corpus import SOUNDS, save_toy_corpus  # noqa: E402
from unbraid import _core  # noqa: E402
from unbraid.training import bands  # noqa: E402
from unbraid.training.frames import (  # noqa: E402
    HOP_LENGTH,
    POWER_SCALE,
    SAMPLE_RATE,
    WIN_LENGTH,
    pair_power,
    spectra,
)
from unbraid.training.mixtures import augment, noises, rooms  # noqa: E402
from unbraid.training.mixtures.clips import Clips, capped  # noqa: E402
from unbraid.training.mixtures.mixing import PRESENT, Mixer, before_a_word, mix  # noqa: E402
from unbraid.training.mixtures.scenes import Scenes  # noqa: E402
from unbraid.training.mixtures.stems import KINDS, Drawer, Stem  # noqa: E402

Complex = NDArray[np.complex64]


def toy_stem(kind: str, rng: np.random.Generator, bandwidth_hz: float = 24000.0) -> Stem:
    frames = spectra(SOUNDS[kind](rng, SAMPLE_RATE, 0.25))
    return Stem(frames, pair_power(frames, frames), bandwidth_hz)


def toy_stems(rng: np.random.Generator) -> dict[str, Stem]:
    return {kind: toy_stem(kind, rng) for kind in KINDS}


# --- bands and spectra ----------------------------------------------------------------------------------------------


def test_bands_cover_every_bin_once() -> None:
    edges = bands.band_edges()
    assert len(edges) == bands.NUM_BANDS + 1
    assert edges[0] == 0
    assert edges[-1] == bands.NUM_BINS
    assert (np.diff(edges) >= 1).all()
    assert (np.diff(edges)[: bands.NARROW_BANDS] == 1).all()
    per_bin = np.random.default_rng(0).random((2, 3, bands.NUM_BINS)).astype(np.float32)
    sums = np.zeros((2, 3, bands.NUM_BANDS))
    for i, band in enumerate(bands.band_of_bin()):
        sums[..., band] += per_bin[..., i]
    np.testing.assert_allclose(bands.band_sum(per_bin), sums, rtol=1e-5)


def test_spectra_are_the_cores(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(10 * HOP_LENGTH + 5).astype(np.float32)
    frames = spectra(audio)
    stft = _core.Stft(WIN_LENGTH, HOP_LENGTH)
    assert stft.power_scale == pytest.approx(float(POWER_SCALE), rel=1e-6)
    assert frames.shape == (9, stft.num_bins)
    for i, frame in enumerate(frames):
        expected = stft.analyse(audio[i * HOP_LENGTH : i * HOP_LENGTH + WIN_LENGTH]) * np.sqrt(stft.power_scale)
        np.testing.assert_allclose(frame, expected, atol=1e-6)


def test_pair_power_is_the_band_sum_of_the_real_cross_power(rng: np.random.Generator) -> None:
    a, b = (toy_stem(kind, rng).spectra for kind in ("speech", "noise"))
    expected = bands.band_sum((a * b.conj()).real)
    np.testing.assert_allclose(pair_power(a, b), expected, atol=1e-6 * np.abs(expected).max())


# --- mixtures -------------------------------------------------------------------------------------------------------


def mix_any(stems: dict[str, Stem], rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    """Those of the stems that sound together as often as in training."""
    return mix(stems, set(list(PRESENT)[rng.choice(len(PRESENT), p=list(PRESENT.values()))]), rng)


def mixed_spectra(stems: dict[str, Stem], own: NDArray[np.float32]) -> Complex:
    """The stems' spectra (stems, frames, bins) at the levels at which `mix` took them, found from its K."""
    gains = np.sqrt(own / np.stack([stem.power for stem in stems.values()]).clip(1e-20))
    return np.stack([stem.spectra for stem in stems.values()]) * gains[..., bands.band_of_bin()]


def band_power(frames: Complex) -> NDArray[np.float64]:
    return bands.band_sum(np.abs(frames).astype(np.float64) ** 2)  # type: ignore[arg-type, return-value]


def test_band_sums_are_those_of_the_mixed_spectra(rng: np.random.Generator) -> None:
    for _ in range(20):
        stems = toy_stems(rng)
        mixture, cross, own = mix_any(stems, rng)
        parts = mixed_spectra(stems, own)
        whole = parts.sum(axis=0)
        tolerance = 1e-5 * mixture.max()
        np.testing.assert_allclose(mixture, band_power(whole), atol=tolerance)
        expected = bands.band_sum((parts * whole.conj()).real)
        np.testing.assert_allclose(cross, expected, atol=tolerance)


def test_error_of_a_band_mask_is_exact_in_band_sums(rng: np.random.Generator) -> None:
    for _ in range(20):
        stems = toy_stems(rng)
        mixture, cross, own = mix_any(stems, rng)
        parts = mixed_spectra(stems, own)
        masks = rng.random(own.shape, np.float32)
        brute = band_power(parts - masks[..., bands.band_of_bin()] * parts.sum(axis=0))
        by_sums = masks**2 * mixture - 2 * masks * cross + own
        np.testing.assert_allclose(by_sums, brute, atol=1e-5 * mixture.max())


def test_mixture_power_is_the_sum_of_the_cross_terms(rng: np.random.Generator) -> None:
    for _ in range(20):
        mixture, cross, _ = mix_any(toy_stems(rng), rng)
        np.testing.assert_allclose(mixture, cross.sum(axis=0), atol=1e-5 * mixture.max())


def test_absent_stems_have_no_power_and_no_cross_term(rng: np.random.Generator) -> None:
    seen = set()
    stems = toy_stems(rng)
    for _ in range(200):
        mixture, cross, own = mix_any(stems, rng)
        present = tuple(kind for kind, stem in zip(KINDS, own, strict=True) if stem.any())
        seen.add(present)
        assert present in PRESENT
        assert mixture.any()
        for kind, shared in zip(KINDS, cross, strict=True):
            assert kind in present or not shared.any()
    assert len(seen) >= 6


def test_levels_stay_within_their_range(rng: np.random.Generator) -> None:
    stems = toy_stems(rng)
    full_scale = WIN_LENGTH**2 / 4 * POWER_SCALE
    for _ in range(50):
        mixture, _, _ = mix_any(stems, rng)
        level_db = 10 * np.log10(mixture.sum(axis=1).mean() / full_scale)
        assert -45.01 < level_db < -11.99


def test_full_scale_is_a_mean_square_of_one(rng: np.random.Generator) -> None:
    frames = spectra(rng.standard_normal(2 * SAMPLE_RATE).astype(np.float32))
    power = pair_power(frames, frames).sum(axis=1).mean()
    assert power == pytest.approx(WIN_LENGTH**2 / 4 * POWER_SCALE, rel=0.02)


def test_narrow_speech_narrows_its_mixture(rng: np.random.Generator) -> None:
    stems = toy_stems(rng)
    stems["speech"] = toy_stem("speech", rng, bandwidth_hz=8000.0)
    above = bands.band_edges()[:-1] * bands.BIN_HZ >= 8000
    narrow = [
        not mixture[:, above].any() for mixture, _, own in (mix_any(stems, rng) for _ in range(100)) if own[0].any()
    ]
    assert np.mean(narrow) > 0.75  # nine in ten, and what is narrow anyway


def test_a_fuller_voice_is_not_a_louder_one(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    stems, low = toy_stems(rng), bands.band_edges()[:-1] * bands.BIN_HZ < 300
    monkeypatch.setattr(augment, "fader", lambda num_frames, _: np.ones(num_frames, np.float32))
    monkeypatch.setattr(augment, "bandwidth", lambda _: np.ones(bands.NUM_BANDS, np.float32))

    def heard(response: NDArray[np.float32]) -> NDArray[np.float32]:
        """Voices (clips, bands), in units of the music beside them."""
        monkeypatch.setattr(augment, "proximity", lambda _: response)
        mixed = [mix_any(stems, np.random.default_rng(seed))[2].sum(axis=1) for seed in range(40)]
        return np.array([own[0] / own[1].sum() for own in mixed if own[0].any() and own[1].any()])

    thin, full = heard(np.ones(bands.NUM_BANDS, np.float32)), heard(np.where(low, 8, 1).astype(np.float32))
    np.testing.assert_allclose(full.sum(axis=1), thin.sum(axis=1), rtol=1e-3)
    assert (full[:, ~low].sum(axis=1) < 0.5 * thin[:, ~low].sum(axis=1)).all()


# --- augmentation ---------------------------------------------------------------------------------------------------


def test_bandwidth_removes_everything_above() -> None:
    assert augment.bandwidth(24000.0).all()
    gains = augment.bandwidth(4000.0)
    below = bands.band_edges()[:-1] * bands.BIN_HZ < 4000
    np.testing.assert_array_equal(gains, below)


def test_augmentations_keep_shape_and_stay_finite(rng: np.random.Generator) -> None:
    for _ in range(30):
        noise = noises.synthetic_noise(24000, rng)
        assert noise.dtype == np.float32
        assert noise.shape == (24000,)
        assert np.isfinite(noise).all()
        fade = augment.fader(62, rng)
        assert fade.shape == (62,)
        assert 0 <= fade.min() <= fade.max() <= 1
        assert (augment.equaliser(rng) > 0).all()
    clipped = augment.clip_hard(noise, rng)
    assert np.abs(clipped).max() < 0.75 * np.abs(noise).max()
    np.testing.assert_array_equal(augment.clip_hard(np.zeros(9, np.float32), rng), np.zeros(9))


def test_proximity_fades_towards_the_top(rng: np.random.Generator) -> None:
    gains_db = 20 * np.log10([augment.proximity(rng) for _ in range(200)])
    assert gains_db.shape == (200, bands.NUM_BANDS)
    assert -8 <= gains_db.min() < -4
    assert 12 < gains_db.max() <= 18
    assert np.abs(gains_db[:, -1]).max() < 0.2
    assert (np.diff(np.abs(gains_db), axis=1) <= 1e-5).all()


def test_a_gate_opens_and_closes(rng: np.random.Generator) -> None:
    shares = []
    for length in (700, SAMPLE_RATE, *[3 * SAMPLE_RATE] * 30):
        gains = augment.gate(length, rng)
        assert gains.shape == (length,)
        assert gains.dtype == np.float32
        assert -1e-5 < gains.min() <= gains.max() < 1 + 1e-5
        assert gains.max() > 0
        shares.append(gains.mean())
    assert 0.15 < np.mean(shares[2:]) < 0.7


def test_a_dry_room_changes_nothing(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(5000).astype(np.float32)
    room = np.zeros(2000, np.float32)
    room[[0, 1000]] = 1, 0.5
    np.testing.assert_allclose(augment.reverberate(audio, room, 0.0), audio, atol=1e-5)
    wet = augment.reverberate(audio, room, 1.0)
    np.testing.assert_allclose(wet[1000:], audio[1000:] + 0.5 * audio[:-1000], atol=1e-5)


def test_rooms_begin_with_their_direct_sound() -> None:
    room = rooms.simulate_room(np.random.default_rng(4))
    assert np.abs(room).max() == 1
    assert np.abs(room).argmax() <= 24
    assert 48 < len(room) <= rooms.MAX_SECONDS * rooms.SAMPLE_RATE


def test_the_bank_of_rooms_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "simulate_room", lambda rng: rng.random(50, np.float32))
    first = rooms.load_bank(tmp_path, count=3)
    monkeypatch.delattr(rooms, "simulate_room")
    np.testing.assert_array_equal(rooms.load_bank(tmp_path, count=3), first)


# --- drawing --------------------------------------------------------------------------------------------------------


def scenes_of(corpus: Path, split: str = "train", seed: int = 3) -> Scenes:
    return Scenes(Clips(corpus, split), rooms.load_bank(corpus), np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_as_long_as_asked(corpus: Path, kind: str) -> None:
    scenes = scenes_of(corpus)
    for _ in range(25):
        audio, bandwidth_hz = getattr(scenes, kind)(40000)
        assert audio.shape == (40000,)
        assert audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert audio.any()
        assert 4000 < bandwidth_hz <= 24000


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_stems_have_a_frame_a_hop(corpus: Path, kind: str) -> None:
    stem = Drawer(corpus, "train", 0.8, seed=3).stem(kind)
    assert stem.spectra.shape == (49, bands.NUM_BINS)
    assert stem.power.shape == (49, bands.NUM_BANDS)


def test_speech_at_16_khz_has_its_bandwidth(corpus: Path) -> None:
    scenes = scenes_of(corpus)
    for _ in range(8):
        audio, bandwidth_hz = scenes.speech(2 * SAMPLE_RATE)
        assert bandwidth_hz <= 8000 * np.exp(0.2)
        power = pair_power(spectra(audio), spectra(audio)).sum(axis=0)
        above = bands.band_edges()[:-1] * bands.BIN_HZ > 1.1 * bandwidth_hz
        assert power[above].sum() < 1e-3 * power.sum()


def test_voices_that_are_not_told_apart_weigh_as_many(tmp_path: Path) -> None:
    folder = save_toy_corpus(tmp_path)
    summary = json.loads((folder / "summary.json").read_text())
    summary["sources"]["toy_speech"]["voices"] = 9
    (folder / "summary.json").write_text(json.dumps(summary))
    index = folder / "toy_speech.json"
    index.write_text(index.read_text().replace("toy_speech/train0", "toy_speech/toy_speech"))
    odds = Clips(folder, "train").odds("speech")
    assert odds["toy_speech/toy_speech"] == pytest.approx(3 * odds["toy_speech/train1"])  # 9 voices of a ninth each


def test_a_drawer_stays_in_its_split(tmp_path: Path) -> None:
    folder = save_toy_corpus(tmp_path, silent_split="validation")
    assert not any(scenes_of(folder, "validation", seed).speech(24000)[0].any() for seed in range(10))
    assert all(scenes_of(folder, "train", seed).music(24000)[0].any() for seed in range(10))


def with_kinds(folder: Path, *kinds: str) -> Path:
    """A toy corpus whose recipe knows these kinds alone."""
    save_toy_corpus(folder)
    summary = json.loads((folder / "summary.json").read_text())
    sources = {name: row for name, row in summary["sources"].items() if row["kind"] in kinds}
    (folder / "summary.json").write_text(json.dumps({"kinds": kinds, "sources": sources}))
    return folder


def test_the_stems_are_the_kinds_of_the_recipe(tmp_path: Path) -> None:
    """In its order; nothing of a kind that it leaves out is drawn or mixed."""
    drawer = Drawer(with_kinds(tmp_path, "noise", "speech"), "train", 0.5, seed=1)
    batch = next(iter(Mixer(drawer, batch_size=64, reservoir=4)))
    assert batch.stems.shape == (64, 2, 30, bands.NUM_BANDS)
    np.testing.assert_allclose(batch.cross.sum(axis=1), batch.mixture, atol=1e-5 * batch.mixture.max())
    above = bands.band_edges()[:-1] * bands.BIN_HZ > 12000  # where the toy voices, at 16 kHz, have nothing
    noise, speech = (batch.stems[:, i][..., above].sum() / batch.stems[:, i].sum() for i in range(2))
    assert speech < 1e-2 < noise


def test_a_kind_that_nobody_can_draw_is_refused(tmp_path: Path) -> None:
    folder = with_kinds(tmp_path, "speech", "applause")
    with pytest.raises(ValueError, match=r"speech, music, noise, got applause"):
        Drawer(folder, "train", 0.5, seed=1)


def test_batches_have_shapes_and_finite_values(corpus: Path) -> None:
    mixer = Mixer(Drawer(corpus, "train", 0.5, seed=1), batch_size=4, reservoir=8)
    for batch in islice(mixer, 3):
        assert batch.mixture.shape == (4, 30, bands.NUM_BANDS)
        assert batch.cross.shape == batch.stems.shape == (4, 3, 30, bands.NUM_BANDS)
        for part in (batch.mixture, batch.cross, batch.stems):
            assert part.dtype == np.float32
            assert np.isfinite(part).all()
        assert (batch.mixture >= 0).all()


def test_batches_repeat_by_seed(corpus: Path) -> None:
    def third(seed: int) -> NDArray[np.float32]:
        mixer = Mixer(Drawer(corpus, "train", 0.3, seed), batch_size=2, reservoir=4)
        return next(islice(mixer, 2, None)).cross

    np.testing.assert_array_equal(third(1), third(1))
    assert not np.array_equal(third(1), third(2))


# --- what is chosen for each other ----------------------------------------------------------------------------------


def stem_of(level_db: NDArray[np.float64]) -> Stem:
    frames = (10 ** (level_db / 20)).astype(np.complex64)[:, None] * np.ones(bands.NUM_BINS, np.complex64)
    return Stem(frames, pair_power(frames, frames), 24000.0)


def test_a_steady_noise_moves_less_than_knocks() -> None:
    fan = stem_of(np.random.default_rng(1).normal(0, 0.5, 100))
    knocks = stem_of(np.where(np.arange(100) % 20 == 0, 0.0, -50.0))
    assert fan.unsteadiness < 1 < 10 < knocks.unsteadiness


def test_a_knock_comes_just_before_a_word() -> None:
    rng = np.random.default_rng(3)
    speech = stem_of(np.where((np.arange(200) > 80) & (np.arange(200) < 150), 0.0, -50.0))
    knock = stem_of(np.where(np.arange(200) == 30, 0.0, -60.0))
    for _ in range(50):
        moved = before_a_word(speech, knock, rng)
        at = int(moved.level_db.argmax())
        # The five steepest rises of this voice are its one onset and, all alike, some frames of silence or of voice.
        assert np.count_nonzero(moved.level_db > -10) == 1
        assert 0 <= at < 200
    onset = stem_of(np.linspace(-60, 0, 200) + np.where(np.arange(200) >= 100, 30.0, 0.0))
    ramp = np.sort(np.diff(onset.level_db))[-5]
    assert ramp < 1  # only one rise stands out, so a fifth of the knocks is before it
    near = [int(before_a_word(onset, knock, rng).level_db.argmax()) for _ in range(300)]
    assert 0.1 < np.mean([79 <= at <= 99 for at in near]) < 0.6


def test_music_meets_steady_noises_oftener(corpus: Path) -> None:
    mixer = Mixer(Drawer(corpus, "train", 1.0, 5), batch_size=2)
    levels = np.linspace(0, 20, len(mixer._reservoir["noise"]))
    wave = np.where(np.arange(60) % 2 == 0, 1.0, -1.0)
    mixer._reservoir["noise"] = [stem_of(level * wave) for level in levels]
    rng = np.random.default_rng(9)
    drawn = {
        present: np.mean([mixer._draw(frozenset(present), rng)["noise"].unsteadiness for _ in range(400)])
        for present in (("music", "noise"), KINDS, ("speech", "noise"))
    }
    assert drawn["music", "noise"] < drawn[KINDS] - 2
    assert drawn["speech", "noise"] < drawn[KINDS] + 3


def test_no_group_of_odds_exceeds_its_cap() -> None:
    groups = ["a"] * 5 + ["b"] * 2 + list("cdefghijk")
    odds = capped(np.full(len(groups), 1 / len(groups)), groups, 0.15)
    assert odds.sum() == pytest.approx(1)
    assert odds[:5].sum() == pytest.approx(0.15)
    assert odds[7] > 1 / len(groups)
    few = np.array([0.9, 0.1])
    np.testing.assert_array_equal(capped(few, ["a", "b"], 0.15), few)  # two cannot share less than half
