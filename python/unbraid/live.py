"""A virtual loudspeaker or microphone on a desktop with PipeWire, whose filter chain holds our LV2 plug-in."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._checks import Gain
from ._core import FADER_BOTTOM_DB, Model
from ._runtime import find_library
from .plugin import FORMATS, MODEL_VARIABLE, RUNTIME_VARIABLE, bundle_path, fader_db

LV2_STEMS = ("speech", "music", "noise")  # LV2 hosts read the faders from a file, whatever the model
START_SECONDS = 20.0
LOOK_SECONDS = 5.0  # between two looks at whether the device is still there
PR_SET_PDEATHSIG = 1  # of Linux's prctl

# What a program of its own needs to be a client of PipeWire.
CLIENT = """\
context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert
  support.*       = support/libspa-support
}
"""
CLIENT_MODULES = """\
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
"""

# Both positions are needed: some versions of PipeWire make no ports without.
FILTER_CHAIN = """\
  {{ name = libpipewire-module-filter-chain
    args = {{
      node.description = "{description}"
      media.name       = "{description}"
      filter.graph = {{
        nodes = [
          {{ type    = lv2
            name    = unbraid
            plugin  = "{plugin}"
            control = {{ {controls} }}
          }}
        ]
      }}
      capture.props = {{
        node.name      = "{capture}"
        {capture_kind}
        audio.channels = {channels}
        audio.position = [ {position} ]
      }}
      playback.props = {{
        node.name      = "{playback}"
        {playback_kind}
        audio.channels = {channels}
        audio.position = [ {position} ]
      }}
    }}
  }}
"""


@dataclass(frozen=True)
class Device:
    """A virtual device. `capture` and `playback` name its two nodes; sound goes into the first."""

    description: str
    plugin: str
    position: str
    capture: str
    playback: str
    is_sink: bool

    @property
    def name(self) -> str:
        """The node that programs choose."""
        return self.capture if self.is_sink else self.playback


DEVICES = {
    "app": Device("Unbraid", "urn:unbraid:stereo", "FL FR", "unbraid.sink", "unbraid.output", True),
    "mic": Device("Unbraid microphone", "urn:unbraid:mono", "MONO", "unbraid.capture", "unbraid.microphone", False),
}


def check_model(model: Model) -> Model:
    """ModelError or ValueError for a model that the LV2 plug-in does not play."""
    model.check_streams()
    if not set(model.stem_names) <= set(LV2_STEMS):
        raise ValueError(
            f"the LV2 plug-in has faders for {', '.join(LV2_STEMS)}; {model.name} has {', '.join(model.stem_names)}"
        )
    return model


def filter_chain(device: Device, model: Model, gains_db: Mapping[str, Gain]) -> str:
    """The device as a module in PipeWire's configuration.

    Gains are by stem, in dB up to 12, in steps of 0.1; those at or below -72 dB are silence. Raises TypeError and
    ValueError for gains as `remix` does.
    """
    faders = {stem: fader_db(gains_db.get(stem, 0.0), stem) for stem in model.stem_names}
    sink, passive = "media.class    = Audio/", "node.passive   = true"
    return FILTER_CHAIN.format(
        description=device.description,
        plugin=device.plugin,
        controls=", ".join(f'"{stem}_db" = {max(db, FADER_BOTTOM_DB):.1f}' for stem, db in faders.items()),
        capture=device.capture,
        capture_kind=f"{sink}Sink" if device.is_sink else passive,
        playback=device.playback,
        playback_kind=passive if device.is_sink else f"{sink}Source",
        channels=len(device.position.split()),
        position=device.position,
    )


def drop_in(chain: str) -> str:
    """A file for PipeWire's folder `pipewire.conf.d`."""
    return f"context.modules = [\n{chain}]\n"


def client(chain: str) -> str:
    """A file for `pipewire -c`, which then is a program of its own."""
    return CLIENT + drop_in(CLIENT_MODULES + chain)


@contextlib.contextmanager
def running(device: Device, model: Model, gains_db: Mapping[str, Gain]) -> Iterator[None]:
    """Has the device on the desktop: it is there on entry, and gone with all that was written for it on exit.

    Raises OSError where PipeWire or the plug-in is missing, RuntimeError if PipeWire is not running or refuses, and
    what `filter_chain` does.
    """
    chain = filter_chain(device, model, gains_db)
    bundle = bundle_path("lv2")
    check_system()
    if device.name in node_names():
        raise RuntimeError(f"{device.name} is there already; end the other `unbraid live` first")
    with tempfile.TemporaryDirectory(prefix="unbraid-") as name:
        folder = Path(name)
        (folder / "live.conf").write_text(client(chain), encoding="utf-8")
        (folder / "lv2").mkdir()  # nothing but our bundle: an LV2 host reads all that is beside it
        (folder / "lv2" / FORMATS["lv2"]).symlink_to(bundle)
        with started(folder, model) as process:
            wait_until_there(process, device, folder / "log")
            yield


def wait_until_gone(device: Device) -> None:
    """Returns when the device has gone by itself; RuntimeError when all of PipeWire has."""
    while device.name in node_names():
        time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def started(folder: Path, model: Model) -> Iterator[subprocess.Popen[bytes]]:
    """A program of PipeWire's that holds the filter chain, for as long as this one lives."""
    environment = {**os.environ, "LV2_PATH": str(folder / "lv2"), MODEL_VARIABLE: model.path}
    if RUNTIME_VARIABLE not in environment and (library := find_library()):
        environment[RUNTIME_VARIABLE] = str(library)
    libc = ctypes.CDLL(None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["pipewire", "-c", str(folder / "live.conf")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # a terminal's Ctrl-C is for us; we end it
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),  # even if we are killed
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_there(process: subprocess.Popen[bytes], device: Device, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while device.name not in node_names():
        if process.poll() is not None:
            # [level][time] topic | [file: line function()] what is wrong
            told = [line.rpartition("()] ") for line in log.read_text(errors="replace").splitlines()]
            said = [what for _, found, what in told if found]
            raise RuntimeError(f"PipeWire refused the device: {'; '.join(said[:2]) or 'it did not say why'}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"PipeWire has no {device.name} after {START_SECONDS:g} seconds")
        time.sleep(0.1)


def check_system() -> None:
    if sys.platform != "linux":
        raise OSError("live needs PipeWire, which is Linux's; elsewhere use the plug-in: unbraid plugin install")
    for program in ("pipewire", "pw-dump"):
        if shutil.which(program) is None:
            raise FileNotFoundError(
                f"{program} not found: live needs PipeWire (Debian: pipewire-bin, Fedora: pipewire-utils)"
            )


def node_names() -> set[str]:
    """The names of all nodes in this session; RuntimeError where PipeWire is not running."""
    done = subprocess.run(["pw-dump"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"PipeWire is not running in this session: {' '.join(done.stderr.split())}")
    return set(nodes_of(done.stdout))


def nodes_of(dump: str) -> dict[str, dict[str, Any]]:
    """What pw-dump says of the nodes that have a name. Where something changes meanwhile it adds one more array."""
    infos: dict[int, dict[str, Any]] = {}
    decoder = json.JSONDecoder()
    while dump := dump.lstrip():
        items, end = decoder.raw_decode(dump)
        infos |= {item["id"]: item.get("info") or {} for item in items}  # null of what has gone
        dump = dump[end:]
    named = ((info.get("props") or {}).get("node.name") for info in infos.values())
    return {name: info for name, info in zip(named, infos.values(), strict=True) if name}
