"""What the page draws and measures, against other ways of computing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.audio import Audio, soft_noise
from unbraid.listen.analysis import LOWEST_DB, NUM_BANDS, Analysis
from unbraid.listen.downmix import downmix, downmix_matrix
from unbraid.listen.loudness import k_weighting
from unbraid.listen.wav_stream import HEADROOM, WavStream


def analysed(folder: Path, stems: Audio, rate: float, block: int) -> Analysis:
    folder.mkdir()
    analysis = Analysis(folder, rate, len(stems), stems.shape[-1])
    for start in range(0, stems.shape[-1], block):
        analysis.add(stems[..., start : start + block])
    analysis.end()
    return analysis


@pytest.mark.parametrize("rate", [8000, 44100])
def test_blocks_make_no_difference(tmp_path: Path, rng: np.random.Generator, rate: int) -> None:
    stems = soft_noise(rng, 3, 2, 20 * rate + 7)
    one, other = (analysed(tmp_path / str(block), stems, rate, block) for block in (10**9, 997))
    for file, same in zip(
        [one.peaks, one.levels, *one.spectrogram], [other.peaks, other.levels, *other.spectrogram], strict=True
    ):
        assert file.size > 0
        held, again = (np.frombuffer(each.path.read_bytes(), np.uint8) for each in (file, same))
        assert len(held) == len(again)
        if file is not one.levels:
            assert np.abs(held.astype(int) - again).max() <= 1  # sums of floats round by their order
    levels, again = (np.frombuffer(each.levels.path.read_bytes(), "<f4") for each in (one, other))
    np.testing.assert_allclose(levels, again, rtol=1e-4, atol=1e-9)


def test_peaks_are_the_samples(tmp_path: Path, rng: np.random.Generator) -> None:
    stems = soft_noise(rng, 2, 2, 48000 * 2 + 5)
    analysis = analysed(tmp_path / "a", stems, 48000, 4800)
    peaks = np.frombuffer(analysis.peaks.path.read_bytes(), np.int8).reshape(-1, 3, 2)
    assert len(peaks) == 201
    rows = np.concatenate([stems.sum(axis=0, keepdims=True), stems])[..., :96000].reshape(3, 2, 200, 480)
    np.testing.assert_allclose(peaks[:200, :, 0].T, np.clip(rows.min(axis=(1, 3)) * 127, -127, 127), atol=0.51)
    np.testing.assert_allclose(peaks[:200, :, 1].T, np.clip(rows.max(axis=(1, 3)) * 127, -127, 127), atol=0.51)


def test_the_standard_s_filters() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    (shelf, shelf_poles), (_, high_pass_poles) = k_weighting(48000)
    np.testing.assert_allclose(shelf, (1.53512485958697, -2.69169618940638, 1.19839281085285), atol=1e-9)
    np.testing.assert_allclose(shelf_poles, (1, -1.69065929318241, 0.73248077421585), atol=1e-9)
    np.testing.assert_allclose(high_pass_poles, (1, -1.99004745483398, 0.99007225036621), atol=1e-9)


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
def test_a_sine_is_as_loud_as_the_standard_says(tmp_path: Path, rate: int) -> None:
    """997 Hz at full scale in one channel of two is -3.01 LUFS; its spectrogram reaches about as much."""
    sine = np.zeros((1, 2, 3 * rate), np.float32)
    sine[0, 0] = np.sin(2 * np.pi * 997 * np.arange(3 * rate) / rate)
    analysis = analysed(tmp_path / "a", sine, rate, rate)
    levels = np.frombuffer(analysis.levels.path.read_bytes(), "<f4")
    assert -0.691 + 10 * np.log10(levels[5:-5].mean()) == pytest.approx(-3.01, abs=0.05)
    frames = np.frombuffer(analysis.spectrogram[0].path.read_bytes(), np.uint8).reshape(-1, NUM_BANDS)
    decibels = LOWEST_DB * (1 - frames[60].max() / 255)
    assert -7 < decibels <= -3  # the mean of two channels, of which a band's edges may cut something off


def test_levels_give_the_loudness_of_any_mix(tmp_path: Path, rng: np.random.Generator) -> None:
    scipy_signal = pytest.importorskip("scipy.signal")
    stems = soft_noise(rng, 3, 2, 4 * 48000)
    stems[1] += 0.7 * stems[0]  # stems of one mixture are not independent
    gains = np.array([0.5, 2.0, -1.0], np.float32)
    analysis = analysed(tmp_path / "a", stems, 48000, 48000)
    packed = np.frombuffer(analysis.levels.path.read_bytes(), "<f4").reshape(-1, 6)[5:-5].mean(axis=0)
    products = np.zeros((3, 3))
    products[np.triu_indices(3)] = packed
    products = products + np.triu(products, 1).T
    mix = np.tensordot(gains, stems, 1)
    for numerator, denominator in k_weighting(48000):
        mix = scipy_signal.lfilter(numerator, denominator, mix)
    assert gains @ products @ gains == pytest.approx((mix**2).mean(axis=1).sum(), rel=0.02)


@pytest.mark.parametrize("channels", [1, 2, 5, 6, 8])
def test_downmix(channels: int) -> None:
    matrix = downmix_matrix(channels)
    assert matrix.shape == (min(channels, 2), channels)
    assert matrix.sum(axis=1).max() <= 1 + 1e-6  # nothing clips that did not
    if channels > 2:
        np.testing.assert_array_equal(matrix[0, :2] > 0, [True, False])
        np.testing.assert_array_equal(matrix[:, 2] > 0, [True, True])  # the centre is in both
    stems = np.ones((3, channels, 4), np.float32)
    assert downmix(matrix, stems).shape == (3, min(channels, 2), 4)


@pytest.mark.parametrize(("hours", "bits"), [(0.01, 24), (1.3, 24), (1.5, 16), (3, 16)])
def test_wav_of_any_length(tmp_path: Path, hours: float, bits: int) -> None:
    """A header for as much as is to come; past 4 GiB it is RF64's. The file is a hole: it takes no room."""
    wav = WavStream(48000, 6, int(hours * 3600 * 48000))
    assert wav.bits == bits
    block = np.linspace(-1, 1, 6 * 5, dtype=np.float32).reshape(6, 5)
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav.header())
        file.truncate(wav.total_bytes)
        file.seek(wav.total_bytes - 5 * wav.frame_bytes)
        file.write(wav.encode(block))
    with soundfile.SoundFile(path) as read:
        assert (read.samplerate, read.channels, read.frames) == (48000, 6, wav.num_samples)
        assert read.subtype == f"PCM_{bits}"
        read.seek(-5, soundfile.SEEK_END)
        np.testing.assert_allclose(read.read(dtype="float32").T, HEADROOM * block, atol=2.0 ** (1 - bits))
