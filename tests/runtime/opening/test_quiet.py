"""Importing and running are quiet: no heavy modules, no output, no files, no threads left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from seqrt.runtime.opening.installed import onnxruntime

NETS = Path(__file__).parents[1] / "nets"


def run(code: str, home) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
    )


def test_importing_loads_nothing_heavy(tmp_path):
    heavy = "{'torch', 'onnx', 'typer', 'pandas', 'onnxruntime', 'numpy'}"

    done = run(f"import sys, seqrt; assert not {heavy} & set(sys.modules), sys.modules", tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_predicting_needs_neither_torch_nor_onnx_nor_typer(tmp_path):
    code = (
        "import sys, numpy, seqrt\n"
        f"seqrt.load({str(NETS / 'lstm-last.onnx')!r}).predict(numpy.zeros((1, 3, 2)))\n"
        "assert not {'torch', 'onnx', 'typer', 'pandas'} & set(sys.modules)"
    )

    done = run(code, tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_predicting_leaves_no_file_and_no_thread(tmp_path):
    code = (
        "import os, numpy, seqrt\n"
        f"m = seqrt.load({str(NETS / 'lstm-last.onnx')!r}, threads=1)\n"
        "before = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 0\n"
        "m.predict(numpy.zeros((100, 3, 2)))\n"
        "after = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 0\n"
        "assert after == before, (before, after)\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )

    done = run(code, tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.rglob("*")) == []


# Audits every later request to the system, and exits the process at one that is not quiet: a
# socket, a process, a thread, a file that is written, created, moved or removed.
WATCHED = """
import os, sys
import numpy
tasks = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 0

def watch(event, args):
    loud = event.startswith(('socket.', 'subprocess.', 'os.', 'shutil.', 'tempfile.', '_thread.'))
    loud = loud and event not in ('os.listdir', 'os.scandir', 'os.putenv', 'os.walk')
    written = event == 'open' and (args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if loud or written:
        sys.stderr.write(f'{event} {args}\\n')
        sys.stderr.flush()
        os._exit(1)

sys.addaudithook(watch)
{work}
if tasks:
    assert len(os.listdir('/proc/self/task')) == tasks, os.listdir('/proc/self/task')
    opened = [os.path.realpath('/proc/self/fd/' + number) for number in os.listdir('/proc/self/fd')]
    assert not [name for name in opened if 'socket' in name], opened
"""
ALL_OF_IT = "import seqrt, seqrt.testing\nfor name in seqrt.__all__: getattr(seqrt, name)"
A_PREDICTION = f"""
import seqrt
model = seqrt.load({str(NETS / "lstm-last.onnx")!r}, threads=1)
model.predict(numpy.ones((50, 9, 2)))
model.stream().push(numpy.ones(2))
"""


@pytest.mark.parametrize(
    "work", ["import seqrt", ALL_OF_IT, A_PREDICTION], ids=["import", "all", "use"]
)
def test_no_socket_no_process_no_thread_and_no_file_is_asked_for(tmp_path, work):
    done = run(WATCHED.replace("{work}", work), tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "loud",
    [
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "from threading import Event, Thread; Thread(target=Event().wait, daemon=True).start()",
        "open(os.devnull, 'w')",
        "os.mkdir(os.path.expanduser('~/.cache'))",
    ],
)
def test_the_watch_sees_what_is_not_quiet(tmp_path, loud):
    assert run(WATCHED.replace("{work}", loud), tmp_path).returncode == 1


@pytest.mark.parametrize(("set_to", "is_then"), [(None, "1"), ("0", "0")])
def test_telemetry_is_off_unless_the_user_has_turned_it_on(monkeypatch, set_to, is_then):
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    if set_to:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", set_to)

    onnxruntime()

    assert os.environ["ORT_DISABLE_TELEMETRY"] == is_then


def test_a_forked_child_ends(tmp_path):
    code = (
        "import os, numpy, seqrt\n"
        f"m = seqrt.load({str(NETS / 'lstm-last.onnx')!r})\n"
        "x = numpy.ones((2, 3, 2))\n"
        "want = m.predict(x)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    same = (m.predict(x) == want).all()\n"
        "    raise SystemExit(0 if same else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0"
    )

    done = run(code, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
