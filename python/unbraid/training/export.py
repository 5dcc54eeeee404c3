"""Export of a trained Crnn to the model file every shell opens (DESIGN §3).

Export fails if torch, ONNX Runtime and the C++ core disagree about the graph (see `graph`). Then the weights are packed
(see `weights`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper

from unbraid.training import bands
from unbraid.training.corpus.clips import hours_of, load_kinds
from unbraid.training.graph import build_graph
from unbraid.training.model import Crnn, load_checkpoint
from unbraid.training.weights import pack

OPSET = 17
IR_VERSION = 8  # what ONNX Runtime 1.23 and newer read
TOLERANCE = 1e-4
PACKED_TOLERANCE = 0.01  # of a mask, in the mean: what the rounding of the weights may move


class ExportError(RuntimeError):
    """The exported graph does not compute what the trained network computes."""


def metadata(name: str, stems: Sequence[str], run: dict[str, object], data: str, planes: int = 1) -> dict[str, str]:
    """What the core needs to know of a model, and what its users want to."""
    *others, last = stems
    return {
        "schema_version": "1",
        "name": name,
        "task": f"{', '.join(others)} and {last} of a mixture",
        "stems": ",".join(stems),
        "bin_hz": str(bands.BIN_HZ),
        "num_bins": str(bands.NUM_BINS),
        "band_edges": ",".join(map(str, bands.band_edges()[:-1])),
        "win_seconds": str(bands.WIN_SECONDS),
        "hop_seconds": str(bands.HOP_SECONDS),
        "window": "hann_sqrt",
        "lookahead_frames": "0",
        "mask": "real",
        **({"channels": "mid,side"} if planes == 2 else {}),
        "license": "MIT",
        "training_data": data,
        "training_run": json.dumps(run),
    }


def save(model: Crnn, path: Path, properties: dict[str, str]) -> None:
    """Write the model file; nothing is left at `path` if the graph is not valid."""
    write_model(build_graph(model.eval()), path, properties)


def write_model(graph: onnx.GraphProto, path: Path, properties: dict[str, str]) -> None:
    """Write a graph with what it says of itself as a model file; nothing is left at `path` if it is not valid."""
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(proto, {f"unbraid.{key}": value for key, value in properties.items()})
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


def run_onnx(path: Path, power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Masks (frames, stems, bands) of power (frames, bands) in one call of Python's ONNX Runtime.

    Of middle and side (frames, 2, stems, bands) of (frames, 2, bands).
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds: dict[str, NDArray[np.float32]] = {"power": power[None]}
    for entry in session.get_inputs()[1:]:
        feeds[entry.name] = np.zeros(entry.shape, np.float32)
    masks: NDArray[np.float32] = session.run(["masks"], feeds)[0][0]
    return masks


def current_commit() -> str:
    """That of the checkout in whose folder the export runs; empty where there is none."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()


def toy_power(num_frames: int, planes: int = 1, seed: int = 0) -> NDArray[np.float32]:
    """Power like that of noise, the second half of it as a 16 kHz host feeds it.

    (frames, bins), of middle and side (frames, 2, bins).
    """
    rng = np.random.default_rng(seed)
    tilt = np.linspace(-4, -9, bands.NUM_BINS)
    shape = (num_frames, bands.NUM_BINS) if planes == 1 else (num_frames, planes, bands.NUM_BINS)
    power = (10 ** (tilt + rng.normal(0, 1, shape))).astype(np.float32)
    power[num_frames // 2 :, ..., 257:] = 0
    return power


@torch.no_grad()
def run_torch(model: Crnn, power: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same as `run_onnx` by the network itself."""
    masks, _ = model.eval()(torch.from_numpy(power.reshape(1, len(power), -1)))
    found: NDArray[np.float32] = masks[0].unflatten(2, power.shape[1:]).movedim(0, -2).numpy()
    return found


def check_parity(model: Crnn, path: Path, num_frames: int = 200) -> dict[str, float]:
    """Largest difference of the masks of torch, ONNX Runtime and the C++ core; raises ExportError past 1e-4."""
    import unbraid._core

    power = toy_power(num_frames, model.config.planes)
    band_power = bands.band_sum(power)
    by_torch = run_torch(model, band_power)[..., bands.band_of_bin()]
    by_onnx = run_onnx(path, band_power)[..., bands.band_of_bin()]
    by_core = unbraid._core.Model(str(path)).masks(power)
    differences = {
        "torch - onnxruntime": float(np.abs(by_torch - by_onnx).max()),
        "onnxruntime - core": float(np.abs(by_onnx - by_core).max()),
        "torch - core": float(np.abs(by_torch - by_core).max()),
    }
    _expect(differences, TOLERANCE, path)
    return differences


def check_packed(path: Path, packed: Path, num_frames: int = 200) -> dict[str, float]:
    """What packing makes of masks, in the mean, as the core computes them; raises ExportError past 0.01."""
    import unbraid._core

    models = [unbraid._core.Model(str(file)) for file in (path, packed)]
    power = toy_power(num_frames, len(models[0].channels))
    full, rounded = (model.masks(power) for model in models)
    differences = {"full - packed, mean": float(np.abs(full - rounded).mean())}
    _expect(differences, PACKED_TOLERANCE, packed)
    return differences


def _expect(differences: dict[str, float], most: float, path: Path) -> None:
    if not all(value <= most for value in differences.values()):  # NaN fails, too
        raise ExportError(f"{path}: masks differ by more than {most}: {differences}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the training run")
    parser.add_argument("output", type=Path)
    parser.add_argument("--corpus", type=Path, required=True, help="to record what the model was trained on")
    parser.add_argument(
        "--checkpoint", default=["best.pt"], nargs="+", help="in the folder, or paths: the mean of several"
    )
    args = parser.parse_args()
    model, run = load_checkpoint(*(args.run / name for name in args.checkpoint))
    settings = json.loads((args.run / "config.json").read_text())
    commit = current_commit()
    run |= {"commit": commit, "seed": settings["train"]["seed"], "torch": settings["torch"]}
    stems = load_kinds(args.corpus)
    if len(stems) != model.config.num_stems:
        raise ExportError(f"{args.corpus} is of {len(stems)} stems, the network of {model.config.num_stems}")
    summary = json.loads((args.corpus / "summary.json").read_text())
    data = f"{hours_of(summary)}; sources and licences in the model card"
    with tempfile.TemporaryDirectory(dir=args.output.parent) as folder:
        full, packed = Path(folder) / "full.onnx", Path(folder) / "packed.onnx"
        save(model, full, metadata(args.output.stem, stems, run, data, model.config.planes))
        shutil.copy(full, packed)
        pack(packed)
        differences = check_parity(model, full) | check_packed(full, packed)
        packed.replace(args.output)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")
    for pair, value in differences.items():
        print(f"  {pair}: {value:.1e}")


if __name__ == "__main__":
    main()
