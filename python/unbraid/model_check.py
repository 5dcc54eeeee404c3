"""Whether a model file is fit to be used: all that it lacks or gets wrong, how it runs, and what it costs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._core import Model
from .registry import ModelInfo, describe, find_model

Audio = NDArray[np.float32]  # (channels, samples)
Power = NDArray[np.float32]  # (num_frames, num_bins), or of mid and side (num_frames, 2, num_bins)

MASK_TOLERANCE = 1e-3  # of a mask: more than rounding makes
LEVELS = (0.0, 1e-9, 1e-6, 1e-3, 0.1, 1.0)  # of power, from silence to full scale
RUN = 16  # hops that share a run
QUICK_SECONDS = 0.5  # of a trial, after which it is left at what was tried
RATE, CHANNELS, AUDIO_SECONDS = 48000, 2, 8
SPENT_SECONDS = 1.0  # of the processor, from which on a cost is sure enough


@dataclass(frozen=True)
class ModelCheck:
    """What `check_model` found."""

    path: Path
    """Where the file lies."""
    problems: tuple[str, ...]
    """All that it lacks or gets wrong, a line each."""
    info: ModelInfo | None = None
    """What it says of itself; None unless it can be loaded, and then all else is as in a new object."""
    tensors: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    """Inputs and outputs of its graph but the states, by name, with their shapes; "T" is how many hops share a run."""
    states: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """What it remembers from hop to hop, by name, with its shape."""
    num_nodes: int = 0
    """The nodes of its graph that each run goes through. Live audio pays for each of them, every hop."""
    frames_per_run: int = 1
    """How many hops of a long block share a run of the network."""
    one_frame_reason: str = ""
    """Why that is 1; empty where it is more."""
    looks_ahead: bool | None = None
    """Whether masks change with hops that come later in the same run; None where that could not be tried."""
    live_cost: float = math.nan
    """CPU seconds for a second of stereo at 48 kHz, hop by hop; NaN for a model that does not stream."""
    file_cost: float = math.nan
    """CPU seconds for a second of stereo at 48 kHz, all at once."""

    @property
    def fit(self) -> bool:
        """Whether it keeps the contract and runs as it claims."""
        return not self.problems


def check_model(model: str | os.PathLike[str]) -> ModelCheck:
    """Checks a model given by its installed name or the path of its .onnx file, and tries it for some seconds.

    What is wrong with the file comes back as `problems`, all of it. Of a file that can be loaded, masks are tried from
    silence to full scale: they must be finite, between 0 and 1 and sum to one over the stems, must not depend on how
    many hops share a run (which only states that hold all the graph remembers achieve) nor on hops that come later.
    What it costs is measured on this machine, as busy as it is.

    Raises ModelError if there is no such file, OSError if it cannot be read, RuntimeError where ONNX Runtime is
    missing.
    """
    path = find_model(model)
    if problems := _core.find_problems(path):
        return ModelCheck(path, tuple(problems))
    loaded = Model(path)
    found: dict[str, Any] = {
        "info": describe(loaded, path, loaded.name),
        "states": loaded.states,
        "num_nodes": loaded.num_nodes,
        "frames_per_run": loaded.frames_per_run,
        "one_frame_reason": loaded.one_frame_reason,
    }
    planes = (2,) if loaded.channels == ("mid", "side") else ()
    bands = loaded.num_bands
    wrong: list[str] = []
    try:
        if loaded.streams:
            found["tensors"] = {
                "power": (1, "T", *planes, bands),
                "masks": (1, "T", *planes, len(loaded.stem_names), bands),
            }
            found["looks_ahead"] = try_masks(loaded, wrong)
            if not wrong:
                found["live_cost"], found["file_cost"] = costs_of_stream(loaded)
        else:
            found["tensors"] = {"power": (1, "T", bands), "embeddings": (1, "T", bands, loaded.embedding)}
            found["file_cost"] = cost(lambda audio: whole_signal(loaded, audio), AUDIO_SECONDS * RATE)
    except RuntimeError as error:
        wrong.append(str(error))
    return ModelCheck(path, tuple(wrong), **found)


def noise(model: Model, num_frames: int, seed: int) -> Power:
    """Power of noise, one level after the other."""
    shape = (num_frames, len(model.channels), model.num_bins)
    levels = np.resize(np.array(LEVELS, np.float32), (num_frames, 1, 1))
    power = np.random.default_rng(seed).random(shape, np.float32) * levels
    return power if len(model.channels) > 1 else power[:, 0]


def try_masks(model: Model, wrong: list[str]) -> bool | None:
    """Whether it looks ahead in a run, if that can be tried; adds what is wrong with its masks."""
    power = noise(model, 2 * RUN, 0)
    started = time.monotonic()
    masks = model.masks(power[: len(LEVELS)])
    slow = time.monotonic() - started > QUICK_SECONDS
    if not slow:
        masks = model.masks(power)
    sums = masks.sum(axis=-2)
    if (error := float(np.abs(sums - 1).max())) > MASK_TOLERANCE:
        wrong.append(f"masks must sum to 1 over the stems, but their sum is {sums.min():.5g} to {sums.max():.5g}")
    if slow:
        return None
    half = RUN // 2
    other = np.concatenate([power[:half], noise(model, RUN, 1)[half:]])
    try:
        together = model.masks(power, RUN)
        ahead = float(np.abs(together[:half] - model.masks(other, RUN)[:half]).max())
    except RuntimeError:  # with one hop alone it may run
        return None
    if ahead > MASK_TOLERANCE:
        wrong.append(
            f"masks change by {ahead:.2g} with hops that come later in the same run: the graph looks ahead, "
            "which a stream cannot"
        )
    elif (error := float(np.abs(together - masks).max())) > MASK_TOLERANCE:
        wrong.append(
            f"masks of hops that share a run differ by {error:.2g} from those one by one: "
            "its states do not hold all that it remembers"
        )
    return ahead > MASK_TOLERANCE


def costs_of_stream(model: Model) -> tuple[float, float]:
    """CPU seconds a second of audio takes hop by hop, and in long blocks."""
    stream = _core.Separator(RATE, CHANNELS, model)
    hop_length = stream.hop_length
    # The first runs cost more.
    stream.process(np.zeros((CHANNELS, model.frames_per_run * hop_length), np.float32))
    return cost(stream.process, hop_length), cost(stream.process, RUN * hop_length)


def whole_signal(model: Model, audio: Audio) -> None:
    stream = _core.WholeSignal(RATE, CHANNELS, model, 2)
    stream.process(audio)
    stream.finish()


def cost(separate: Callable[[Audio], object], block: int) -> float:
    """CPU seconds for a second of audio that comes in such blocks, of as many as make the figure sure."""
    audio = 0.1 * np.random.default_rng(0).standard_normal((CHANNELS, block), np.float32)
    started, done = time.process_time(), 0
    while not done or (done < AUDIO_SECONDS * RATE and time.process_time() - started < SPENT_SECONDS):
        separate(audio)
        done += block
    return (time.process_time() - started) * RATE / done
