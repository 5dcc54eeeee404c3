"""A small CLAP host: enough of the interface to run a plug-in the way an audio program does."""

from __future__ import annotations

import ctypes as c
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
P, U32, I32, U16, I16, F64, BOOL, STR = (
    c.c_void_p, c.c_uint32, c.c_int32, c.c_uint16, c.c_int16, c.c_double, c.c_bool, c.c_char_p,
)  # fmt: skip
PARAM_VALUE, PARAM_MODULATION = 5, 6


def struct(name: str, *fields: tuple[str, Any]) -> Any:
    return type(name, (c.Structure,), {"_fields_": list(fields)})


Version = struct("Version", ("major", U32), ("minor", U32), ("revision", U32))
Entry = struct(
    "Entry", ("version", Version), ("init", c.CFUNCTYPE(BOOL, STR)), ("deinit", c.CFUNCTYPE(None)),
    ("get_factory", c.CFUNCTYPE(P, STR)),
)  # fmt: skip
Host = struct(
    "Host", ("version", Version), ("data", P), ("name", STR), ("vendor", STR), ("url", STR), ("host_version", STR),
    ("get_extension", c.CFUNCTYPE(P, P, STR)), ("request_restart", c.CFUNCTYPE(None, P)),
    ("request_process", c.CFUNCTYPE(None, P)), ("request_callback", c.CFUNCTYPE(None, P)),
)  # fmt: skip
Descriptor = struct(
    "Descriptor", ("version", Version), ("id", STR), ("name", STR), ("vendor", STR), ("url", STR), ("manual", STR),
    ("support", STR), ("plugin_version", STR), ("description", STR), ("features", c.POINTER(STR)),
)  # fmt: skip
Factory = struct(
    "Factory", ("count", c.CFUNCTYPE(U32, P)), ("descriptor", c.CFUNCTYPE(c.POINTER(Descriptor), P, U32)),
    ("create", c.CFUNCTYPE(P, P, P, STR)),
)  # fmt: skip
Plugin = struct(
    "Plugin", ("descriptor", c.POINTER(Descriptor)), ("data", P), ("init", c.CFUNCTYPE(BOOL, P)),
    ("destroy", c.CFUNCTYPE(None, P)), ("activate", c.CFUNCTYPE(BOOL, P, F64, U32, U32)),
    ("deactivate", c.CFUNCTYPE(None, P)), ("start_processing", c.CFUNCTYPE(BOOL, P)),
    ("stop_processing", c.CFUNCTYPE(None, P)), ("reset", c.CFUNCTYPE(None, P)),
    ("process", c.CFUNCTYPE(I32, P, P)), ("get_extension", c.CFUNCTYPE(P, P, STR)),
    ("on_main_thread", c.CFUNCTYPE(None, P)),
)  # fmt: skip
EventHeader = struct("EventHeader", ("size", U32), ("time", U32), ("space", U16), ("type", U16), ("flags", U32))
ParamEvent = struct(
    "ParamEvent", ("header", EventHeader), ("param_id", U32), ("cookie", P), ("note_id", I32), ("port", I16),
    ("channel", I16), ("key", I16), ("value", F64),
)  # fmt: skip
InEvents = struct("InEvents", ("ctx", P), ("size", c.CFUNCTYPE(U32, P)), ("get", c.CFUNCTYPE(P, P, U32)))
OutEvents = struct("OutEvents", ("ctx", P), ("try_push", c.CFUNCTYPE(BOOL, P, P)))
Buffer = struct(
    "Buffer", ("data32", c.POINTER(c.POINTER(c.c_float))), ("data64", P), ("channels", U32), ("latency", U32),
    ("constant_mask", c.c_uint64),
)  # fmt: skip
Process = struct(
    "Process", ("steady_time", c.c_int64), ("frames", U32), ("transport", P), ("inputs", c.POINTER(Buffer)),
    ("outputs", c.POINTER(Buffer)), ("num_inputs", U32), ("num_outputs", U32), ("in_events", c.POINTER(InEvents)),
    ("out_events", c.POINTER(OutEvents)),
)  # fmt: skip
ParamInfo = struct(
    "ParamInfo", ("id", U32), ("flags", U32), ("cookie", P), ("name", c.c_char * 256), ("module", c.c_char * 1024),
    ("minimum", F64), ("maximum", F64), ("initial", F64),
)  # fmt: skip
Params = struct(
    "Params", ("count", c.CFUNCTYPE(U32, P)), ("get_info", c.CFUNCTYPE(BOOL, P, U32, P)),
    ("get_value", c.CFUNCTYPE(BOOL, P, U32, c.POINTER(F64))),
    ("value_to_text", c.CFUNCTYPE(BOOL, P, U32, F64, P, U32)),
    ("text_to_value", c.CFUNCTYPE(BOOL, P, U32, STR, c.POINTER(F64))), ("flush", c.CFUNCTYPE(None, P, P, P)),
)  # fmt: skip
WRITE = c.CFUNCTYPE(c.c_int64, P, P, c.c_uint64)
Stream = struct("Stream", ("ctx", P), ("transfer", WRITE))
State = struct("State", ("save", c.CFUNCTYPE(BOOL, P, P)), ("load", c.CFUNCTYPE(BOOL, P, P)))
Latency = struct("Latency", ("get", c.CFUNCTYPE(U32, P)))
PortInfo = struct(
    "PortInfo", ("id", U32), ("name", c.c_char * 256), ("flags", U32), ("channels", U32), ("type", STR),
    ("in_place_pair", U32),
)  # fmt: skip
Ports = struct("Ports", ("count", c.CFUNCTYPE(U32, P, BOOL)), ("get", c.CFUNCTYPE(BOOL, P, U32, BOOL, P)))
PortsConfig = struct(
    "PortsConfig", ("id", U32), ("name", c.c_char * 256), ("inputs", U32), ("outputs", U32), ("has_in", BOOL),
    ("in_channels", U32), ("in_type", STR), ("has_out", BOOL), ("out_channels", U32), ("out_type", STR),
)  # fmt: skip
PortsConfigs = struct(
    "PortsConfigs", ("count", c.CFUNCTYPE(U32, P)), ("get", c.CFUNCTYPE(BOOL, P, U32, P)),
    ("select", c.CFUNCTYPE(BOOL, P, U32)),
)  # fmt: skip


class ClapHost:
    """Loads a plug-in file and runs the first plug-in in it."""

    def __init__(self, path: Path, extensions: bool = True) -> None:
        self.callbacks_requested = 0
        self.rescans = 0
        self._library = c.CDLL(str(path))
        self._entry = Entry.in_dll(self._library, "clap_entry")
        assert self._entry.init(str(path).encode())
        self._factory = c.cast(self._entry.get_factory(b"clap.plugin-factory"), c.POINTER(Factory)).contents
        assert self._factory.count(c.addressof(self._factory)) == 1
        self.descriptor = self._factory.descriptor(c.addressof(self._factory), 0).contents
        rescan = c.CFUNCTYPE(None, P, U32)(self._on_rescan)
        nothing = c.CFUNCTYPE(None, P)(lambda host: None)
        self._host_params = (c.c_void_p * 3)(c.cast(rescan, P).value, 0, 0)
        get_extension = Host._fields_[6][1](
            lambda host, name: c.addressof(self._host_params) if extensions and name == b"clap.params" else None
        )
        callback = c.CFUNCTYPE(None, P)(self._on_callback)
        self._host = Host(Version(1, 2, 2), None, b"test", b"", b"", b"1", get_extension, nothing, nothing, callback)
        self._kept = [rescan, nothing, get_extension, callback]
        address = self._factory.create(c.addressof(self._factory), c.addressof(self._host), self.descriptor.id)
        assert address
        self.address = address
        self.plugin = c.cast(address, c.POINTER(Plugin)).contents
        assert self.plugin.init(address)
        self.params = self.extension("clap.params", Params)
        self.num_stem_ports = 0
        self.channels = 2

    def _on_rescan(self, host: int, flags: int) -> None:
        self.rescans += 1

    def _on_callback(self, host: int) -> None:
        self.callbacks_requested += 1

    def extension(self, name: str, kind: Any) -> Any:
        address = self.plugin.get_extension(self.address, name.encode())
        assert address, name
        return c.cast(address, c.POINTER(kind)).contents

    def infos(self) -> dict[str, Any]:
        """Parameters by name."""
        infos = {}
        for index in range(self.params.count(self.address)):
            info = ParamInfo()
            assert self.params.get_info(self.address, index, c.addressof(info))
            infos[info.name.decode()] = info
        return infos

    def value(self, name: str) -> float:
        value = F64()
        assert self.params.get_value(self.address, self.infos()[name].id, c.byref(value))
        return value.value

    def text(self, name: str, value: float) -> str:
        text = c.create_string_buffer(64)
        assert self.params.value_to_text(self.address, self.infos()[name].id, value, c.addressof(text), 64)
        return text.value.decode()

    def parse(self, name: str, text: str) -> float | None:
        value = F64()
        known = self.params.text_to_value(self.address, self.infos()[name].id, text.encode(), c.byref(value))
        return value.value if known else None

    def select(self, config: int, channels: int, stems: int) -> None:
        assert self.extension("clap.audio-ports-config", PortsConfigs).select(self.address, config)
        self.channels, self.num_stem_ports = channels, stems

    def ports(self, is_input: bool) -> list[tuple[str, int]]:
        ports = self.extension("clap.audio-ports", Ports)
        found = []
        for index in range(ports.count(self.address, is_input)):
            info = PortInfo()
            assert ports.get(self.address, index, is_input, c.addressof(info))
            found.append((info.name.decode(), info.channels))
        return found

    def activate(self, rate: float, max_block: int = 65536) -> None:
        assert self.plugin.activate(self.address, rate, 1, max_block)
        assert self.plugin.start_processing(self.address)

    def deactivate(self) -> None:
        self.plugin.stop_processing(self.address)
        self.plugin.deactivate(self.address)

    @property
    def latency(self) -> int:
        return int(self.extension("clap.latency", Latency).get(self.address))

    def _events(self, changes: Sequence[tuple[int, str, float]]) -> tuple[Any, list[Any]]:
        infos = self.infos() if changes else {}
        header = c.sizeof(ParamEvent)
        events = [
            ParamEvent(EventHeader(header, time, 0, PARAM_VALUE, 0), infos[name].id, None, -1, -1, -1, -1, value)
            for time, name, value in changes
        ]
        size = InEvents._fields_[1][1](lambda _: len(events))
        get = InEvents._fields_[2][1](lambda _, index: c.addressof(events[index]))
        return InEvents(None, size, get), [events, size, get]

    def process(self, audio: Audio, changes: Sequence[tuple[int, str, float]] = (), in_place: bool = False) -> Audio:
        """(channels, samples) -> (1 + stem ports, channels, samples); changes are (time, name, value)."""
        audio = np.ascontiguousarray(audio, np.float32)
        outputs = np.full((1 + self.num_stem_ports, *audio.shape), np.nan, np.float32)
        if in_place:
            outputs[0] = audio
            audio = outputs[0]
        kept: list[Any] = []

        def buffer(rows: Audio) -> Any:
            pointers = (c.POINTER(c.c_float) * len(rows))(*[row.ctypes.data_as(c.POINTER(c.c_float)) for row in rows])
            kept.append(pointers)
            return Buffer(pointers, None, len(rows), 0, 0)

        ins, outs = (Buffer * 1)(buffer(audio)), (Buffer * len(outputs))(*map(buffer, outputs))
        in_events, more = self._events(changes)
        out_events = OutEvents(None, OutEvents._fields_[1][1](lambda *_: True))
        process = Process(0, audio.shape[1], None, ins, outs, 1, len(outputs), c.pointer(in_events),
                          c.pointer(out_events))  # fmt: skip
        assert self.plugin.process(self.address, c.addressof(process)) == 1
        del more
        return outputs

    def flush(self, changes: Sequence[tuple[int, str, float]]) -> None:
        in_events, more = self._events(changes)
        out_events = OutEvents(None, OutEvents._fields_[1][1](lambda *_: True))
        self.params.flush(self.address, c.addressof(in_events), c.addressof(out_events))
        del more

    def save(self) -> bytes:
        """The state, taken in small bites as a host may."""
        chunks = []

        def write(_: int, data: int, size: int) -> int:
            chunks.append(c.string_at(data, min(size, 7)))
            return len(chunks[-1])

        stream = Stream(None, WRITE(write))
        assert self.extension("clap.state", State).save(self.address, c.addressof(stream))
        return b"".join(chunks)

    def load(self, state: bytes) -> bool:
        left = bytearray(state)

        def read(_: int, data: int, size: int) -> int:
            bite = bytes(left[: min(size, 5)])
            del left[: len(bite)]
            c.memmove(data, bite, len(bite))
            return len(bite)

        stream = Stream(None, WRITE(read))
        return bool(self.extension("clap.state", State).load(self.address, c.addressof(stream)))

    def close(self) -> None:
        self.plugin.destroy(self.address)
        self._entry.deinit()
