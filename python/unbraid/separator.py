"""Separation into stems, and stems mixed anew: streams block by block, and whole signals at once."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import ArrayLike

from . import _core
from ._checks import (
    Audio,
    Gain,
    as_audio,
    check_channels,
    check_finite,
    check_sample_rate,
    gain_to_db,
    gains_by_stem,
    shown,
)
from .registry import DEFAULT_MODEL, load_model

ModelLike = str | os.PathLike[str] | _core.Model

# Long enough to run many frames per call, short enough that Ctrl-C is heard.
BLOCK_SECONDS = 4


class Stream(Protocol):
    """What Separator and Remixer share: all that is needed to run one over a whole signal."""

    @property
    def latency_samples(self) -> int: ...
    def process(self, audio: ArrayLike, *, reset: bool = False) -> Audio: ...
    def flush(self) -> Audio: ...


class _Stream:
    """Validation and book-keeping over a stream of the core."""

    _stream: _core.Separator | _core.Remixer

    def __init__(self, sample_rate: float, channels: int, model: ModelLike) -> None:
        self._sample_rate = check_sample_rate(sample_rate)
        self._channels = check_channels(channels)
        self._model = load_model(model)
        self._mono = False

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Neither copies nor pickles: what a stream has heard belongs to one stream."""
        kind = type(self).__name__
        raise TypeError(
            f"a {kind} cannot be copied or pickled, for it holds what its stream has heard: make one per worker, "
            f"{kind}(sample_rate, channels, model)"
        )

    @property
    def sample_rate(self) -> float:
        """The rate of the stream in Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """How many channels each block must have."""
        return self._channels

    @property
    def model(self) -> _core.Model:
        """The model at work; other streams may share it."""
        return self._model

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The model's stems, in the order in which they come out."""
        return tuple(self._model.stem_names)

    @property
    def latency_samples(self) -> int:
        """The constant delay of the output behind the input, in samples of this stream's rate."""
        return self._stream.latency_samples

    def process(self, audio: ArrayLike, *, reset: bool = False) -> Audio:
        """Takes the next block, of any length, and gives as many samples back.

        `audio` is (channels, samples), or 1-D for a stream of one channel, float32 or float64. What comes back is
        float32, and 1-D per stem where the block was. `reset=True` forgets what was heard before it, as `reset` does.

        Raises TypeError or ValueError for an array of another type or shape, before anything is heard; RuntimeError if
        the model fails (then `reset` before going on) or another thread is using this stream.
        """
        block = as_audio(audio)
        given = block.shape[0] if block.ndim == 2 else 1
        if given != self._channels:
            raise ValueError(f"expected {self._channels} channels, got {given} (shape {block.shape})")
        if reset:
            self.reset()
        self._mono = block.ndim == 1
        return self._shaped(self._stream.process(block.reshape(self._channels, -1)))

    def flush(self) -> Audio:
        """The last `latency_samples` samples of output, shaped as the last block was. Then the stream is as new."""
        tail = self._shaped(self._stream.flush())
        self.reset()
        return tail

    def reset(self) -> None:
        """Forgets all that was heard: the stream is as new. A `Remixer` keeps its gains."""
        self._stream.reset()
        self._mono = False

    def _shaped(self, audio: Audio) -> Audio:
        return audio[..., 0, :] if self._mono else audio


class Separator(_Stream):
    """Separates a stream into stems, block by block::

        separator = unbraid.Separator(48000, channels=2)
        for block in stream:                    # (2, samples), any number of samples
            stems = separator.process(block)    # (stems, 2, samples), in the order of stem_names
        tail = separator.flush()                # (stems, 2, latency_samples)

    The contract:

    - As many samples come out as went in. How a signal is cut into blocks makes no difference: the output is the
      same to the last bit.
    - The output lags the input by `latency_samples`, a constant. `flush` returns what is still inside, so a whole
      signal comes out behind `latency_samples` samples of silence.
    - The stems sum to the (delayed) input, to rounding.
    - All channels of a stem share one mask: the stereo image is kept.
    - A block of (channels, samples) gives (stems, channels, samples); a 1-D block, for one channel, gives
      (stems, samples).
    - `reset` makes the stream as new. NaN and infinity pass through as they are and spoil what follows, until `reset`.
    - One stream belongs to one thread at a time. Streams of one model share its session, and the interpreter is free
      for other threads while they work.

    `sample_rate` is 8000 to 192000 Hz, `channels` 1 to 8. Raises TypeError or ValueError for anything else, ModelError
    for a model that cannot be had, RuntimeError where ONNX Runtime is missing.
    """

    _stream: _core.Separator

    def __init__(self, sample_rate: float, channels: int, model: ModelLike = DEFAULT_MODEL) -> None:
        super().__init__(sample_rate, channels, model)
        self._stream = _core.Separator(self._sample_rate, self._channels, self._model)


class Remixer(_Stream):
    """Separates a stream and mixes the stems anew, each with its own gain in dB::

        remixer = unbraid.Remixer(48000, channels=2, music_db=-12, noise_db="mute")
        output = remixer.process(block)         # (2, samples)

    A gain is a number in dB up to 60, or "mute" (as is -inf). `gains_db={"music": -12, "noise": "mute"}` says the same
    for a model whose stems are not known beforehand. Stems not named stay at 0 dB. `process` gives back the shape it
    was given; the rest of the contract is `Separator`'s, and so are the errors, with TypeError for a gain of a stem
    that the model does not have and ValueError for one above 60 dB. It costs less than separating: one output to build
    instead of one per stem.
    """

    _stream: _core.Remixer

    def __init__(
        self,
        sample_rate: float,
        channels: int,
        model: ModelLike = DEFAULT_MODEL,
        gains_db: Mapping[str, Gain] | None = None,
        **gains: Gain,
    ) -> None:
        super().__init__(sample_rate, channels, model)
        self._gains = dict.fromkeys(self.stem_names, 1.0) | gains_by_stem(gains_db, gains, self.stem_names)
        self._stream = _core.Remixer(self._sample_rate, self._channels, self._model, list(self._gains.values()))

    @property
    def gains_db(self) -> dict[str, float]:
        """Where the faders stand, by stem, in dB; -inf is mute."""
        return {stem: gain_to_db(gain) for stem, gain in self._gains.items()}

    def set_gains(self, gains_db: Mapping[str, Gain] | None = None, **gains: Gain) -> None:
        """Moves the named stems' faders; the others stay. Raises what the constructor does, and then moves none.

        While the stream runs, a fader takes three hops (48 ms with our models) to arrive. Before the first sample it is
        there at once.
        """
        self._gains |= gains_by_stem(gains_db, gains, self.stem_names)
        self._stream.set_gains(list(self._gains.values()))


def separate(
    audio: ArrayLike, sample_rate: float, model: ModelLike = DEFAULT_MODEL, *, talkers: int | None = None
) -> dict[str, Audio]:
    """Separates a whole signal: stem name to audio of the input's shape, aligned with the input.

    `audio` is (channels, samples), or 1-D for mono, float32 or float64, at `sample_rate` Hz; the stems are float32 and
    sum to it, to rounding. `talkers` says how many people a model that tells people apart looks for, 2 if it is not
    given; other models have no such choice.

    Raises TypeError or ValueError for audio that is not such an array or not finite and for a
    rate or a number of channels out of range, ModelError for a model that cannot be had, RuntimeError where ONNX
    Runtime is missing or fails.
    """
    mixture = whole_signal(audio)
    channels = channel_count(mixture)
    names, separated = separation(sample_rate, channels, load_model(model), talkers)
    stems = {name: np.empty_like(mixture) for name in names}
    position = 0
    for estimates in separated(blocks_of(mixture.reshape(channels, -1), sample_rate)):
        if mixture.ndim == 1:
            estimates = estimates[:, 0]
        end = position + estimates.shape[-1]
        for stem, estimate in zip(stems.values(), estimates, strict=True):
            stem[..., position:end] = estimate
        position = end
    return stems


def stems_asked_for(model: _core.Model, talkers: int | None) -> tuple[str, ...]:
    """The stems that a model gives for so many talkers; ValueError or TypeError for a number that it cannot give."""
    if talkers is None:
        return tuple(model.stem_names)
    if isinstance(talkers, bool) or not isinstance(talkers, int | np.integer):
        raise TypeError(f"talkers must be an integer, got {type(talkers).__name__}")
    if model.streams:
        stems = ", ".join(model.stem_names)
        raise ValueError(f"talkers={talkers} is for models that tell people apart; {shown(model.name)} has {stems}")
    names = (*model.stem_names, *model.more_stem_names)
    if not 2 <= talkers <= len(names):
        raise ValueError(f"talkers must be 2 to {len(names)} with this model, got {shown(talkers)}")
    return names[:talkers]


def separation(
    sample_rate: float, channels: int, model: _core.Model, talkers: int | None = None
) -> tuple[tuple[str, ...], Callable[[Iterable[Audio]], Iterator[Audio]]]:
    """The stems of a model, and what turns a signal's blocks (channels, samples) into them, (stems, channels, samples).

    As many samples come out as went in, aligned with them, but not block by block.
    """
    names = stems_asked_for(model, talkers)
    if model.streams:
        return names, functools.partial(aligned, Separator(sample_rate, channels, model))
    whole = talker_separator(sample_rate, channels, model, talkers)

    def separated(blocks: Iterable[Audio]) -> Iterator[Audio]:
        for block in blocks:
            yield whole.process(block)
        yield whole.finish()

    return names, separated


def talker_separator(sample_rate: float, channels: int, model: _core.Model, talkers: int | None) -> _core.WholeSignal:
    count = len(stems_asked_for(model, talkers))
    return _core.WholeSignal(check_sample_rate(sample_rate), check_channels(channels), model, count)


def remix(
    audio: ArrayLike,
    sample_rate: float,
    model: ModelLike = DEFAULT_MODEL,
    gains_db: Mapping[str, Gain] | None = None,
    **gains: Gain,
) -> Audio:
    """Mixes a whole signal's stems anew, as in `remix(audio, 48000, music_db=-12, noise_db="mute")`.

    Gains are those of `Remixer`. The result has the input's shape, (channels, samples) or (samples,), as float32, and
    is aligned with it. Raises what `separate` does.
    """
    mixture = whole_signal(audio)
    remixer = Remixer(sample_rate, channel_count(mixture), model, gains_db, **gains)
    return np.concatenate(list(aligned(remixer, blocks_of(mixture, sample_rate))), axis=-1)


def aligned(stream: Stream, blocks: Iterable[Audio]) -> Iterator[Audio]:
    """The stream's output for all blocks with the latency cut off its front: as many samples as went in."""
    surplus = stream.latency_samples
    for block in blocks:
        output = stream.process(block)
        cut = min(surplus, output.shape[-1])
        surplus -= cut
        yield output[..., cut:]
    yield stream.flush()[..., surplus:]


def whole_signal(audio: ArrayLike) -> Audio:
    mixture = as_audio(audio)
    check_finite(mixture)
    return mixture


def channel_count(mixture: Audio) -> int:
    return mixture.shape[0] if mixture.ndim == 2 else 1


def blocks_of(mixture: Audio, sample_rate: float) -> Iterator[Audio]:
    """Consecutive blocks; one empty block for an empty signal, so that a stream learns its shape."""
    length = int(BLOCK_SECONDS * sample_rate)
    for start in range(0, max(mixture.shape[-1], 1), length):
        yield mixture[..., start : start + length]
