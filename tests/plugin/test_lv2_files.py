"""What LV2 hosts read of the plug-in, held against what the plug-in itself says, by way of CLAP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.clap_host import ClapHost
from unbraid import plugin as unbraid_plugin

FILES = ("manifest.ttl", "unbraid.ttl")
VALUE = r'lv2:(index|symbol|name|default|minimum|maximum) "?([^";]+?)"? ?(?:;|$)'


@pytest.fixture(scope="module")
def folder() -> Path:
    try:
        return unbraid_plugin.bundle_path("lv2")
    except FileNotFoundError:
        pytest.skip("this build has no plug-in")


@pytest.fixture
def host(folder: Path, toy_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClapHost]:
    """One model, and so the parameters that are always there."""
    monkeypatch.setenv("UNBRAID_PLUGIN_MODEL", str(toy_model_path))
    path = unbraid_plugin.bundle_path("clap")
    host = ClapHost(path if path.is_file() else path / "Contents" / "MacOS" / "Unbraid")
    yield host
    host.close()


def plugins(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The ports of each plug-in, in the order of their indices."""
    text = (folder / "unbraid.ttl").read_text(encoding="utf-8")
    found = {}
    for uri, body in re.findall(r"^<([^>]+)>\n  a lv2:Plugin(.*?)\] \.$", text, re.DOTALL | re.MULTILINE):
        ports = []
        for port in re.findall(r"lv2:port \[\n(.*?)\n  \](?: ;|\Z)", body + "\n  ]", re.DOTALL):
            values = dict(re.findall(VALUE, port, re.MULTILINE))
            points = re.findall(r'rdfs:label "([^"]+)" ; rdf:value (\S+)', port)
            kinds = re.findall(r"lv2:(\w+)Port\b", port)
            ports.append({**values, "points": points, "kinds": kinds, "text": port})
        assert [int(port["index"]) for port in ports] == list(range(len(ports)))
        found[uri] = ports
    return found


def test_both_plugins_have_the_ports_of_the_parameters(folder: Path, host: ClapHost) -> None:
    both = plugins(folder)
    assert list(both) == ["urn:unbraid:stereo", "urn:unbraid:mono"]
    infos = host.infos()
    keys = [line.split("=")[0] for line in host.save().decode().splitlines()[1:]] + ["status"]
    for ports, channels in zip(both.values(), (2, 1), strict=True):
        assert [port["kinds"] for port in ports[: 2 * channels]] == [["Audio", "Input"]] * channels + [
            ["Audio", "Output"]
        ] * channels
        assert ports[-1]["symbol"] == "latency"
        controls = ports[2 * channels : -1]
        assert len(controls) == len(infos) == len(keys)
        for port, (name, info), key in zip(controls, infos.items(), keys, strict=True):
            bounds = [float(port[word]) for word in ("minimum", "maximum", "default")]
            if name == "Bypass":  # turned round
                assert (port["symbol"], bounds) == ("enabled", [0, 1, 1])
                assert "lv2:designation lv2:enabled" in port["text"]
                continue
            assert (port["name"], port["symbol"]) == (name, key)
            assert bounds == [info.minimum, info.maximum, info.initial]
            assert port["kinds"] == ["Control", "Output" if name == "Status" else "Input"]
            if key.endswith("_db"):
                assert port["points"] == [("mute", str(info.minimum))]
                assert host.parse(name, "mute") == info.minimum
                steps = int(re.findall(r"pprops:rangeSteps (\d+)", port["text"])[0])
                assert steps == round(10 * (info.maximum - info.minimum)) + 1
            else:
                values = range(int(info.maximum) + 1)
                assert port["points"] == [(host.text(name, value), str(value)) for value in values]


def test_presets_set_faders_that_there_are(folder: Path) -> None:
    symbols = {port["symbol"] for ports in plugins(folder).values() for port in ports}
    manifest, text = ((folder / name).read_text(encoding="utf-8") for name in FILES)
    presets = re.findall(r"^<([^>]+)>\n  a pset:Preset", text, re.MULTILINE)
    assert len(presets) == 8
    assert re.findall(r"^<([^>]+)>\n  a pset:Preset", manifest, re.MULTILINE) == presets
    assert set(re.findall(r'\[ lv2:symbol "([^"]+)"', text)) <= symbols


def test_the_manifest_names_the_binary(folder: Path) -> None:
    named = re.findall(r"lv2:binary <([^>]+)>", (folder / "manifest.ttl").read_text(encoding="utf-8"))
    assert len(named) == 2
    assert all((folder / name).is_file() for name in named)
