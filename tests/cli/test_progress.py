"""Work that takes long shows its progress on a terminal, and nowhere else."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0

NET = Path(__file__).parents[1] / "runtime" / "nets" / "lstm-last.onnx"
PREDICT = [sys.executable, "-m", "seqrt", "predict", "x.npy", "-m", NET]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this system has no terminals")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def work_for_minutes():
    """Write a sequence of zeros that takes no space on the disk."""
    with open("x.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (1, 300_000_000, 2)}
        write_array_header_1_0(file, header)
        file.truncate(file.tell() + 8 * 300_000_000)


def open_terminal():
    """Return the end to read from, and the ends that a child writes to."""
    screen, terminal = os.openpty()
    return screen, {"stdin": terminal, "stdout": terminal, "stderr": terminal}


def shown(screen, until=None):
    """Return the text on a screen, up to `until` or to the end."""
    text = b""
    while until is None or until not in text:
        assert select.select([screen], [], [], 600)[0], f"nothing more comes after {text!r}"
        try:
            more = os.read(screen, 65_536)
        except OSError:  # raised on Linux when the other side has closed
            more = b""
        text += more
        if not more:
            break
    return text.decode()


def test_on_a_terminal_long_work_shows_rate_and_time_left_until_ctrl_c():
    work_for_minutes()
    screen, ends = open_terminal()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}

    with subprocess.Popen(PREDICT, env=environment, start_new_session=True, **ends) as process:
        os.close(ends["stdout"])
        seen = shown(screen, until=b" left")
        process.send_signal(signal.SIGINT)
        last = shown(screen)
    os.close(screen)

    assert "%" in seen
    assert "steps/s" in seen
    assert process.returncode == 130
    assert last.endswith("seqrt: interrupted.\r\n")


# No time passes for this one, however slow the machine is.
AT_ONCE = """
import sys, types
from seqrt.cli import main, progress
progress.time = types.SimpleNamespace(monotonic=lambda: 0.0)
main(sys.argv[1:])
"""


def test_on_a_terminal_short_work_shows_its_result_alone():
    np.save("x.npy", np.zeros((3, 4, 2)))
    screen, ends = open_terminal()
    line = [sys.executable, "-c", AT_ONCE, *PREDICT[3:], "--json"]

    with subprocess.Popen(line, start_new_session=True, **ends) as process:
        os.close(ends["stdout"])
        seen = shown(screen)
    os.close(screen)

    assert process.returncode == 0
    assert seen.startswith("{\r\n")
    assert seen.endswith("}\r\n")


def test_in_a_pipe_work_of_any_length_is_silent():
    np.save("x.npy", np.zeros((200, 50, 2), np.float32))
    long = """
from seqrt.cli.progress import work_progress
with work_progress(10, "steps", after=0.0) as advance:
    advance(4), advance(4)
"""

    done = subprocess.run(PREDICT, capture_output=True, text=True, check=True)
    work = subprocess.run([sys.executable, "-c", long], capture_output=True, text=True, check=True)

    assert done.stdout == "x.pred.npy\n"
    assert done.stderr.startswith("predictions of shape (200, 2): ")
    assert done.stderr.count("\n") == 1
    assert (work.stdout, work.stderr) == ("", "")
