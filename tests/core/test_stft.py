"""The STFT against numpy's FFT, its reconstruction, and its sizes at every rate."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid import _core

# every even size up to 300 that has no prime factor above 11, and larger ones that rates lead to
SIZES = [n for n in range(2, 301, 2) if (2 * 3 * 5 * 7 * 11) ** 8 % n == 0]
SIZES += [352, 512, 704, 768, 1024, 1408, 1536, 2310, 2816, 3072, 6144]


def hann_sqrt(win_length: int) -> np.ndarray:
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length))


@pytest.mark.parametrize("win_length", SIZES)
def test_analyse_is_the_windowed_fft(win_length: int, rng: np.random.Generator) -> None:
    frame = rng.standard_normal(win_length).astype(np.float32)
    expected = np.fft.rfft(frame * hann_sqrt(win_length))
    spectrum = _core.Stft(win_length, win_length // 2).analyse(frame)
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(spectrum, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("win_length", SIZES)
def test_synthesise_is_the_windowed_inverse_fft(win_length: int, rng: np.random.Generator) -> None:
    bins = win_length // 2 + 1
    spectrum = rng.standard_normal(bins) + 1j * rng.standard_normal(bins)
    spectrum.imag[[0, -1]] = 0
    expected = np.fft.irfft(spectrum, win_length) * hann_sqrt(win_length)
    frame = _core.Stft(win_length, win_length // 2).synthesise(spectrum.astype(np.complex64))
    np.testing.assert_allclose(frame, expected, atol=2e-6 * np.abs(expected).max() + 1e-7)


@pytest.mark.parametrize(("win_length", "overlap"), [(1536, 2), (1408, 2), (1536, 4), (768, 3)])
def test_overlapping_frames_give_the_input_again(win_length: int, overlap: int, rng: np.random.Generator) -> None:
    hop_length = win_length // overlap
    signal = rng.uniform(-1, 1, 12 * win_length).astype(np.float32)
    output = np.zeros_like(signal)
    stft = _core.Stft(win_length, hop_length)
    for start in range(0, len(signal) - win_length + 1, hop_length):
        frame = slice(start, start + win_length)
        output[frame] += stft.synthesise(stft.analyse(signal[frame]))
    inner = slice(win_length, -win_length)
    np.testing.assert_allclose(output[inner], signal[inner], atol=1e-6)


@pytest.mark.parametrize("win_length", [256, 1408, 1536, 3072])
def test_a_full_scale_sine_has_power_one(win_length: int) -> None:
    stft = _core.Stft(win_length, win_length // 2)
    bin_ = win_length // 8
    sine = np.sin(2 * np.pi * bin_ * np.arange(win_length) / win_length + 0.3).astype(np.float32)
    power = np.abs(stft.analyse(sine)) ** 2 * stft.power_scale
    assert power.argmax() == bin_
    assert power[bin_] == pytest.approx(1.0, abs=1e-3)  # but for the leakage of the mirrored sine


@pytest.mark.parametrize(
    ("sample_rate", "win_length"),
    [
        (8000, 256),
        (11025, 352),
        (16000, 512),
        (22050, 704),
        (24000, 768),
        (32000, 1024),
        (44100, 1408),
        (48000, 1536),
        (88200, 2816),
        (96000, 3072),
        (192000, 6144),
    ],
)
def test_sizes_of_the_usual_rates(sample_rate: int, win_length: int) -> None:
    assert _core.stft_sizes(sample_rate, 0.032, 0.016) == (win_length, win_length // 2)


@pytest.mark.parametrize("overlap", [2, 3, 4])
def test_sizes_are_fast_whole_and_near_at_any_rate(overlap: int, rng: np.random.Generator) -> None:
    for sample_rate in rng.uniform(8000, 192000, 200):
        win_length, hop_length = _core.stft_sizes(sample_rate, 0.032, 0.032 / overlap)
        assert win_length % 2 == 0
        assert win_length == overlap * hop_length
        remainder = win_length
        for factor in (2, 3, 5, 7, 11):
            while remainder % factor == 0:
                remainder //= factor
        assert remainder == 1
        assert win_length == pytest.approx(sample_rate * 0.032, rel=0.03)


@pytest.mark.parametrize("sample_rate", [0, -48000, 7999.9, 192001, float("nan"), float("inf")])
def test_a_sample_rate_out_of_range_is_refused(sample_rate: float) -> None:
    with pytest.raises(ValueError, match="between 8000 and 192000 Hz, got"):
        _core.stft_sizes(sample_rate, 0.032, 0.016)


@pytest.mark.parametrize("hop_seconds", [0.032, 0.02, 0.064, 0.0, -0.016, float("nan")])
def test_a_hop_that_does_not_divide_the_window_is_refused(hop_seconds: float) -> None:
    with pytest.raises(ValueError, match="whole number"):
        _core.stft_sizes(48000, 0.032, hop_seconds)


@pytest.mark.parametrize(("win_length", "hop_length"), [(0, 1), (-8, -4), (9, 3), (26, 13), (8, 3), (8, 8), (8, 0)])
def test_sizes_that_are_slow_or_do_not_overlap_are_refused(win_length: int, hop_length: int) -> None:
    with pytest.raises(ValueError, match=r"must be .*got"):
        _core.Stft(win_length, hop_length)


def test_analyse_says_what_it_wants() -> None:
    stft = _core.Stft(8, 4)
    with pytest.raises(ValueError, match=r"must have 8 samples, got shape \(7,\)"):
        stft.analyse(np.zeros(7, np.float32))
    with pytest.raises(TypeError, match=r"float32 numpy array.*float64"):
        stft.analyse(np.zeros(8))  # type: ignore[arg-type]
