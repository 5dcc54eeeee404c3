"""Export of a trained Embedder to a model file: python -m unbraid.training.talkers.export CHECKPOINT OUT.onnx.

A network that runs once for many seconds need not be written node by node, as that of `dialogue` is: torch traces it.
Export fails if torch, ONNX Runtime and the C++ core disagree. Then the weights are packed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper

from unbraid.training.export import OPSET, PACKED_TOLERANCE, TOLERANCE, ExportError, current_commit
from unbraid.training.talkers.frames import BANDS, BIN_HZ, HOP_SECONDS, WIN_SECONDS
from unbraid.training.talkers.model import Embedder, EmbedderConfig
from unbraid.training.weights import pack

STEMS = ("talker1", "talker2")
MORE_STEMS = ("talker3",)


def load_embedder(path: Path) -> tuple[Embedder, dict[str, object]]:
    """The averaged network of a checkpoint, and what is known of its run; its seed, if its settings lie beside it."""
    state = torch.load(path, weights_only=True)
    model = Embedder(EmbedderConfig(**state["config"]))
    model.load_state_dict(state["average"])
    run: dict[str, object] = {
        "step": state["step"],
        "hours_heard": round(state["seconds_heard"] / 3600, 1),
        "validation_gain_db": round(state["best"], 2),
    }
    if (settings := path.with_name("config.json")).exists():
        run["seed"] = json.loads(settings.read_text())["train"]["seed"]
    return model.float().eval(), run


def metadata(name: str, model: Embedder, run: dict[str, object], data: str) -> dict[str, str]:
    """What the core needs to know of a model, and what its users want to."""
    return {
        "schema_version": "1",
        "name": name,
        "task": "people who talk at once",
        "stems": ",".join(STEMS),
        "more_stems": ",".join(MORE_STEMS),
        "bin_hz": str(BIN_HZ),
        "num_bins": str(BANDS.num_bins),
        "band_edges": ",".join(map(str, BANDS.edges[:-1].tolist())),
        "win_seconds": str(WIN_SECONDS),
        "hop_seconds": str(HOP_SECONDS),
        "window": "hann_sqrt",
        "lookahead_frames": "0",
        "mask": "embedding",
        "embedding": str(model.config.embedding),
        "sharpness": f"{float(model.sharpness.detach()):.6g}",
        "license": "MIT",
        "training_data": data,
        "training_run": json.dumps(run),
    }


def save(model: Embedder, path: Path, properties: dict[str, str]) -> None:
    """Write the model file."""
    torch.onnx.export(
        model.eval(),
        (torch.rand(1, 7, BANDS.num_bands),),
        str(path),
        input_names=["power"],
        output_names=["embeddings"],
        dynamic_axes={"power": {1: "T"}, "embeddings": {1: "T"}},
        opset_version=OPSET,
        dynamo=False,
    )
    proto = onnx.load(path)
    # What tracing leaves of the shape of the output is not what the contract asks for.
    shape = proto.graph.output[0].type.tensor_type.shape
    for dim, size in zip(shape.dim, (1, "T", BANDS.num_bands, model.config.embedding), strict=True):
        if isinstance(size, str):
            dim.dim_param = size
        else:
            dim.dim_value = size
    helper.set_model_props(proto, {f"unbraid.{key}": value for key, value in properties.items()})
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


def toy_power(num_frames: int, seed: int = 0) -> NDArray[np.float32]:
    """Power (frames, bins) like that of noise."""
    rng = np.random.default_rng(seed)
    tilt = np.linspace(-4, -9, BANDS.num_bins)
    return np.asarray(10 ** (tilt + rng.normal(0, 1, (num_frames, BANDS.num_bins))), np.float32)


def check_parity(model: Embedder, path: Path, packed: Path, num_frames: int = 200) -> dict[str, float]:
    """Largest difference of a point's direction: of torch, ONNX Runtime, the C++ core and what is packed.

    Raises ExportError past 1e-4, and past 0.01 in the mean for what is packed.
    """
    import unbraid._core

    def directions(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled: NDArray[np.float32] = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True).clip(1e-6)
        return scaled

    power = toy_power(num_frames)
    band_power = BANDS.sum(power)
    with torch.no_grad():
        by_torch = directions(model.eval()(torch.from_numpy(band_power)[None])[0].numpy())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    by_onnx = directions(session.run(None, {"power": band_power[None]})[0][0])
    by_core, by_packed = (directions(unbraid._core.Model(str(file)).embeddings(power)) for file in (path, packed))
    differences = {
        "torch - onnxruntime": float(np.abs(by_torch - by_onnx).max()),
        "onnxruntime - core": float(np.abs(by_onnx - by_core).max()),
        "torch - core": float(np.abs(by_torch - by_core).max()),
        "full - packed, mean": float(np.abs(by_core - by_packed).mean()),
    }
    most = dict.fromkeys(differences, TOLERANCE) | {"full - packed, mean": PACKED_TOLERANCE}
    if not all(value <= most[pair] for pair, value in differences.items()):  # NaN fails, too
        raise ExportError(f"{path}: embeddings differ too much: {differences}")
    return differences


def export(checkpoint: Path, output: Path, data: str) -> dict[str, float]:
    """Writes the model file of a checkpoint; returns what check_parity found."""
    model, run = load_embedder(checkpoint)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        full, packed = Path(folder) / "full.onnx", Path(folder) / "packed.onnx"
        save(model, full, metadata(output.stem, model, run | {"commit": current_commit()}, data))
        shutil.copy(full, packed)
        pack(packed)
        differences = check_parity(model, full, packed)
        packed.replace(output)
    return differences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="the checkpoint of a training run")
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--data", default="the speech of the corpus of dialogue, mixed in pairs", help="what it was trained on"
    )
    args = parser.parse_args()
    differences = export(args.checkpoint, args.output, args.data)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")
    for pair, value in differences.items():
        print(f"  {pair}: {value:.1e}")


if __name__ == "__main__":
    main()
