"""The native plug-in: loaded into pedalboard, and installed where audio programs look for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import _core
from ._checks import GAIN_SUFFIX, Gain, gain_from_db, gains_by_stem
from ._core import FADER_BOTTOM_DB, FADER_TOP_DB
from ._runtime import find_library
from .registry import DEFAULT_MODEL, installed_models, load_model
from .separator import ModelLike

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

RUNTIME_VARIABLE = "UNBRAID_ORT_LIBRARY"
MODEL_VARIABLE = "UNBRAID_PLUGIN_MODEL"
CONFIG_FILE = "unbraid.conf"
COPY_MARK = "# Copied here by `unbraid plugin install --copy`; `unbraid plugin remove` removes it.\n"

FORMATS = {"vst3": "Unbraid.vst3", "clap": "Unbraid.clap", "lv2": "unbraid.lv2"}  # and what each is called

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # as the registry's
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def load_plugin(
    model: ModelLike = DEFAULT_MODEL, gains_db: Mapping[str, Gain] | None = None, **gains: Gain
) -> VST3Plugin:
    """The separator as an effect for pedalboard, with a fader per stem::

        board = Pedalboard([unbraid.load_plugin(music_db=-12, noise_db="mute"), Compressor(), Limiter()])

    The gains are those of `remix`, up to +12 dB, in steps of 0.1 dB; from -72 dB on a stem is silent. Afterwards each
    is an attribute, as in `plugin.music_db = -6`; -inf is mute. `plugin.bypass` (True, False) and `plugin.solo`
    ("none" or a stem) go with them. As all plug-ins of pedalboard, it has to be loaded in the main thread; then any
    thread may use it.

    A whole signal comes out aligned. In a stream, with `reset=False`, the first `reported_latency_samples` samples are
    held back: begin a stream with `board.reset()`, and end it with as many samples of silence to get them out.

    Raises ModelError for a model that cannot be had or does not stream, TypeError and ValueError for gains as `remix`
    does, FileNotFoundError where this build has no plug-in, RuntimeError in another thread than the main one and if the
    plug-in cannot use the model.
    """
    # Before pedalboard is touched, which takes the thread that loads its first plug-in for the main one for good.
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("load_plugin must be called in the main thread; then any thread may use the plug-in")
    from pedalboard import VST3Plugin  # takes a while, and most users of this package do without

    loaded = load_model(model)
    loaded.check_streams()  # the plug-in passes over one that does not, and takes another
    gains_by_stem(gains_db, gains, loaded.stem_names)
    faders = {keyword: fader_db(gain_db, keyword) for keyword, gain_db in {**(gains_db or {}), **gains}.items()}
    told = {MODEL_VARIABLE: loaded.path}
    if RUNTIME_VARIABLE not in os.environ and (library := find_library()):
        told[RUNTIME_VARIABLE] = str(library)
    with _lock, environment(told):
        try:
            plugin = VST3Plugin(str(bundle_path("vst3")))
        except RuntimeError as error:
            if "main thread" not in str(error):
                raise
            raise RuntimeError(
                "pedalboard can load no plug-in here: its first one was loaded in another thread than the main one"
            ) from error
    status = str(getattr(plugin, "status"))  # noqa: B009 - pedalboard makes its attributes at run time
    if status != "ready":
        raise RuntimeError(f"the plug-in cannot use {loaded.path}; it says {status!r}")
    parameters = getattr(plugin, "parameters")  # noqa: B009
    names = dict(zip(loaded.stem_names, parameters, strict=False))  # its faders come first
    for keyword, gain_db in faders.items():
        setattr(plugin, names[keyword.removesuffix(GAIN_SUFFIX)], gain_db)
    plugin.reset()  # or a stream that starts now would come out late: pedalboard has tried the plug-in at 44.1 kHz
    return plugin


def fader_db(gain_db: Gain, keyword: str) -> float:
    """The nearest position of a fader; -inf is its bottom."""
    if gain_from_db(gain_db, keyword) == 0.0 or float(gain_db) < FADER_BOTTOM_DB + 0.05:
        return float("-inf")
    if float(gain_db) > FADER_TOP_DB:
        raise ValueError(f"{keyword} must be at most {FADER_TOP_DB:g} dB in the plug-in, got {gain_db:g}")
    return round(float(gain_db), 1)


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets variables for a while; the plug-in reads them when it is made."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def bundle_path(kind: str = "vst3") -> Path:
    """Where the plug-in of that format lies inside the installed package."""
    path = Path(_core.__file__).resolve().parent / "plugins" / FORMATS[kind]
    if not path.exists():
        raise FileNotFoundError(f"{path}: this build of unbraid has no {kind} plug-in")
    return path


def install(formats: Iterable[str] = FORMATS, *, copy: bool = False) -> list[Path]:
    """Puts the plug-in where audio programs look for it, `plugin_folders()`. Returns the places.

    A link into this Python environment needs no room and follows its updates. A copy brings the runtime and the
    installed models along and outlives the environment; Windows, where links are for developers, always gets copies.
    What an earlier call left is replaced, nothing else.
    """
    copy = copy or sys.platform == "win32"
    installed = []
    for kind in formats:
        bundle = bundle_path(kind)
        for place in places(kind):
            clear(place)
        target = places(kind)[1 if copy else 0]
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy:
            copy_bundle(bundle, target)
        else:
            write_paths(bundle)
            target.symlink_to(bundle)
        installed.append(target)
    return installed


def remove(formats: Iterable[str] = FORMATS) -> list[Path]:
    """Takes away what `install` put in place; returns what was there."""
    return [place for kind in formats for place in dict.fromkeys(places(kind)) if clear(place)]


def plugin_folders() -> dict[str, Path]:
    """Where this system's audio programs look for the plug-ins of one user, by format."""
    if sys.platform == "win32":
        if not {"LOCALAPPDATA", "APPDATA"} <= set(os.environ):
            raise FileNotFoundError("no folder to install into: LOCALAPPDATA and APPDATA must be set")
        common = Path(os.environ["LOCALAPPDATA"], "Programs", "Common")
        return {"vst3": common / "VST3", "clap": common / "CLAP", "lv2": Path(os.environ["APPDATA"], "LV2")}
    try:
        home = Path.home()
    except RuntimeError:  # a user id that the system does not know
        raise FileNotFoundError("no home folder to install into: set HOME to one") from None
    if sys.platform == "darwin":
        return {kind: home / "Library" / "Audio" / "Plug-Ins" / kind.upper() for kind in FORMATS}
    return {kind: home / f".{kind}" for kind in FORMATS}


def places(kind: str) -> tuple[Path, Path]:
    """Where a link goes, and where a copy: a .clap that is a single file gets a folder, for what it brings along."""
    link = plugin_folders()[kind] / FORMATS[kind]
    return link, link.with_suffix("") if kind == "clap" and sys.platform != "darwin" else link


def clear(place: Path) -> bool:
    """Removes a link or a copy of ours; FileExistsError for anything else."""
    if place.is_symlink():
        place.unlink()
        return True
    if not place.exists():
        return False
    if not any(file.read_text(encoding="utf-8").startswith(COPY_MARK) for file in place.rglob(CONFIG_FILE)):
        raise FileExistsError(f"{place}: something else is there; remove it first")
    shutil.rmtree(place)
    return True


def resources(bundle: Path) -> Path:
    """The folder in which the plug-in looks for its own copies and for unbraid.conf."""
    if (bundle / "Contents").is_dir():
        return bundle / "Contents" / "Resources"
    return bundle if bundle.is_dir() else bundle.parent


def copy_bundle(bundle: Path, target: Path) -> None:
    """A copy that needs nothing else: with the installed models and the runtime."""
    if bundle.is_dir():
        shutil.copytree(bundle, target)
    else:
        target.mkdir()
        shutil.copy2(bundle, target)
    folder = resources(target)
    (folder / "models").mkdir(parents=True)
    for name, path in installed_models().items():
        shutil.copy2(path, folder / "models" / f"{name}.onnx")
    if library := find_library():
        shutil.copy2(library, folder)
    (folder / CONFIG_FILE).write_text(COPY_MARK, encoding="utf-8")


def write_paths(bundle: Path) -> None:
    """Tells the bundle where its runtime is, if that is not where it looks: in the same site-packages."""
    library = find_library()
    site_packages = bundle_path("vst3").parent.parent.parent
    if library is None or library.resolve().is_relative_to(site_packages):
        return
    config = resources(bundle) / CONFIG_FILE
    config.parent.mkdir(exist_ok=True)
    lines = config.read_text(encoding="utf-8").splitlines() if config.exists() else []
    kept = [line for line in lines if not line.startswith("onnxruntime")]
    config.write_text("\n".join([*kept, f"onnxruntime = {library}", ""]), encoding="utf-8")
