"""Importing and running are quiet: no heavy modules, no output, no files, no threads left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NETS = Path(__file__).parent / "nets"


def run(code: str, home) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
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
