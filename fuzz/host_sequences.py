"""Calls that a host may make, in any legal order, to the CLAP plug-in: all sound that comes out is finite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from helpers.clap_host import ClapHost

from .clap_plugin import check_values, toy_host
from .driver import main

RATES = (8000, 11025, 44100, 48000, 96000, 192000, 384000, 44100.5)
CONFIGS = ((0, 2, 0), (1, 1, 0), (2, 2, 3), (3, 1, 3))  # number, channels, ports of stems
MAX_BLOCK = 4096
ACTIVE = ("process", "process", "process", "flush", "reset", "main_thread", "save_load", "deactivate")
INACTIVE = ("activate", "activate", "flush", "select", "main_thread", "save_load")


class HostSequences:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        host = toy_host(folder)
        self._ranges = {name: (info.minimum, info.maximum) for name, info in host.infos().items()}
        host.close()

    def make(self, rng: np.random.Generator) -> bytes:
        steps: list[Any] = []
        active = False
        for _ in range(rng.integers(1, 40)):
            call = str(rng.choice(ACTIVE if active else INACTIVE))
            active = call == "activate" or (active and call != "deactivate")
            steps.append([call, *self._arguments(rng, call)])
        return json.dumps(steps).encode()

    def _arguments(self, rng: np.random.Generator, call: str) -> list[Any]:
        match call:
            case "activate":
                return [RATES[rng.integers(len(RATES))]]
            case "select":
                return [int(rng.integers(len(CONFIGS)))]
            case "flush":
                return [self._changes(rng, 0)]
            case "process":
                length = int(rng.integers(MAX_BLOCK + 1)) if rng.random() < 0.5 else int(rng.integers(3))
                return [length, int(rng.integers(5)), self._changes(rng, length), bool(rng.random() < 0.2)]
        return []

    def _changes(self, rng: np.random.Generator, length: int) -> list[Any]:
        """Events in the order of their time; some beyond the parameter's range, which a host may try."""
        changes = []
        for time in sorted(map(int, rng.integers(0, max(length, 1), int(rng.integers(4))))):
            name = str(rng.choice(list(self._ranges)))
            low, high = self._ranges[name]
            changes.append((time, name, float(np.round(rng.uniform(low - 1, high + 1), 1))))
        return changes

    def run(self, data: bytes) -> None:
        host = toy_host(self._folder)
        active = False
        for call, *arguments in json.loads(data):
            step(host, call, arguments)
            active = call == "activate" or (active and call != "deactivate")
            check_values(host)
        if active:
            host.deactivate()
        host.close()


def step(host: ClapHost, call: str, arguments: list[Any]) -> None:
    match call:
        case "activate":
            host.activate(arguments[0], MAX_BLOCK)
            assert host.latency >= 0
        case "select":
            host.select(*CONFIGS[arguments[0]])
        case "flush":
            host.flush(arguments[0])
        case "process":
            length, level, changes, in_place = arguments
            audio = (
                np.random.default_rng(length).standard_normal((host.channels, length)) * (0, 1e-30, 0.1, 1, 1e6)[level]
            )
            assert np.isfinite(host.process(audio.astype(np.float32), changes, in_place)).all()
        case "reset":
            host.plugin.reset(host.address)
        case "main_thread":
            host.plugin.on_main_thread(host.address)
        case "save_load":
            assert host.load(host.save())
        case "deactivate":
            host.deactivate()


if __name__ == "__main__":
    main(HostSequences)
