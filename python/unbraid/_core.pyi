# ruff: noqa: PYI021 - editors and the documentation read these docstrings: there is no Python source to hold them
"""The C++ core: models, streams, and the limits of both. The package's own classes check what they hand on to it.

Audio is (channels, samples), C-contiguous float32; anything else is refused with TypeError or ValueError, never
converted, but copied where it is not aligned. One thread at a time per object (RuntimeError); other Python threads run
while it works.
"""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__version__: str
MIN_SAMPLE_RATE: int
MAX_SAMPLE_RATE: int
MAX_CHANNELS: int
MAX_GAIN_DB: float
FADER_TOP_DB: float
FADER_BOTTOM_DB: float

class ModelError(ValueError):
    """No model can be had: there is none of that name, or the file does not keep the contract.

    The message names the file, and the key or tensor that is wrong. A ValueError, too.
    """

class ModelInfo:
    """What a model file says of itself, without its graph; `read_model_info` makes it."""

    def latency_samples(self, sample_rate: float) -> int:
        """The delay of a stream at this rate in Hz, in samples. Raises ValueError for a rate outside 8000 to 192000."""

    @property
    def name(self) -> str:
        """The model's own name."""

    @property
    def task(self) -> str:
        """What it takes apart, in a few words."""

    @property
    def stem_names(self) -> tuple[str, ...]:
        """Its stems, in the order of the masks."""

    @property
    def bin_hz(self) -> float:
        """The distance of its bins in Hz."""

    @property
    def num_bins(self) -> int:
        """How many bins it knows, from 0 Hz up."""

    @property
    def num_bands(self) -> int:
        """How many bands of bins its graph sees; as many as bins where it has no bands."""

    @property
    def win_seconds(self) -> float:
        """The length of its window."""

    @property
    def hop_seconds(self) -> float:
        """The time from one frame to the next."""

    @property
    def window(self) -> str:
        """The kind of window: "hann_sqrt"."""

    @property
    def lookahead_frames(self) -> int:
        """How many hops later than its frame a mask comes out."""

    @property
    def channels(self) -> tuple[str, ...]:
        """What its graph hears of a signal's channels: ("mid",), or ("mid", "side") with masks for each of them."""

    @property
    def mask(self) -> str:
        """The kind of masks: "real", or "embedding", of which the core makes masks by clustering."""

    @property
    def embedding(self) -> int:
        """The values of an embedding; 0 without them."""

    @property
    def sharpness(self) -> float:
        """That of the softmax over the cosines to the centres; 0 without embeddings."""

    @property
    def streams(self) -> bool:
        """Whether it runs in streams; one of embeddings separates whole signals only."""

    @property
    def more_stem_names(self) -> tuple[str, ...]:
        """Further stems, found if asked for."""

    @property
    def metadata(self) -> dict[str, str]:
        """All that the file says, by key, without the prefix `unbraid.`"""

class Model:
    """A checked model file, ready to run. It does not change, and any number of streams and threads may share it.

    Its graph has been tried for a few hops, within seconds. A pickle holds its path, not the file.

    Raises ModelError for a file that is no model, FileNotFoundError or another OSError for one that cannot be read,
    RuntimeError where ONNX Runtime cannot be loaded. `unbraid.load_model` loads each file only once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None: ...
    def latency_samples(self, sample_rate: float) -> int:
        """The delay of a stream at this rate in Hz, in samples. Raises ValueError for a rate outside 8000 to 192000."""

    def check_streams(self) -> None:
        """Raises ModelError unless it runs in streams."""

    def masks(self, power: NDArray[np.float32], frames_per_run: int = 1) -> NDArray[np.float32]:
        """Masks (num_frames, stems, num_bins) for power (num_frames, num_bins), both float32.

        Of a model whose `channels` are mid and side, (num_frames, 2, stems, num_bins) for (num_frames, 2, num_bins).

        Frame by frame from the initial states, as a stream runs it (or so many in a run of the network, 1 to 16), but
        for the level: a stream brings what is very quiet or loud nearer to the usual, here power is taken as it is. It
        is 1 for a full-scale sine on its bin. Raises TypeError or ValueError for an array of another type or shape,
        RuntimeError if the model fails or a run takes it seconds.
        """

    def embeddings(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings (num_frames, bands, embedding) for power (num_frames, num_bins), all frames at once, both float32.

        Raises ModelError for a model that has masks, else what `masks` does.
        """

    def __copy__(self) -> Model:
        """Itself, for it does not change."""

    def __deepcopy__(self, memo: dict[int, object]) -> Model:
        """Itself, for it does not change."""

    @property
    def path(self) -> str:
        """Where the file lies."""

    @property
    def states(self) -> dict[str, tuple[int, ...]]:
        """What it remembers from hop to hop: the inputs of its graph that are states, and their shapes."""

    @property
    def num_nodes(self) -> int:
        """The nodes of its graph that each run goes through; those that are computed once are not counted."""

    @property
    def frames_per_run(self) -> int:
        """How many hops of a long block share a run of the network.

        1 for a model that is slow, or whose masks come out otherwise, by a bit or more, when frames share a run.
        """

    @property
    def one_frame_reason(self) -> str:
        """Why `frames_per_run` is 1; empty where it is more."""

    def find_halves(self) -> str:
        """Why two threads cannot share the network of a stream, each with half of its graph; empty if they can.

        They can where each state stays in one half, and where a trial shows that no bit of masks and states changes.
        The first time this takes about as long as opening the model.
        """

    @property
    def name(self) -> str:
        """The model's own name."""

    @property
    def task(self) -> str:
        """What it takes apart, in a few words."""

    @property
    def stem_names(self) -> tuple[str, ...]:
        """Its stems, in the order of the masks."""

    @property
    def bin_hz(self) -> float:
        """The distance of its bins in Hz."""

    @property
    def num_bins(self) -> int:
        """How many bins it knows, from 0 Hz up."""

    @property
    def num_bands(self) -> int:
        """How many bands of bins its graph sees; as many as bins where it has no bands."""

    @property
    def win_seconds(self) -> float:
        """The length of its window."""

    @property
    def hop_seconds(self) -> float:
        """The time from one frame to the next."""

    @property
    def window(self) -> str:
        """The kind of window: "hann_sqrt"."""

    @property
    def lookahead_frames(self) -> int:
        """How many hops later than its frame a mask comes out."""

    @property
    def channels(self) -> tuple[str, ...]:
        """What its graph hears of a signal's channels: ("mid",), or ("mid", "side") with masks for each of them."""

    @property
    def mask(self) -> str:
        """The kind of masks: "real", or "embedding", of which the core makes masks by clustering."""

    @property
    def embedding(self) -> int:
        """The values of an embedding; 0 without them."""

    @property
    def sharpness(self) -> float:
        """That of the softmax over the cosines to the centres; 0 without embeddings."""

    @property
    def streams(self) -> bool:
        """Whether it runs in streams; one of embeddings separates whole signals only."""

    @property
    def more_stem_names(self) -> tuple[str, ...]:
        """Further stems, found if asked for."""

    @property
    def metadata(self) -> dict[str, str]:
        """All that the file says, by key, without the prefix `unbraid.`"""

class Hops:
    """Whole hops of a stream on their way through its steps: `hear`, `estimate`, `render`."""

class Separator:
    """Separates a stream into stems; the contract is that of `unbraid.Separator`.

    Raises ValueError for a rate outside 8000 to 192000 Hz and for channels other than 1 to 8.
    """

    def __init__(self, sample_rate: float, channels: int, model: Model) -> None: ...
    def process(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channels, samples) to (stems, channels, samples). RuntimeError if the model fails, then `reset` it."""

    def flush(self) -> NDArray[np.float32]:
        """The tail, (stems, channels, latency_samples); then the object is as new."""

    def reset(self) -> None:
        """Back to the state of a new object."""

    def prepare(self, max_block: int) -> None:
        """Lets the hops of blocks of so many samples, as far as the model allows, share the network's runs."""

    def hear(self, audio: NDArray[np.float32]) -> Hops:
        """The first of three steps that do what `process` does, and may be busy in three threads at once, each of them
        with all hops in their order: those that (channels, samples) make whole. The rest waits for what comes next."""

    def estimate(self, hops: Hops) -> None:
        """The second step, the network. RuntimeError if the model fails, then `reset` the object."""

    def halve(self) -> None:
        """Makes two steps of the second, if the model's network has halves (`Model.find_halves`); without any, all of
        it is the second of the two."""

    def estimate_first_half(self, hops: Hops) -> None:
        """`estimate`, the first half of it. A thread of its own may do so with later hops than the second half's."""

    def estimate_second_half(self, hops: Hops) -> None:
        """`estimate`, the rest of it, after the first half."""

    def render(self, hops: Hops) -> NDArray[np.float32]:
        """The third step: the output of `process` for these hops, from one hop of it on: a shorter delay by that."""

    @property
    def model(self) -> Model:
        """The model at work; other streams may share it."""

    @property
    def sample_rate(self) -> float:
        """The rate of the stream in Hz."""

    @property
    def channels(self) -> int:
        """How many channels each block must have."""

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The model's stems, in the order in which they come out."""

    @property
    def win_length(self) -> int:
        """The length of a window in samples of this rate."""

    @property
    def hop_length(self) -> int:
        """The samples from one frame to the next."""

    @property
    def latency_samples(self) -> int:
        """The constant delay of the output behind the input."""

class Remixer:
    """Mixes a stream's stems anew with linear gains, one per stem; all gains 1 give the delayed input.

    Raises what Separator does, and ValueError for another number of gains or one that is not finite.
    """

    def __init__(self, sample_rate: float, channels: int, model: Model, gains: Sequence[float]) -> None: ...
    def process(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channels, samples) to (channels, samples). RuntimeError if the model fails, then `reset` it."""

    def flush(self) -> NDArray[np.float32]:
        """The tail, (channels, latency_samples); then the object is as new, but for its gains."""

    def reset(self) -> None:
        """Back to the state of a new object."""

    def prepare(self, max_block: int) -> None:
        """Lets the hops of blocks of so many samples, as far as the model allows, share the network's runs."""

    def hear(self, audio: NDArray[np.float32]) -> Hops:
        """The first of three steps that do what `process` does, and may be busy in three threads at once, each of them
        with all hops in their order: those that (channels, samples) make whole. The rest waits for what comes next."""

    def estimate(self, hops: Hops) -> None:
        """The second step, the network. RuntimeError if the model fails, then `reset` the object."""

    def halve(self) -> None:
        """Makes two steps of the second, if the model's network has halves (`Model.find_halves`); without any, all of
        it is the second of the two."""

    def estimate_first_half(self, hops: Hops) -> None:
        """`estimate`, the first half of it. A thread of its own may do so with later hops than the second half's."""

    def estimate_second_half(self, hops: Hops) -> None:
        """`estimate`, the rest of it, after the first half."""

    def render(self, hops: Hops) -> NDArray[np.float32]:
        """The third step: the output of `process` for these hops, from one hop of it on: a shorter delay by that."""

    def set_gains(self, gains: Sequence[float]) -> None:
        """New linear gains, one per stem, faded in over three hops; before any audio they hold at once."""

    @property
    def gains(self) -> list[float]:
        """The linear gains that were last set."""

    @property
    def model(self) -> Model:
        """The model at work; other streams may share it."""

    @property
    def sample_rate(self) -> float:
        """The rate of the stream in Hz."""

    @property
    def channels(self) -> int:
        """How many channels each block must have."""

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The model's stems, in the order in which they come out."""

    @property
    def win_length(self) -> int:
        """The length of a window in samples of this rate."""

    @property
    def hop_length(self) -> int:
        """The samples from one frame to the next."""

    @property
    def latency_samples(self) -> int:
        """The constant delay of the output behind the input."""

class WholeSignal:
    """Separates one whole signal with a model of embeddings: each cluster of them is a talker.

    It hears 24 s at once, with 4 s in common with the 24 s before, so its memory does not grow with the signal. How the
    signal is cut into blocks makes no difference. Raises ModelError for a model of another kind, ValueError for a rate
    outside 8000 to 192000 Hz, channels other than 1 to 8 and more talkers than the model can tell apart.
    """

    def __init__(self, sample_rate: float, channels: int, model: Model, talkers: int) -> None: ...
    def process(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channels, samples) to (talkers, channels, finished samples): none until a stretch is full."""

    def finish(self) -> NDArray[np.float32]:
        """What is left, (talkers, channels, samples): as many samples came out as went in."""

class Stft:
    """One frame to its spectrum and back, as the streams do it. `win_length` is even, has no prime factor above 11 and
    is a multiple (2 or more) of `hop_length`; else ValueError.
    """

    def __init__(self, win_length: int, hop_length: int) -> None: ...
    def analyse(self, frame: NDArray[np.float32]) -> NDArray[np.complex64]:
        """(win_length,) to (num_bins,), windowed."""

    def synthesise(self, spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
        """(num_bins,) to (win_length,), windowed and ready to overlap and add."""

    @property
    def win_length(self) -> int:
        """The samples of a frame."""

    @property
    def hop_length(self) -> int:
        """The samples from one frame to the next."""

    @property
    def num_bins(self) -> int:
        """win_length / 2 + 1"""

    @property
    def power_scale(self) -> float:
        """|spectrum|² times this is 1 for a full-scale sine on its bin."""

def cluster(points: NDArray[np.float32], weights: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Centres (count, size), of unit length, of points (points, size) by spherical k-means with weights (points,).

    Seeded by k-means++, the best of four restarts; the same points give the same centres. Zeros for no points.
    """

def stft_sizes(sample_rate: float, win_seconds: float, hop_seconds: float) -> tuple[int, int]:
    """(win_length, hop_length) of a model at a rate in Hz.

    The nearest even length without a prime factor above 11 that divides into whole hops. Raises ValueError for a rate
    outside 8000 to 192000 Hz, and for a window that is not a whole number (2 or more) of hops.
    """

def read_model_info(path: str | os.PathLike[str]) -> ModelInfo:
    """What a model file says of itself, without opening its graph: no ONNX Runtime is needed.

    Raises ModelError if it does not keep the contract, OSError if it cannot be read.
    """

def find_problems(path: str | os.PathLike[str]) -> list[str]:
    """All that keeps a file from being a Model, a line each; none where it is one.

    Raises OSError if it cannot be read, RuntimeError where ONNX Runtime is missing.
    """

def set_runtime_library(path: str | os.PathLike[str]) -> None:
    """Where ONNX Runtime's shared library lies, unless UNBRAID_ORT_LIBRARY says otherwise.

    Has no effect after the first model was opened.
    """
