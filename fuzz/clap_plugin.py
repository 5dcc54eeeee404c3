"""The CLAP plug-in with two toy models, for the harnesses that drive it."""

from __future__ import annotations

import os
from pathlib import Path

from helpers.clap_host import ClapHost
from helpers.toy_model import save_toy_model
from unbraid import plugin


def toy_host(folder: Path) -> ClapHost:
    """A host that finds the models alpha and beta in `folder`, beside what ships."""
    for seed, name in enumerate(("alpha", "beta")):
        path = folder / f"{name}.onnx"
        if not path.exists():
            save_toy_model(path, seed=seed)
    os.environ.pop("UNBRAID_PLUGIN_MODEL", None)
    os.environ["UNBRAID_MODELS"] = str(folder)
    return ClapHost(plugin.bundle_path("clap"))


def check_values(host: ClapHost) -> None:
    """Every parameter is within what it says of itself."""
    for name, info in host.infos().items():
        value = host.value(name)
        assert info.minimum <= value <= info.maximum, (name, value)
