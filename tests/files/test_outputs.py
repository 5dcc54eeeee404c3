"""Files that appear together or not at all, whatever happens on the way. No audio: bytes will do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unbraid.files import placing
from unbraid.files.outputs import OutputSet
from unbraid.files.scratch import FOREIGN_AGE_SECONDS, PREFIX, SUFFIX

NAMES = ("one", "two", "three")

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs locks and signals of Unix")


def targets_in(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.wav" for name in NAMES}


def write_all(
    folder: Path, text: str = "new", *, force: bool = False, before: Callable[[], object] = lambda: 0
) -> object:
    """Writes the files of NAMES; `before` is called when all are written and none is in its place, its result given."""
    with OutputSet(targets_in(folder), force=force) as outputs:
        for name in NAMES:
            outputs.files[name].write(f"{text} {name}".encode())
        return before()


def found(folder: Path) -> dict[str, str]:
    """All files, hidden ones too, with what is in them."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def complete(text: str = "new", folder: str = "") -> dict[str, str]:
    return {f"{folder}{name}.wav": f"{text} {name}" for name in sorted(NAMES)}


@pytest.fixture(params=["new folder", "folder that is there"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "stems" / "talk"
    if request.param != "new folder":
        folder.mkdir(parents=True)
    return folder


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system as FAT."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(placing.os, "link", refuse)


def test_files_appear_when_all_are_complete(folder: Path) -> None:
    assert write_all(folder, before=lambda: any(path.exists() for path in targets_in(folder).values())) is False
    assert found(folder.parent) == complete(folder="talk/")


def test_a_new_folder_appears_with_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert write_all(folder, before=folder.exists) is False
    assert found(tmp_path) == complete(folder="a/b/")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("now")

    with pytest.raises(error, match="now"):
        write_all(tmp_path / "a" / "b", before=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("appeared", NAMES)
@pytest.mark.parametrize("links", [True, False])
def test_what_appears_meanwhile_is_kept(
    folder: Path, appeared: str, links: bool, request: pytest.FixtureRequest
) -> None:
    if not links:
        request.getfixturevalue("no_links")

    def appear() -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{appeared}.wav").write_text("mine")

    with pytest.raises(FileExistsError, match=rf"{appeared}\.wav: has appeared meanwhile; .*\(--force\)"):
        write_all(folder, before=appear)
    assert found(folder.parent) == {f"talk/{appeared}.wav": "mine"}
    write_all(folder, "second", force=True)
    assert found(folder) == complete("second")


def test_a_link_to_nothing_is_kept(folder: Path) -> None:
    def appear() -> None:
        folder.mkdir(exist_ok=True)
        (folder / "two.wav").symlink_to("nowhere")

    with pytest.raises(FileExistsError, match=r"two\.wav"):
        write_all(folder, before=appear)
    assert [path.name for path in folder.iterdir()] == ["two.wav"]


@pytest.mark.parametrize("links", [True, False])
def test_what_is_overwritten_comes_back_if_another_file_fails(
    tmp_path: Path, links: bool, request: pytest.FixtureRequest
) -> None:
    write_all(tmp_path, "old")
    (tmp_path / "one.wav").unlink()
    if not links:
        request.getfixturevalue("no_links")

    def obstruct() -> None:
        (tmp_path / "three.wav").unlink()
        (tmp_path / "three.wav").mkdir()

    with pytest.raises(OSError, match=r"three\.wav"):
        write_all(tmp_path, force=True, before=obstruct)
    assert found(tmp_path) == {"two.wav": "old two"}
    (tmp_path / "three.wav").rmdir()
    write_all(tmp_path, force=True)
    assert found(tmp_path) == complete()


def test_files_of_several_folders_fail_together(tmp_path: Path) -> None:
    targets = {"a": tmp_path / "a" / "x", "b": tmp_path / "b" / "x"}
    with pytest.raises(OSError, match="b"), OutputSet(targets, force=False):
        (tmp_path / "b").write_text("a file where a folder should be")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_all_is_on_the_disk_before_it_has_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, set[str]]] = []
    original = os.fsync

    def fsync(handle: int) -> None:
        original(handle)
        there = {path.name for path in targets_in(folder).values() if path.exists()}
        synced.append((os.fstat(handle).st_ino, there))

    monkeypatch.setattr(os, "fsync", fsync)
    write_all(folder)
    files = {path.stat().st_ino for path in targets_in(folder).values()}
    assert {inode for inode, there in synced if not there} >= files
    names = {path.name for path in targets_in(folder).values()}
    holders = {folder.stat().st_ino, folder.parent.stat().st_ino}
    assert {inode for inode, there in synced if there == names} & holders


@pytest.mark.parametrize("failing", range(1, 5))
def test_a_disk_that_fails_in_the_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    calls: list[int] = []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == failing:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"Input/output error: '.+'"):
        write_all(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["\u306c" * 83 + ".flac", "n" * 251 + ".wav", "\U0001f3b5" * 62 + ".flac"])
@pytest.mark.parametrize("folder_name", ["", "\u306c" * 85, "n" * 255])
def test_names_as_long_as_the_system_takes_them(tmp_path: Path, name: str, folder_name: str) -> None:
    target = tmp_path / folder_name / name
    with OutputSet({"x": target}, force=False) as outputs:
        outputs.files["x"].write(b"new")
    with OutputSet({"x": target}, force=True) as outputs:
        outputs.files["x"].write(b"second")
    assert found(tmp_path) == {str(target.relative_to(tmp_path)): "second"}


@pytest.mark.parametrize("place", ["n" * 256, "new/" + "n" * 256, "n" * 256 + "/x", "\u306c" * 86])
def test_longer_names_are_refused_before_any_work(tmp_path: Path, place: str) -> None:
    with pytest.raises(OSError, match="too long"), OutputSet({"x": tmp_path / place}, force=True):
        pytest.fail("begun")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_not_overwritten(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for place in ("pipe.wav", "folder.wav", "file/x.wav", "file/new/x.wav", "link/x.wav"):
        with pytest.raises(OSError, match=place.split("/")[0]), OutputSet({"x": tmp_path / place}, force=True):
            pytest.fail("begun")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_vanishes_is_told(folder: Path) -> None:
    shown = r"one\.wav: its folder was removed while it was being written"
    with pytest.raises(FileNotFoundError, match=shown):
        write_all(folder, before=lambda: shutil.rmtree(folder.parent))
    assert not folder.parent.exists()
    with pytest.raises(FileNotFoundError, match=shown):
        check_while_it_vanishes(folder)


def check_while_it_vanishes(folder: Path) -> None:
    with OutputSet(targets_in(folder), force=False) as outputs:
        outputs.check_present()
        shutil.rmtree(folder.parent)
        outputs.check_present()
        pytest.fail("went on")


# --- runs that died --------------------------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys
from pathlib import Path
from unbraid.files.outputs import OutputSet
folder, fatal = Path(sys.argv[1]), sys.argv[2]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
def die_second(*args, **kwargs):
    setattr(os, fatal, die)
    return original(*args, **kwargs)
with OutputSet({name: folder / f"{name}.wav" for name in ("one", "two", "three")}, force=len(sys.argv) > 3) as outputs:
    for name, file in outputs.files.items():
        file.write(f"dead {name}".encode())
    if fatal == "write":
        die()
    original = getattr(os, fatal)
    setattr(os, fatal, die_second)
"""


def killed(folder: Path, *arguments: str) -> None:
    """What a run that is killed leaves."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, folder, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL


def left(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{PREFIX}*{SUFFIX}"))


@posix
def test_what_dead_runs_left_goes_with_the_next(folder: Path) -> None:
    killed(folder, "write")
    killed(folder, "write")
    assert left(folder.parent)
    write_all(folder.parent / "other")
    write_all(folder)
    assert found(folder.parent) == complete(folder="talk/") | complete(folder="other/")
    assert left(folder.parent) == []


@posix
def test_a_run_that_died_while_placing_its_files_is_undone(tmp_path: Path) -> None:
    killed(tmp_path, "link")
    assert "one.wav" in found(tmp_path)
    assert "three.wav" not in found(tmp_path)
    write_all(tmp_path)  # without force: nothing of the dead run's is in the way
    assert found(tmp_path) == complete()
    killed(tmp_path, "link", "force")
    write_all(tmp_path, "second", force=True)
    assert found(tmp_path) == complete("second")


def test_a_live_run_keeps_its_files(folder: Path) -> None:
    write_all(folder, before=lambda: write_all(folder.parent / "other", "other"))
    assert found(folder.parent) == complete(folder="talk/") | complete("other", folder="other/")
    with pytest.raises(FileExistsError):  # the same files twice at a time: the first to end has them
        write_all(folder.parent / "third", "outer", before=lambda: write_all(folder.parent / "third", "inner"))
    assert found(folder.parent / "third") == complete("inner")
    assert left(folder.parent) == []


@posix
def test_of_another_machine_only_what_is_old_is_taken_for_dead(tmp_path: Path) -> None:
    killed(tmp_path / "new", "write")
    (ours,) = left(tmp_path)
    foreign = ours.rename(tmp_path / f"{PREFIX}abcdef-0123456789ab{SUFFIX}")
    write_all(tmp_path / "a")
    assert left(tmp_path) == [foreign]
    for path in (*foreign.rglob("*"), foreign):
        os.utime(path, (0, path.stat().st_mtime - FOREIGN_AGE_SECONDS - 9))
    write_all(tmp_path / "b")
    assert left(tmp_path) == []


@posix
def test_only_folders_of_ours_are_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "lock").write_text("")
    (kept / "mine").write_text("mine")
    (tmp_path / f"{PREFIX}link{SUFFIX}").symlink_to(kept)
    (tmp_path / f"{PREFIX}file{SUFFIX}").write_text("mine")
    (tmp_path / f"{PREFIX}full{SUFFIX}").mkdir()
    (tmp_path / f"{PREFIX}full{SUFFIX}" / "mine").write_text("mine")
    (tmp_path / f"{PREFIX}empty{SUFFIX}").mkdir()
    write_all(tmp_path / "new")
    assert (kept / "mine").exists()
    assert sorted(path.name for path in left(tmp_path)) == [
        f"{PREFIX}{name}{SUFFIX}" for name in ("file", "full", "link")
    ]
