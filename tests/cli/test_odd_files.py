"""Pipes, links, closed streams: nothing hangs and no data is lost."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HOUSE = Path(__file__).parents[2]
LSTM = HOUSE / "tests" / "runtime" / "nets" / "lstm-last.onnx"
X = np.arange(24, dtype=np.float32).reshape(3, 4, 2)

DATA = ["d.npy", "d.npz", "d.csv", "d.parquet"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with data in it, to work in."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    return tmp_path


def loop(name):
    """Make a link that leads back to itself through another link."""
    Path(name).symlink_to("back")
    Path("back").symlink_to(name)


def whole_of(folder):
    """Return the content of a folder: the bytes of files, the mode of other entries."""
    return {
        path.name: path.read_bytes() if path.is_file() else path.lstat().st_mode
        for path in folder.iterdir()
    }


# Inputs


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "must be a file, not a device or a pipe"),
        (os.mkdir, "must be a file, not a folder"),
        (loop, "cannot be read ("),
        (lambda name: os.symlink("gone", name), "does not exist"),
        (lambda name: os.symlink("/dev/zero", name), "must be a file, not a device"),
    ],
    ids=["a pipe", "a folder", "a loop", "a link to nothing", "a link to an endless device"],
)
def test_data_that_is_no_file_is_exit_code_3_and_no_wait(run, here, name, make, reason):
    make(name)
    before = whole_of(here)

    done = run("predict", name, "-m", LSTM, "-o", "y.npy")

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"seqrt: E_INPUT_FILE: {name} {reason}")
    assert done.err.count("\n") == 1
    assert whole_of(here) == before


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, loop], ids=["a pipe", "a folder", "a loop"])
def test_a_model_that_is_no_file_is_exit_code_4_and_one_code(run, here, make):
    make("m.onnx")
    before = whole_of(here)

    done = run("predict", "x.npy", "-m", "m.onnx")

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("seqrt: E_MODEL_FILE: m.onnx: ")
    assert done.err.count("E_MODEL_FILE") == done.err.count("\n") == 1
    assert whole_of(here) == before


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, loop], ids=["a pipe", "a folder", "a loop"])
def test_a_saved_state_that_is_no_file_is_exit_code_3_and_no_wait(run, monkeypatch, make):
    make("a.state")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,2\n")))

    done = run("stream", LSTM, "--restore", "a.state")

    assert (done.code, done.out) == (3, "")
    reasons = "must be a file, not a", "cannot be read ("
    assert done.err.startswith(tuple(f"seqrt: E_INPUT_FILE: a.state {why}" for why in reasons))


def test_links_to_data_and_to_a_model_are_followed(run):
    Path("link.npy").symlink_to("x.npy")
    Path("link.onnx").symlink_to(LSTM)

    linked = run("predict", "link.npy", "-m", "link.onnx", "-o", "linked.npy")
    plain = run("predict", "x.npy", "-m", LSTM, "-o", "plain.npy")

    assert (linked.code, plain.code) == (0, 0)
    np.testing.assert_array_equal(np.load("linked.npy"), np.load("plain.npy"))


# Outputs


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a device or a pipe"),
        (os.mkdir, "a folder"),
        (loop, "a circular link"),
        (lambda name: os.symlink("/dev/null", name), "a device or a pipe"),
    ],
    ids=["a pipe", "a folder", "a loop", "a link to a device"],
)
@pytest.mark.parametrize(
    "words",
    [
        ("predict", "x.npy", "-m", LSTM, "-o", "out.npy"),
        ("stream", LSTM, "--save", "out.npy"),
    ],
    ids=["predict", "stream"],
)
def test_no_result_goes_to_what_is_no_file_and_that_is_said_first(run, here, words, make, kind):
    make("out.npy")
    before = whole_of(here)

    done = run(*words)

    assert (done.code, done.out) == (7, "")
    assert f"E_OUTPUT_PATH: out.npy must be a file, not {kind}" in done.err
    assert whole_of(here) == before


@pytest.mark.parametrize("there", [True, False])
def test_a_result_goes_where_a_link_leads_and_the_link_stays(run, there):
    if there:
        Path("real.npy").write_bytes(b"older")
    Path("y.npy").symlink_to("real.npy")

    done = run("predict", "x.npy", "-m", LSTM, "-o", "y.npy")

    assert done.code == 0, done.err
    assert Path("y.npy").is_symlink()
    assert np.load("real.npy").shape == (3, 2)


def test_a_link_does_not_hide_that_the_result_would_be_its_own_input(run):
    Path("y.npy").symlink_to("x.npy")

    done = run("predict", "x.npy", "-m", LSTM, "-o", "y.npy")

    assert (done.code, done.out) == (7, "")
    assert "E_OUTPUT_INPUT" in done.err
    np.testing.assert_array_equal(np.load("x.npy"), X)


def test_names_that_are_no_text_are_names():
    """Python writes bytes that are not UTF-8 as surrogates, which a UTF-8 locale cannot print."""
    data, result = "x-\udcff.npy", "y-\udcfe.npy"
    os.rename("x.npy", data)

    done = subprocess.run(
        [sys.executable, "-m", "seqrt", "predict", data, "-m", LSTM, "-o", result],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"y-\xfe.npy\n")
    assert len(np.load(result)) == len(X)


# Standard streams that are closed before the process starts


def shell(words, redirected, **options):
    """Run `seqrt WORDS` from a shell, with redirections that close some streams."""
    line = f'exec "$0" -m seqrt {words} {redirected}'
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    return subprocess.run(
        ["sh", "-c", line, sys.executable],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    "words",
    [f"predict x.npy -m {LSTM} -o y.npy", f"info {LSTM}", f"stream {LSTM} --save s", "--help"],
    ids=lambda words: words.split()[0],
)
def test_a_closed_stdout_is_exit_code_7_before_any_work(here, words):
    before = whole_of(here)

    done = shell(words, ">&-", input="1,2\n")

    assert done.returncode == 7
    assert done.stderr == (
        "seqrt: E_OUTPUT_STDOUT: stdout must be open, because results are written to it."
        " Redirect it to /dev/null to discard them.\n"
    )
    assert whole_of(here) == before


def test_a_closed_stderr_changes_no_result_and_no_exit_code():
    right = shell(f"predict x.npy -m {LSTM} -o y.npy", "<&- 2>&-")
    wrong = shell(f"predict gone.npy -m {LSTM}", "<&- 2>&-")

    assert (right.returncode, right.stdout) == (0, "y.npy\n")
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert np.load("y.npy").shape == (3, 2)


def test_what_is_said_on_a_closed_stderr_does_not_go_into_a_file():
    code = (
        "import os, sys\n"
        "from seqrt.cli import main\n"
        "from seqrt.cli.app import app\n"
        "from seqrt.files import writing\n"
        "@app.command()\n"
        "def act():\n"
        "    with writing('y.npy') as file:\n"
        "        file.write(b'result')\n"
        "        os.write(2, b'a message of a library')\n"
        "main(['act'])\n"
    )

    subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code],
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        timeout=600,
        check=True,
    )

    assert Path("y.npy").read_bytes() == b"result"
