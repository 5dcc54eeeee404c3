"""The network of the textbooks, Conv1D, MaxPooling, LSTM, Dense, softmax over the sources, made to separate live audio.

python examples/textbook_crnn.py STEMS textbook.onnx

STEMS is a folder with a folder of recordings for each stem, or a corpus of `unbraid.training.corpus`. It takes
pip install 'unbraid[train]' keras==3.15.1

What a textbook's network needs to become a separator, in the order of the code below:

- It hears frames: the logarithm of their magnitude, in bands. A level is then a shift, and no band drowns another.
- Convolution and pooling look back, not ahead, so that nothing has to be waited for: both see only frames that were.
- Pooling keeps the resolution in time. A pool that takes every second frame saves half of the LSTM's work, but then
  masks hold for two frames, and what comes out depends on which frame was the first. One with a stride of 1 has the
  pool's use, that a sound may come a frame earlier or later, and loses no frame.
- Its last layer has a mask for every stem and band, and the softmax is over the stems: they share the mixture.
- It is taught by the error of the stems that its masks give, not by labels of which stem is loudest.
- Its file has the memory as inputs and outputs, so that it runs hop by hop: docs/own-model.md.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from pedalboard.io import AudioFile

import unbraid
from unbraid.training.bands import DIALOGUE as BANDS
from unbraid.training.export import TOLERANCE, ExportError, metadata, toy_power, write_model
from unbraid.training.frames import HOP_LENGTH, SAMPLE_RATE, normalize_rms, spectra
from unbraid.training.graph import Graph, lstm
from unbraid.training.loop import LoopConfig
from unbraid.training.losses import band_loss
from unbraid.training.model import LOG_MEAN, LOG_STD, POWER_FLOOR
from unbraid.training.train import Mixtures

Samples = NDArray[np.float32]
Example = tuple[Samples, Samples]  # what the network hears, and what it is held against: see `mask_loss`

FILTERS, KERNEL, POOL, UNITS = 128, 3, 2, 192
PAST = KERNEL - 1 + POOL - 1  # frames before the newest that convolution and pooling see
SECONDS, BATCH = 3.0, 8  # of an example, examples in a step
LEARNING_RATE, WARMUP_STEPS = 3e-3, 20


def build_network(num_stems: int) -> keras.Model:
    """Power (batch, PAST + frames, bands) → masks (batch, frames, stems, bands)."""
    power = keras.Input((None, BANDS.num_bands))
    x = (keras.ops.log(power + POWER_FLOOR) - LOG_MEAN) / LOG_STD
    x = keras.layers.Conv1D(FILTERS, KERNEL, activation="relu", name="convolution")(x)
    x = keras.layers.MaxPooling1D(POOL, strides=1)(x)
    x = keras.layers.LSTM(UNITS, return_sequences=True, name="lstm")(x)
    x = keras.layers.Dense(num_stems * BANDS.num_bands, name="dense")(x)
    x = keras.layers.Reshape((-1, num_stems, BANDS.num_bands))(x)
    return keras.Model(power, keras.layers.Softmax(axis=2)(x))


def mask_loss(truth: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The error of the stems in dB, exact in band sums of power: `unbraid.training.bands` says how.

    truth (batch, frames, 1 + 2 · stems, bands): the mixture's power, its share with each stem, each stem's own power.
    """
    num_stems = masks.shape[2]
    mixture, cross, stems = truth.transpose(1, 2).split([1, num_stems, num_stems], dim=1)
    return band_loss(masks.transpose(1, 2), mixture.squeeze(1), cross, stems, masks.new_ones(num_stems))


class Schedule(keras.callbacks.Callback):  # type: ignore[misc]
    """A learning rate that warms up and goes to zero along a half cosine, in the time there is; then training ends."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.started, self.steps = seconds, 0.0, 0

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self.started = self.started or time.monotonic()
        done = min((time.monotonic() - self.started) / self.seconds, 1.0)
        warm = min(1.0, (self.steps + 1) / WARMUP_STEPS)
        self.model.optimizer.learning_rate = LEARNING_RATE * warm * 0.5 * (1 + math.cos(math.pi * done))

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        self.model.stop_training = time.monotonic() - self.started >= self.seconds


def train(network: keras.Model, examples: Iterator[Example], seconds: float) -> int:
    """Trains for that long; how many steps there was time for. Keras prints the loss as it falls."""
    schedule = Schedule(seconds)
    network.compile(keras.optimizers.Adam(LEARNING_RATE, clipnorm=1.0), loss=mask_loss)
    network.fit(examples, epochs=10**6, steps_per_epoch=50, verbose=2, callbacks=[schedule])
    return schedule.steps


# --- what it learns from --------------------------------------------------------------------------------------------


def read_recordings(folder: Path) -> list[Samples]:
    """The audio files of a folder, the mean of their channels at 48 kHz, long enough for an example each."""
    shortest = int(SECONDS * SAMPLE_RATE)
    recordings = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with AudioFile(str(path)).resampled_to(SAMPLE_RATE) as file:
            audio = file.read(file.frames).mean(axis=0)
        if len(audio):
            recordings.append(np.tile(audio, -(-shortest // len(audio))))
    if not recordings:
        raise ValueError(f"{folder}: expected recordings of the stem {folder.name!r}, found none")
    return recordings


def from_folder(recordings: list[list[Samples]], seed: int) -> Iterator[Example]:
    """Batches of mixtures, a recording of each stem in each, at random levels."""
    rng = np.random.default_rng(seed)
    length = int(SECONDS * SAMPLE_RATE)

    def cut(audio: Samples) -> Samples:
        start = rng.integers(len(audio) - length + 1)
        return normalize_rms(audio[start : start + length]) * np.float32(10 ** (rng.uniform(-8, 8) / 20))

    while True:
        batch = []
        for _ in range(BATCH):
            level = np.float32(10 ** (rng.uniform(-45, -12) / 20))
            stems = [spectra(level * cut(of_stem[rng.integers(len(of_stem))])) for of_stem in recordings]
            mixture = np.sum(stems, axis=0)
            pairs = [(mixture, mixture), *((stem, mixture) for stem in stems), *((stem, stem) for stem in stems)]
            batch.append(np.stack([BANDS.pair_sum(*pair) for pair in pairs], axis=1))
        yield with_past(np.stack(batch))


def from_corpus(corpus: Path, seed: int) -> Iterator[Example]:
    """Batches of the mixtures that `dialogue` was trained on."""
    config = LoopConfig(batch_size=BATCH, seconds=SECONDS)
    for mixture, cross, stems in Mixtures(corpus, config, first_step=0).draw(seed):
        yield with_past(torch.cat([mixture[:, None], cross, stems], dim=1).transpose(1, 2).numpy())


def with_past(truth: Samples) -> Example:
    """The mixture's power with the silence before it, and the truth."""
    return np.pad(truth[:, :, 0], [(0, 0), (PAST, 0), (0, 0)]), truth


# --- its file -------------------------------------------------------------------------------------------------------


def build_graph(network: keras.Model, num_stems: int) -> onnx.GraphProto:
    """The same network over frames that come one by one: what it remembers goes in and out."""
    graph = Graph()
    heard = graph.node("Concat", "past_state", "power", axis=1)
    ends = (graph.constant(np.array([value])) for value in (-PAST, np.iinfo(np.int64).max, 1))
    graph.node("Slice", heard, *ends, outputs=["next_past_state"])
    x = graph.node("Log", graph.node("Add", heard, graph.constant(np.array(POWER_FLOOR, np.float32))))

    kernel, bias = network.get_layer("convolution").get_weights()  # (KERNEL, bands, FILTERS), (FILTERS,)
    kernel = kernel.transpose(2, 1, 0) / LOG_STD  # what features are scaled by, folded into the weights
    bias = bias - LOG_MEAN * kernel.sum(axis=(1, 2))
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    x = graph.node("Relu", graph.node("Conv", x, graph.constant(kernel), graph.constant(bias)))
    x = graph.node("MaxPool", x, kernel_shape=[POOL])
    x = graph.node("Transpose", x, perm=[2, 0, 1])

    x = lstm(graph, as_torch(network.get_layer("lstm")), x, "lstm")
    kernel, bias = network.get_layer("dense").get_weights()
    x = graph.node("Gemm", x, graph.constant(kernel), graph.constant(bias))
    graph.node("Softmax", graph.reshape(x, 1, -1, num_stems, BANDS.num_bands), outputs=["masks"], axis=2)

    def tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    states = {"past_state": (1, PAST, BANDS.num_bands)}
    states |= dict.fromkeys(("lstm_h_state", "lstm_c_state"), (1, 1, UNITS))
    inputs = [tensor("power", 1, "T", BANDS.num_bands), *(tensor(name, *shape) for name, shape in states.items())]
    outputs = [tensor("masks", 1, "T", num_stems, BANDS.num_bands)]
    outputs += [tensor(f"next_{name}", *shape) for name, shape in states.items()]
    return helper.make_graph(graph.nodes, "textbook", inputs, outputs, graph.constants)


def as_torch(layer: keras.layers.LSTM) -> torch.nn.LSTM:
    """Keras keeps weights the other way round, and has one bias where torch has two."""
    kernel, recurrent, bias = (torch.from_numpy(weight) for weight in layer.get_weights())
    twin = torch.nn.LSTM(len(kernel), UNITS)
    weights = (kernel.T, recurrent.T, bias, torch.zeros_like(bias))
    twin.load_state_dict(dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), weights, strict=True)))
    return twin


def export(network: keras.Model, path: Path, stems: list[str], run: dict[str, object], data: str) -> None:
    """Writes the model file; ExportError if the core does not compute what Keras does."""
    part = path.with_name(f".{path.stem}-part.onnx")
    try:
        write_model(build_graph(network, len(stems)), part, metadata(path.stem, stems, run, data))
        power = toy_power(100)
        expected = network.predict(with_past(BANDS.sum(power)[None, :, None])[0], verbose=0)[0][..., BANDS.of_bin]
        difference = float(np.abs(unbraid.Model(part).masks(power) - expected).max())
        if not difference <= TOLERANCE:
            raise ExportError(f"{path}: masks differ by {difference}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stems", type=Path, help="a folder with a folder of recordings for each stem, or a corpus")
    parser.add_argument("output", type=Path, help="the model file to write")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it learns")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", default="", help="what the model file says it was trained on")
    args = parser.parse_args()
    keras.utils.set_random_seed(args.seed)
    if (summary := args.stems / "summary.json").exists():
        names = list(json.loads(summary.read_text(encoding="utf-8"))["kinds"])
        examples = from_corpus(args.stems, args.seed)
    else:
        folders = sorted(path for path in args.stems.iterdir() if path.is_dir())
        names = [folder.name for folder in folders]
        if len(names) < 2:
            parser.error(f"{args.stems}: expected a folder for each of two stems or more, found {names}")
        examples = from_folder([read_recordings(folder) for folder in folders], args.seed)

    network = build_network(len(names))
    steps = train(network, examples, 60 * args.minutes)
    hours = round(steps * BATCH * SECONDS / 3600, 2)
    run: dict[str, object] = {"steps": steps, "hours_heard": hours, "minutes": args.minutes, "seed": args.seed}
    export(network, args.output, names, run, args.data or f"recordings of {', '.join(names)}")
    print(f"{args.output}: {', '.join(names)}, {HOP_LENGTH / SAMPLE_RATE * 1000:g} ms a hop")


if __name__ == "__main__":
    main()
