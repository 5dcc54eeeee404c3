"""A pedalboard chain per stem, kept in step and summed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Protocol, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from ._checks import Audio, as_audio, check_sample_rate, shown
from .files.input_file import InputFile
from .files.pipeline import Step
from .files.processing import Progress, process_file
from .registry import DEFAULT_MODEL, load_model
from .separator import ModelLike, Separator, channel_count, whole_signal

# What the chains are fed at a time: always as much, because an effect may depend on it and a result must not depend
# on how the audio was cut up. It also keeps pedalboard, which guesses an array's layout, from guessing wrong.
BLOCK_SAMPLES = 512
# A chain that gives nothing back for so long is broken, not latent.
MAX_LATENCY_SECONDS = 30.0


class Effect(Protocol):
    """What a chain must do; pedalboard's plug-ins and Pedalboards do. (channels, samples) float32 in and out."""

    def process(self, input_array: Audio, sample_rate: float, buffer_size: int, reset: bool) -> Audio: ...


Chain = Effect | Sequence[Effect] | None


class StemRack:
    """Sends each stem through a chain of its own and sums what comes out, whatever the latencies of the chains::

        rack = unbraid.StemRack({"speech": Pedalboard([Compressor(), Gain(3)]), "music": Gain(-12), "noise": None})
        output = rack.process(audio, 48000)

    A chain is a `Pedalboard`, a plug-in or a list of them, or anything of your own with their `process`. None mutes
    its stem; a stem that is not named stays as it is.

    `process` follows pedalboard: with `reset=True`, the default, it takes a whole signal and gives it back aligned and
    as long. With `reset=False` it takes the next block of a stream, of any length; what comes back is aligned with the
    start of the stream, too, so the first blocks come back shorter, and `flush` gives the rest. How a stream is cut
    into blocks changes no bit of it. (pedalboard's own `Mix` of chains with unequal latencies goes out of step when
    streaming.) One thread at a time; the chains belong to the rack while it streams.

    Raises ValueError for a stem that the model does not have, TypeError for what is no chain, ModelError for a model
    that cannot be had.
    """

    def __init__(self, chains: Mapping[str, Chain], model: ModelLike = DEFAULT_MODEL) -> None:
        self._model = load_model(model)
        self._model.check_streams()
        if not isinstance(chains, Mapping):
            raise TypeError(f"chains must map stem names to chains, got {type(chains).__name__}")
        unknown = [name for name in chains if name not in self._model.stem_names]
        if unknown:
            raise ValueError(f"unknown stem {shown(unknown[0])}; this model has {', '.join(self._model.stem_names)}")
        self._effects = {name: as_effects(name, chains.get(name, ())) for name in self._model.stem_names}
        self._stream: _Stream | None = None

    def __copy__(self) -> NoReturn:
        raise TypeError("a copy of a StemRack would share its chains: use copy.deepcopy, or make one per worker")

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[StemRack], tuple[object, ...]]:
        """Its settings: chains and model. What is made of them begins with a new stream."""
        for name, effects in self._effects.items():
            try:
                for effect in effects or ():
                    effect.__reduce_ex__(protocol)
            except TypeError as error:
                raise TypeError(
                    f"the chain of {name!r} cannot be copied or pickled ({error}): make one StemRack per worker"
                ) from None
        return type(self), (self._effects, self._model)

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The model's stems: for each of them there can be a chain."""
        return tuple(self._model.stem_names)

    def process(self, audio: ArrayLike, sample_rate: float, buffer_size: int = 8192, reset: bool = True) -> Audio:
        """The sum of the processed stems, float32, shaped as `audio`: (channels, samples), or 1-D for mono.

        `sample_rate` is in Hz. `buffer_size` is there for pedalboard's sake and changes nothing: the chains are always
        fed 512 samples at a time. Raises what `separate` does, ValueError for a block of another format than the stream
        under way, RuntimeError for a chain that gives less back than it takes.
        """
        stems = self.process_stems(audio, sample_rate, buffer_size, reset)
        total: Audio = np.sum(list(stems.values()), axis=0, dtype=np.float32)
        return total

    def process_stems(
        self, audio: ArrayLike, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> dict[str, Audio]:
        """As `process`, with the processed stems apart: a dictionary of arrays by stem, all of the same length."""
        del buffer_size
        if not reset:
            return self._streaming(audio, sample_rate).push(as_audio(audio))
        mixture = whole_signal(audio)
        self.reset()
        stream = self._streaming(mixture, sample_rate)
        parts = [stream.push(mixture), stream.flush()]
        self.reset()
        return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in self.stem_names}

    def flush(self) -> Audio:
        """The rest of a stream: after it, as many samples came out as went in. Then a new stream may begin.

        Without a stream under way it is empty.
        """
        total: Audio = np.sum(list(self.flush_stems().values()), axis=0, dtype=np.float32)
        return total

    def flush_stems(self) -> dict[str, Audio]:
        """As `flush`, with the processed stems apart, by name."""
        if self._stream is None:
            return {name: np.zeros((1, 0), np.float32) for name in self.stem_names}
        tail = self._stream.flush()
        self.reset()
        return tail

    def reset(self) -> None:
        """Forgets what was heard; the chains forget it when the next stream begins."""
        self._stream = None

    def process_file(
        self,
        input: str | os.PathLike[str],  # noqa: A002 - the plain word for it
        output: str | os.PathLike[str],
        *,
        bit_depth: int | None = None,
        audio_track: int = 1,
        keep_going: bool = False,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Sends a whole file through the rack in constant memory, to a file of any format; returns its path.

        Everything else, errors too, is as in `remix_file`.
        """
        self.reset()

        def produced(mixture: InputFile, _threads: int) -> Sequence[Step]:
            def step(block: Audio | None) -> dict[str, Audio]:
                if block is not None:
                    return {"rack": self.process(block, mixture.sample_rate, reset=False)}
                if self._stream is not None:
                    return {"rack": self.flush()}
                return {"rack": np.zeros((mixture.channels, 0), np.float32)}  # an empty file has no stream

            return [step]

        target = Path(output)
        process_file(
            *(Path(input), {"rack": target}, produced),
            bit_depth=bit_depth,
            audio_track=audio_track,
            keep_going=keep_going,
            force=force,
            threads=1,  # chains are the caller's, and run in the caller's thread
            progress=progress,
        )
        return target

    def _streaming(self, audio: ArrayLike, sample_rate: float) -> _Stream:
        """The stream under way, or a new one; a new format needs a reset first, as a filter would."""
        block = as_audio(audio)
        channels, mono, rate = channel_count(block), block.ndim == 1, check_sample_rate(sample_rate)
        if self._stream is None:
            for effect in (effect for effects in self._effects.values() for effect in effects or ()):
                forget = getattr(effect, "reset", None)
                if callable(forget):
                    forget()
            self._stream = _Stream(Separator(rate, channels, self._model), self._effects, mono)
        elif self._stream.format != (rate, channels, mono):
            raise ValueError(
                f"the stream under way is {self._stream.describe()}, got {channels} channels at {rate:g} Hz; "
                "flush() or reset() it first"
            )
        return self._stream


class _Stream:
    """One signal's way through the rack."""

    def __init__(self, separator: Separator, effects: Mapping[str, list[Effect] | None], mono: bool) -> None:
        self.format = (separator.sample_rate, separator.channels, mono)
        self._separator = separator
        self._surplus = separator.latency_samples  # of silence ahead of the stems, still to be dropped
        self._lanes = {name: _Lane(effects[name], separator) for name in separator.stem_names}
        self._mono = mono
        self._taken = self._given = 0

    def describe(self) -> str:
        return f"{self.format[1]} channels at {self.format[0]:g} Hz"

    def push(self, block: Audio) -> dict[str, Audio]:
        block = block.reshape(self._separator.channels, -1)
        self._taken += block.shape[1]
        self._feed(self._separator.process(block))
        return self._pull(self._taken)

    def flush(self) -> dict[str, Audio]:
        self._feed(self._separator.flush())
        silence = np.zeros((self._separator.channels, BLOCK_SAMPLES), np.float32)
        fed, limit = 0, MAX_LATENCY_SECONDS * self._separator.sample_rate
        for name, lane in self._lanes.items():
            while self._given + lane.available < self._taken:
                lane.push(silence)
                if (fed := fed + BLOCK_SAMPLES) > limit:
                    raise RuntimeError(f"the chain of {name!r} gave back less than it took for {MAX_LATENCY_SECONDS} s")
        return self._pull(self._taken)

    def _feed(self, stems: Audio) -> None:
        cut = min(self._surplus, stems.shape[-1])
        self._surplus -= cut
        for lane, stem in zip(self._lanes.values(), stems[..., cut:], strict=True):
            lane.push(stem)

    def _pull(self, end: int) -> dict[str, Audio]:
        """What all lanes have, up to the end of the input."""
        count = min(end - self._given, *(lane.available for lane in self._lanes.values()))
        self._given += count
        pulled = {name: lane.pull(count) for name, lane in self._lanes.items()}
        return {name: audio[0] for name, audio in pulled.items()} if self._mono else pulled


class _Lane:
    """One stem's chain between two queues: whole blocks in, any number of samples out."""

    def __init__(self, effects: list[Effect] | None, separator: Separator) -> None:
        self._effects = effects
        self._sample_rate = separator.sample_rate
        self._waiting = np.zeros((separator.channels, 0), np.float32)
        self._done: list[Audio] = []
        self.available = 0

    def push(self, audio: Audio) -> None:
        if not self._effects:
            self._append(audio if self._effects is not None else np.zeros_like(audio))
            return
        self._waiting = np.concatenate([self._waiting, audio], axis=1)
        while self._waiting.shape[1] >= BLOCK_SAMPLES:
            block, self._waiting = np.split(self._waiting, [BLOCK_SAMPLES], axis=1)
            for effect in self._effects:
                if block.shape[1]:  # a latent effect may still hold everything back
                    block = effect.process(np.ascontiguousarray(block), self._sample_rate, BLOCK_SAMPLES, False)
            self._append(block)

    def pull(self, count: int) -> Audio:
        joined = np.concatenate([self._waiting[:, :0], *self._done], axis=1)
        self._done = [joined[:, count:]]
        self.available -= count
        return joined[:, :count]

    def _append(self, audio: Audio) -> None:
        self._done.append(audio)
        self.available += audio.shape[1]


def as_effects(name: str, chain: Chain) -> list[Effect] | None:
    """A chain as a list of effects; None for a muted stem."""
    if chain is None:
        return None
    effects: list[Effect] = list(chain) if isinstance(chain, Iterable) and not hasattr(chain, "process") else [chain]
    for effect in effects:
        if not callable(getattr(effect, "process", None)):
            raise TypeError(
                f"the chain of {name!r} must be a Pedalboard, a plug-in, a list of them or None, "
                f"got {type(effect).__name__}"
            )
    return effects
