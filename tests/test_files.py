"""Files appear whole or not at all, whatever fails."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from seqrt.errors import OutputError
from seqrt.files import (
    check_not_input,
    check_writable,
    make_folder,
    write_bytes,
    write_text,
    writing,
)


@pytest.fixture
def old(tmp_path):
    """A file that must survive every failure."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    return path


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "y.npy"

    with writing(path) as file:
        file.write(b"first half")
        seen_halfway = path.exists()
        file.write(b", second half")

    assert not seen_halfway
    assert path.read_bytes() == b"first half, second half"
    assert names(tmp_path) == ["y.npy"]


def test_what_is_written_replaces_an_older_file(old):
    write_bytes(old, b"new")

    assert old.read_bytes() == b"new"
    assert names(old.parent) == ["model.onnx"]


def test_text_is_written_as_utf_8_without_changing_its_line_ends(tmp_path):
    write_text(tmp_path / "run.toml", 'unit = "µg"\nnext = "\r\n"')

    assert (tmp_path / "run.toml").read_bytes() == b'unit = "\xc2\xb5g"\nnext = "\r\n"'


@pytest.mark.parametrize("failure", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(3)])
def test_any_exception_leaves_the_old_file_and_no_part(old, failure):
    def write_half():
        with writing(old) as file:
            file.write(b"half of the new")
            raise failure

    with pytest.raises(type(failure)):
        write_half()

    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["model.onnx"]


def test_a_full_disk_leaves_the_old_file_and_no_part(old):
    # The kernel's own limit on the size of a file fails as a full disk does, in the middle.
    script = (
        "import resource, signal, sys\n"
        "from seqrt.files import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_bytes(sys.argv[1], bytes(200_000))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error)\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", script, str(old)], capture_output=True, text=True, check=True
    )

    assert run.stdout.startswith(f"OutputError E_OUTPUT_DISK_FULL: {old} does not fit on the disk")
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["model.onnx"]


def test_a_disk_that_fills_while_numpy_writes_is_told_as_a_full_disk(old):
    script = (
        "import resource, signal, sys\n"
        "import numpy as np\n"
        "from seqrt.files import writing\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    with writing(sys.argv[1]) as file:\n"
        "        np.save(file, np.zeros(50_000, np.float32))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error)\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", script, str(old)], capture_output=True, text=True, check=True
    )

    assert run.stdout.startswith("OutputError E_OUTPUT_DISK_FULL")
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["model.onnx"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "E_OUTPUT_DISK_FULL"),
        (errno.EDQUOT, "E_OUTPUT_DISK_FULL"),
        (errno.EROFS, "E_OUTPUT_DENIED"),
        (errno.EIO, "E_OUTPUT_FAILED"),
    ],
)
def test_a_failure_at_the_last_steps_leaves_the_old_file(old, monkeypatch, step, number, code):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)

    with pytest.raises(OutputError, match=rf"^{code}: .*{os.strerror(number)}") as caught:
        write_bytes(old, b"new")

    monkeypatch.undo()
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["model.onnx"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_error_of_the_caller_passes_as_it_is(old, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"), writing(old) as file:
        file.write((tmp_path / "missing.csv").read_bytes())

    assert old.read_bytes() == b"old"
    assert names(tmp_path) == ["model.onnx"]


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(OutputError, match=r"^E_OUTPUT_PATH: .* must be a file, not a folder"):
        write_bytes(tmp_path, b"")


def test_a_device_is_not_replaced():
    with pytest.raises(OutputError, match=r"^E_OUTPUT_PATH: /dev/null must be a file, not a dev"):
        write_bytes("/dev/null", b"")

    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_link_in_a_circle_is_not_replaced(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    with pytest.raises(OutputError, match=r"^E_OUTPUT_PATH: .*one must be .* not a circular link"):
        check_writable(tmp_path / "one")

    assert (tmp_path / "one").is_symlink()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        OutputError, match=r"^E_OUTPUT_FOLDER: cannot write .*y\.npy: .*runs does not"
    ):
        write_bytes(tmp_path / "runs" / "y.npy", b"")


def test_a_file_in_the_place_of_the_folder_is_named(old):
    with pytest.raises(OutputError, match=r"^E_OUTPUT_FOLDER: .*model\.onnx is not a folder"):
        write_bytes(old / "y.npy", b"")


@pytest.mark.parametrize("name", ["a\0b", "n" * 5000])
def test_an_impossible_name_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"^E_OUTPUT_PATH"):
        write_bytes(tmp_path / name, b"")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_and_a_read_only_file_are_refused(old):
    old.chmod(0o444)
    with pytest.raises(OutputError, match=r"^E_OUTPUT_DENIED: .*model\.onnx: it is read-only"):
        write_bytes(old, b"new")
    old.chmod(0o644)
    old.parent.chmod(0o555)

    with pytest.raises(OutputError, match=r"^E_OUTPUT_DENIED"):
        write_bytes(old, b"new")

    old.parent.chmod(0o755)
    assert old.read_bytes() == b"old"


def test_a_file_that_is_read_only_is_refused_before_there_is_anything_to_write(old, monkeypatch):
    # root may write everywhere, so the answer of os.access counts, not the permission bits
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with pytest.raises(OutputError, match=r"^E_OUTPUT_DENIED: .*model\.onnx: it is read-only"):
        check_writable(old)


def test_a_file_is_written_where_folders_cannot_be_synchronised(old, monkeypatch):
    monkeypatch.delattr(os, "O_DIRECTORY")

    write_bytes(old, b"new")

    assert old.read_bytes() == b"new"


def test_a_result_is_kept_from_its_inputs_by_whatever_name(old, tmp_path):
    link, hard = tmp_path / "link", tmp_path / "hard"
    link.symlink_to(old)
    os.link(old, hard)

    for out in (old, link, hard):
        with pytest.raises(OutputError, match=rf"E_OUTPUT_INPUT: .* the input {old}\. "):
            check_not_input(out, tmp_path / "gone", old)
        with (
            open(old, "rb") as file,
            pytest.raises(OutputError, match=r"the same file as the input\."),
        ):
            check_not_input(out, file.fileno())
    check_not_input(tmp_path / "new", old)
    check_not_input("nul\0byte", old)


def test_a_folder_is_made_with_those_above_it_and_may_be_there_already(tmp_path):
    make_folder(tmp_path / "runs" / "first")
    make_folder(tmp_path / "runs" / "first")

    assert (tmp_path / "runs" / "first").is_dir()


def test_a_file_in_the_place_of_a_folder_is_named(old):
    with pytest.raises(
        OutputError, match=r"E_OUTPUT_FOLDER: cannot create the folder .*model\.onnx"
    ):
        make_folder(old)
    with pytest.raises(OutputError, match="E_OUTPUT_FOLDER"):
        make_folder(old / "below")


@pytest.mark.parametrize("name", ["n" * 255, "µ" * 127, "[a]*?.npy"])
def test_every_name_that_a_folder_can_hold_can_be_written(tmp_path, name):
    write_bytes(tmp_path / name, b"new")

    assert names(tmp_path) == [name]


def test_a_link_keeps_pointing_to_the_file_that_was_written(old, tmp_path):
    link = tmp_path / "newest.onnx"
    link.symlink_to(old)

    write_bytes(link, b"new")

    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(old, tmp_path):
    old.chmod(0o640)
    (tmp_path / "usual").write_bytes(b"")

    write_bytes(old, b"new")
    write_bytes(tmp_path / "new", b"")

    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_parts_of_killed_processes_are_swept_up_after_an_hour(old, tmp_path):
    stale, fresh = tmp_path / ".model.onnx.0123abcd.part", tmp_path / ".model.onnx.4567abcd.part"
    foreign = tmp_path / ".other.onnx.0123abcd.part"
    for part in (stale, fresh, foreign):
        part.write_bytes(b"half")
    for part in (stale, foreign):
        os.utime(part, (time.time() - 4000,) * 2)

    write_bytes(old, b"new")

    assert names(tmp_path) == [fresh.name, foreign.name, "model.onnx"]


def test_arrays_and_archives_can_be_saved_into_it(tmp_path):
    x = np.arange(6.0).reshape(2, 3)

    with writing(tmp_path / "x.npy") as file:
        np.save(file, x)
    with writing(tmp_path / "x.npz") as file:
        np.savez(file, x=x)

    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), x)
    with np.load(tmp_path / "x.npz") as archive:
        np.testing.assert_array_equal(archive["x"], x)
