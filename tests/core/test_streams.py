"""What the core's streams promise: any chunking, constant latency, exact sums, and clean resets."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers.audio import Audio, noise
from helpers.toy_model import STEMS
from unbraid import _core

Stream = _core.Separator | _core.Remixer
GAINS = (1.0, 0.25, 2.0)
RATES = [8000, 16000, 22050, 44100, 48000, 96000, 192000]


def whole(stream: Stream, audio: Audio) -> Audio:
    """Everything a stream gives for a signal, its tail included."""
    return np.concatenate([stream.process(audio), stream.flush()], axis=-1)


def in_blocks(stream: Stream, audio: Audio, sizes: Iterable[int]) -> Audio:
    outputs, start = [], 0
    for size in sizes:
        if start >= audio.shape[1]:
            break
        outputs += [stream.process(audio[:, start : start + size]), stream.process(audio[:, :0])]
        start += size
    return np.concatenate([*outputs, stream.flush()], axis=-1)


def make_streams(model: _core.Model, sample_rate: float, channels: int = 1) -> list[Stream]:
    return [_core.Separator(sample_rate, channels, model), _core.Remixer(sample_rate, channels, model, GAINS)]


@pytest.mark.parametrize("sample_rate", RATES)
def test_no_chunking_changes_a_bit(sample_rate: int, toy_model: _core.Model, rng: np.random.Generator) -> None:
    for stream in make_streams(toy_model, sample_rate, channels=2):
        hop = stream.hop_length
        audio = noise(rng, 2, 5 * hop + 123)
        expected = whole(stream, audio)
        for size in (7, hop - 1, hop, hop + 1, 480, 4096):
            assert np.array_equal(in_blocks(stream, audio, [size] * 10**4), expected), size
        sizes = rng.integers(0, 3 * hop, 10**4)
        assert np.array_equal(in_blocks(stream, audio, sizes.tolist()), expected)


def test_no_chunking_changes_a_bit_sample_by_sample(any_model: _core.Model, rng: np.random.Generator) -> None:
    for stream in make_streams(any_model, 8000):
        audio = noise(rng, 1, 700)
        expected = whole(stream, audio)
        assert np.array_equal(in_blocks(stream, audio, [1] * 700), expected)


@pytest.mark.parametrize("sample_rate", RATES)
def test_stems_sum_to_the_mixture_latency_samples_later(
    sample_rate: int, any_model: _core.Model, rng: np.random.Generator
) -> None:
    separator = _core.Separator(sample_rate, 1, any_model)
    latency = separator.latency_samples
    assert latency == separator.win_length + any_model.lookahead_frames * separator.hop_length
    audio = noise(rng, 1, 3 * latency + 17)
    total = whole(separator, audio).sum(axis=0)
    np.testing.assert_allclose(total[:, latency:], audio, atol=1e-6)
    np.testing.assert_allclose(total[:, :latency], 0, atol=1e-6)


@pytest.mark.parametrize("sample_rate", RATES)
def test_unit_gains_give_the_input_latency_samples_later(
    sample_rate: int, any_model: _core.Model, rng: np.random.Generator
) -> None:
    remixer = _core.Remixer(sample_rate, 1, any_model, [1, 1, 1])
    audio = noise(rng, 1, 3 * remixer.latency_samples + 17)
    output = whole(remixer, audio)
    np.testing.assert_allclose(output[:, remixer.latency_samples :], audio, atol=1e-6)
    np.testing.assert_allclose(output[:, : remixer.latency_samples], 0, atol=1e-6)


def test_equal_gains_are_exactly_that_gain(any_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 9000)
    for gain in (1.0, 0.0, 0.3, 4.0):
        remixer = _core.Remixer(44100, 2, any_model, [gain] * 3)
        output = whole(remixer, audio)[:, remixer.latency_samples :]
        assert np.array_equal(output, np.float32(gain) * audio)
    # and again once the faders have come back from elsewhere
    remixer = _core.Remixer(8000, 2, any_model, [1, 1, 1])
    outputs = [remixer.process(audio[:, :3000])]
    remixer.set_gains([0.5, 0, 2])
    outputs.append(remixer.process(audio[:, 3000:6000]))
    remixer.set_gains([1, 1, 1])
    outputs += [remixer.process(audio[:, 6000:]), remixer.flush()]
    output = np.concatenate(outputs, axis=1)[:, remixer.latency_samples :]
    settled = 6000 + 6 * remixer.win_length
    assert np.array_equal(output[:, settled:], audio[:, settled:])
    assert np.abs(output - audio)[:, 4000:6000].max() > 0.1


def test_an_impulse_arrives_exactly_latency_samples_later(any_model: _core.Model) -> None:
    for position in (0, 1, 767, 768, 2000):
        remixer = _core.Remixer(48000, 1, any_model, [0.5, 0.5, 0.5])
        audio = np.zeros((1, 2500), np.float32)
        audio[0, position] = 1
        output = whole(remixer, audio)
        assert output.argmax() == position + remixer.latency_samples
        assert output.max() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("sample_rate", "channels"), [(16000, 1), (16000, 2), (44100, 3), (96000, 8)])
def test_the_stems_of_masks_and_the_stems_heard_are_the_same(
    sample_rate: int, channels: int, any_model: _core.Model, rng: np.random.Generator
) -> None:
    """The whole way once more in numpy, from the masks of all frames."""
    separator = _core.Separator(sample_rate, channels, any_model)
    win, hop = separator.win_length, separator.hop_length
    scale = np.float32(0.03 * channels**0.5)  # of the channels' mean -35 dB, which the network hears as it is
    audio = scale * noise(rng, channels, 20 * hop)
    padded = np.pad(audio, ((0, 0), (win, win + separator.latency_samples)))
    starts = range(hop, padded.shape[1] - win + 1, hop)
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win) / win))
    spectra = np.stack([np.fft.rfft(padded[:, start : start + win] * window) for start in starts])

    # host bins that the model does not know take its last mask; model bins above Nyquist are zero
    known = min(win // 2 + 1, any_model.num_bins)
    heard_spectra = spectra.copy()
    for i in range(win // hop - 1):  # before the audio lies its mirror image
        begun = audio[:, : (i + 1) * hop]
        mirrored = np.pad(begun, ((0, 0), (win - begun.shape[1], 0)), mode="symmetric")
        heard_spectra[i] = np.fft.rfft(mirrored * window)
    mean = heard_spectra.mean(axis=1, keepdims=True)
    middle, side = np.abs(mean[:, 0]) ** 2, (np.abs(heard_spectra - mean) ** 2).mean(axis=1)
    has_side = any_model.channels == ("mid", "side")
    heard_power = np.stack([middle, side], axis=1) if has_side else np.maximum(middle, (middle + side) / 8)
    power = np.zeros((*heard_power.shape[:-1], any_model.num_bins), np.float32)
    power[..., :known] = heard_power[..., :known] * (2 / window.sum()) ** 2
    bins = np.minimum(np.arange(win // 2 + 1), any_model.num_bins - 1)
    masks = any_model.masks(power)[any_model.lookahead_frames :, ..., bins]

    stems = np.zeros((len(STEMS), *padded.shape))
    for start, spectrum, mask in zip(starts, spectra, masks, strict=False):
        mid = spectrum.mean(axis=0)
        masked = mask[0][:, None] * mid + mask[1][:, None] * (spectrum - mid) if has_side else mask[:, None] * spectrum
        stems[..., start : start + win] += np.fft.irfft(masked, win) * window * 2 * hop / win
    expected = stems[..., win : win + audio.shape[1]] / scale
    heard = whole(separator, audio)[..., separator.latency_samples :] / scale
    np.testing.assert_allclose(heard, expected, atol=2e-5)
    assert np.abs(heard[0] - heard[1]).max() > 0.01  # and the toy's stems do differ


def test_a_remix_is_the_sum_of_the_stems_times_their_gains(any_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 10_000)
    stems = whole(_core.Separator(96000, 2, any_model), audio)
    remix = whole(_core.Remixer(96000, 2, any_model, GAINS), audio)
    np.testing.assert_allclose(remix, np.tensordot(GAINS, stems, axes=1), atol=3e-6)


def test_flush_gives_the_tail_and_leaves_a_new_stream(any_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 3, 5000)
    for stream in make_streams(any_model, 44100, 3):
        fresh = whole(stream, audio)
        assert fresh.shape[-1] == 5000 + stream.latency_samples
        assert np.array_equal(whole(stream, audio), fresh)


def test_reset_equals_new(any_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 5000)
    for used, new in zip(make_streams(any_model, 16000, 2), make_streams(any_model, 16000, 2), strict=True):
        used.process(noise(rng, 2, 3333))
        used.reset()
        assert np.array_equal(whole(used, audio), whole(new, audio))


def test_streams_in_threads_share_a_model_and_stay_apart(toy_model: _core.Model, rng: np.random.Generator) -> None:
    signals = [noise(rng, 1, 100_000) for _ in range(4)]
    alone = [whole(_core.Separator(48000, 1, toy_model), audio) for audio in signals]
    together: dict[int, Audio] = {}

    def work(index: int) -> None:
        together[index] = in_blocks(_core.Separator(48000, 1, toy_model), signals[index], [480] * 10**4)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, expected in enumerate(alone):
        assert np.array_equal(together[index], expected)


def test_two_threads_in_one_stream_are_an_error(toy_model: _core.Model) -> None:
    separator = _core.Separator(48000, 1, toy_model)
    thread = threading.Thread(target=separator.process, args=(np.zeros((1, 48000 * 20), np.float32),))
    thread.start()
    refused = 0
    while thread.is_alive():
        try:
            separator.process(np.zeros((1, 1), np.float32))
        except RuntimeError as error:
            assert "in use by another thread" in str(error)  # noqa: PT017
            refused += 1
    thread.join()
    assert refused > 0
    separator.reset()
    separator.process(np.zeros((1, 100), np.float32))


def test_no_sound_vanishes_in_the_middle(toy_model: _core.Model, rng: np.random.Generator) -> None:
    """What cancels in the mean of the channels is heard as if it were 9 dB softer."""
    mono = noise(rng, 1, 8000)
    expected = whole(_core.Separator(48000, 1, toy_model), mono / np.float32(8**0.5)) * 8**0.5
    for pattern in ([1, -1], [1, -1, 1, -1, 1, -1]):
        sides = np.concatenate([np.float32(sign) * mono for sign in pattern])
        stems = whole(_core.Separator(48000, len(pattern), toy_model), sides)
        np.testing.assert_allclose(stems[:, :1], expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
def test_quiet_audio_is_separated_like_loud(channels: int, any_model: _core.Model, rng: np.random.Generator) -> None:
    """From -40 dB down and from -30 dB up a level makes no difference; between the network hears it as it is."""
    audio = noise(rng, channels, 40_000)
    stems = {}
    for level_db in (-80, -60, -42, -35, -25, -6, 20):
        level = np.float32(10 ** (level_db / 20) / audio.std())
        stems[level_db] = whole(_core.Separator(48000, channels, any_model), level * audio) / level
    for one, other in ((-60, -42), (-80, -42), (-6, -25), (20, -25)):
        np.testing.assert_allclose(stems[one], stems[other], atol=2e-4)
    assert np.abs(stems[-25] - stems[-42]).max() > 1e-3 < np.abs(stems[-25] - stems[-35]).max()


def test_quiet_audio_after_loud_comes_up_again(toy_model: _core.Model, rng: np.random.Generator) -> None:
    """A jump of 40 dB down is followed within seconds, one up at once; what was is forgotten."""
    audio = noise(rng, 1, 48000 * 20)
    level = np.full(audio.shape[1], 10 ** (-60 / 20), np.float32)
    level[: 48000 * 5] = level[48000 * 15 :] = 10 ** (-20 / 20)
    jumping = whole(_core.Separator(48000, 1, toy_model), level * audio)[..., 1536:] / level
    quiet = whole(_core.Separator(48000, 1, toy_model), level[48000 * 6] * audio)[..., 1536:] / level[48000 * 6]
    loud = whole(_core.Separator(48000, 1, toy_model), level[0] * audio)[..., 1536:] / level[0]
    np.testing.assert_allclose(jumping[..., : 48000 * 5 - 1536], loud[..., : 48000 * 5 - 1536], atol=1e-5)
    for wanted, stretch in ((quiet, slice(48000 * 12, 48000 * 15 - 1536)), (loud, slice(48000 * 17, None))):
        error = jumping[..., stretch] - wanted[..., stretch]  # the toy's memory is long
        assert np.sqrt(np.mean(error**2)) < 0.1 * np.sqrt(np.mean(wanted[..., stretch] ** 2))


def test_one_mask_serves_all_channels(toy_model: _core.Model, rng: np.random.Generator) -> None:
    mono = noise(rng, 1, 8000)
    stems = whole(_core.Separator(48000, 1, toy_model), mono)
    same = whole(_core.Separator(48000, 8, toy_model), np.repeat(mono, 8, axis=0))
    np.testing.assert_allclose(same, np.repeat(stems, 8, axis=1), atol=1e-6)
    panned = whole(_core.Separator(48000, 2, toy_model), np.concatenate([mono, -0.5 * mono]))
    np.testing.assert_allclose(panned[:, 1], -0.5 * panned[:, 0], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_passes_through_and_reset_recovers(bad: float, any_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 1, 6000)
    broken = audio.copy()
    broken[0, 1000] = bad
    for stream in make_streams(any_model, 16000):
        expected = whole(stream, audio)
        output = stream.process(broken)
        assert not np.isfinite(output[..., 1000 + stream.latency_samples]).any()
        stream.reset()
        assert np.array_equal(whole(stream, audio), expected)


def test_silence_stays_silence(any_model: _core.Model) -> None:
    for stream in make_streams(any_model, 48000, 2):
        assert not whole(stream, np.zeros((2, 10_000), np.float32)).any()


def test_denormals_are_flushed_inside_and_only_there(toy_model: _core.Model) -> None:
    tiny = np.float32(1e-40)
    assert tiny * np.float32(0.5) != 0
    for stream in make_streams(toy_model, 48000):
        output = whole(stream, np.full((1, 10_000), tiny))
        assert not output[..., stream.latency_samples :].any()
        # on this thread denormals must count as before, whatever the core set
        assert tiny * np.float32(0.5) != 0
    toy_model.masks(np.zeros((3, toy_model.num_bins), np.float32))
    assert tiny * np.float32(0.5) != 0


def test_gains_before_the_first_sample_hold_at_once(toy_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 1, 6000)
    expected = whole(_core.Remixer(16000, 1, toy_model, GAINS), audio)
    remixer = _core.Remixer(16000, 1, toy_model, [1, 1, 1])
    remixer.set_gains(GAINS)
    assert remixer.gains == list(GAINS)
    assert np.array_equal(remixer.process(audio), expected[:, :6000])
    remixer.set_gains([0, 0, 0])
    remixer.reset()  # snaps to what was asked for last
    assert not remixer.process(audio).any()


def test_gains_change_without_a_click_and_arrive(toy_model: _core.Model) -> None:
    remixer = _core.Remixer(48000, 1, toy_model, [1, 1, 1])
    hop = remixer.hop_length
    audio = np.ones((1, 40 * hop), np.float32)
    before = remixer.process(audio[:, : 20 * hop + 100])
    remixer.set_gains([0.25, 0.25, 0.25])
    output = np.concatenate([before, remixer.process(audio[:, 20 * hop + 100 :])], axis=1)[0]
    np.testing.assert_allclose(output[3 * hop : 20 * hop], 1, atol=1e-5)
    np.testing.assert_allclose(output[26 * hop :], 0.25, atol=1e-5)
    assert np.abs(np.diff(output[3 * hop :])).max() < 0.75 / hop  # a third of the way takes a hop
    assert (np.diff(output[3 * hop :]) < 1e-5).all()


def test_constant_gains_set_again_change_nothing(toy_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 1, 20_000)
    expected = whole(_core.Remixer(48000, 1, toy_model, GAINS), audio)
    remixer = _core.Remixer(48000, 1, toy_model, GAINS)
    outputs = []
    for start in range(0, 20_000, 333):
        remixer.set_gains(GAINS)
        outputs.append(remixer.process(audio[:, start : start + 333]))
    assert np.array_equal(np.concatenate([*outputs, remixer.flush()], axis=1), expected)


@pytest.mark.parametrize("gains", [[1, 1], [1, 1, 1, 1], [1, float("nan"), 1], [float("inf"), 1, 1]])
def test_unusable_gains_are_refused_and_change_nothing(gains: list[float], toy_model: _core.Model) -> None:
    with pytest.raises(ValueError, match="gain"):
        _core.Remixer(48000, 1, toy_model, gains)
    remixer = _core.Remixer(48000, 1, toy_model, GAINS)
    with pytest.raises(ValueError, match="gain"):
        remixer.set_gains(gains)
    assert remixer.gains == list(GAINS)


def test_properties_say_what_was_asked_for(toy_model: _core.Model) -> None:
    for stream in make_streams(toy_model, 44100, 2):
        assert stream.model is toy_model
        assert (stream.sample_rate, stream.channels, stream.stem_names) == (44100, 2, STEMS)
        assert (stream.win_length, stream.hop_length, stream.latency_samples) == (1408, 704, 1408)


@pytest.mark.parametrize(("sample_rate", "channels"), [(7999, 1), (192001, 1), (48000, 0), (48000, 9), (48000, -1)])
def test_unusable_settings_are_refused(sample_rate: float, channels: int, toy_model: _core.Model) -> None:
    with pytest.raises(ValueError, match=r"must be .*got"):
        _core.Separator(sample_rate, channels, toy_model)


def test_audio_says_what_it_wants(toy_model: _core.Model) -> None:
    separator = _core.Separator(48000, 2, toy_model)
    refused: list[tuple[object, type[Exception], str]] = [
        (np.zeros((2, 10)), TypeError, r"float32 numpy array of shape \(channels, samples\), got float64"),
        (np.zeros((2, 10), np.int16), TypeError, "got int16"),
        (np.zeros((2, 10), ">f4"), TypeError, "got >f4"),
        ([[0.0], [0.0]], TypeError, "got list"),
        (np.zeros(10, np.float32), ValueError, r"got shape \(10,\)"),
        (np.zeros((1, 10), np.float32), ValueError, r"must have 2 channels, got shape \(1, 10\)"),
        (np.zeros((10, 2), np.float32).T, ValueError, "contiguous"),
    ]
    for audio, error, message in refused:
        with pytest.raises(error, match=message):
            separator.process(audio)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _core.Separator(48000, 2, None)  # type: ignore[arg-type]


def test_rows_may_lie_apart(toy_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 4, 9000)
    view = audio[::2, 1000:8000]
    separator = _core.Separator(48000, 2, toy_model)
    assert np.array_equal(whole(separator, view), whole(separator, np.ascontiguousarray(view)))


def test_a_stream_in_steps_gives_what_it_gives_at_once(any_model: _core.Model, rng: np.random.Generator) -> None:
    """Each step in a thread of its own, one block ahead of the next step."""
    for sample_rate in (16000, 44100):
        for stream, other in zip(*(make_streams(any_model, sample_rate, 2) for _ in range(2)), strict=True):
            audio = noise(rng, 2, 3 * sample_rate)
            expected = whole(other, audio)
            stream.prepare(sample_rate)
            silence = np.zeros((2, stream.latency_samples), np.float32)
            blocks = [*np.split(audio, [100, sample_rate, sample_rate + 1, 2 * sample_rate], axis=1), silence]
            rendered = []
            with ThreadPoolExecutor(3) as threads:
                heard: list[_core.Hops] = []
                for step in range(len(blocks) + 2):
                    work = []
                    if step < len(blocks):
                        work.append(threads.submit(stream.hear, blocks[step]))
                    if 0 < step <= len(blocks):
                        work.append(threads.submit(stream.estimate, heard[step - 1]))
                    if step > 1:
                        rendered.append(threads.submit(stream.render, heard[step - 2]))
                    for each in [*work, *rendered]:
                        each.result()
                    if step < len(blocks):
                        heard.append(work[0].result())
            output = np.concatenate([each.result() for each in rendered], axis=-1)
            late = stream.latency_samples - stream.hop_length
            end = late + audio.shape[1]
            assert np.array_equal(output[..., late:end], expected[..., stream.latency_samples :])
