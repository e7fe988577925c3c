"""A file larger than memory is answered as any other: the same numbers, in order, or no file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.format import write_array_header_1_0

import seqrt
from seqrt.cli import predict_file, rate
from seqrt.export import export
from seqrt.training import Network

NETS = Path(__file__).parents[1] / "runtime" / "nets"
KINDS = ["lstm-last", "gru-sequence", "rnn-last", "gru-bidirectional-sequence", "rnn-relu"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=[10, 500, 1500], ids="memory {}".format)
def small_slices(request, monkeypatch):
    """Slices of one step, of some steps, of some sequences."""
    monkeypatch.setattr(predict_file, "_MEMORY", request.param)
    monkeypatch.setattr(predict_file, "_WORK", 1)


def sparse(path, shape, kind="<f4"):
    """Write an array of zeros that takes no room on the disk."""
    with open(path, "wb") as file:
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        write_array_header_1_0(file, header)
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        file.truncate(file.tell() + size)


def values(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


# The same answers


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(7, 11, 2), (80, 3, 2), (1, 50, 2)])
@pytest.mark.usefixtures("small_slices")
def test_slices_do_not_change_the_answers(run, name, shape):
    x = values(*shape)
    np.save("x.npy", x)

    done = run("predict", "x.npy", "-m", NETS / f"{name}.onnx", "--threads", 2)

    assert done.code == 0
    np.save("want.npy", seqrt.load(NETS / f"{name}.onnx").predict(x))
    assert Path("x.pred.npy").read_bytes() == Path("want.npy").read_bytes()


@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence"])
@pytest.mark.parametrize("shape", [(0, 9, 2), (4, 0, 2)])
def test_nothing_is_answered_as_predict_does(run, name, shape):
    np.save("x.npy", np.zeros(shape))

    assert run("predict", "x.npy", "-m", NETS / f"{name}.onnx").code == 0

    np.save("want.npy", seqrt.load(NETS / f"{name}.onnx").predict(np.zeros(shape)))
    assert Path("x.pred.npy").read_bytes() == Path("want.npy").read_bytes()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.usefixtures("small_slices")
def test_a_series_of_any_kind_of_number_is_answered_in_slices_too(run, name):
    series = np.asfortranarray(np.random.default_rng(0).random((60, 2)).astype(">f8"))
    np.save("x.npy", series)

    run("predict", "x.npy", "-m", NETS / f"{name}.onnx")

    want = seqrt.load(NETS / f"{name}.onnx").predict(series[None])
    np.testing.assert_array_equal(np.load("x.pred.npy"), want)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.usefixtures("small_slices")
def test_ragged_sequences_are_answered_in_slices_too(run, name):
    lengths = [3, 0, 17, 1, 1, 40, 2]
    x = values(sum(lengths), 2)
    np.savez("x.npz", x=x, lengths=lengths)

    run("predict", "x.npz", "-m", NETS / f"{name}.onnx")

    y = np.load("x.pred.npy")
    answers = seqrt.load(NETS / f"{name}.onnx").predict(np.split(x, np.cumsum(lengths)[:-1]))
    for row, answer, length in zip(y, answers, lengths, strict=True):
        if "sequence" in name:
            np.testing.assert_array_equal(row[:length], answer)
            assert not row[length:].any()
        else:
            np.testing.assert_array_equal(row, answer)


@pytest.mark.usefixtures("small_slices")
def test_every_sequence_is_counted_once_and_every_step_passes_once(run, monkeypatch):
    x = 10 * values(60, 9, 2)
    np.save("x.npy", x)
    passed = []
    monkeypatch.setattr(rate, "counting", lambda *_: contextlib.nullcontext(passed.append))
    path = NETS / "gru-norm-classes.onnx"

    done = run("predict", "x.npy", "-m", path)

    model = seqrt.load(path)
    counts = np.bincount(model.predict(x).argmax(axis=1), minlength=len(model.manifest.classes))
    for label, count in zip(model.manifest.classes, counts, strict=True):
        assert (f"{label}: {count}" in done.err) == (count > 0)
    assert sum(passed) == 60 * 9


# Or no file


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.usefixtures("small_slices")
def test_nan_far_into_the_file_is_named_by_its_place_there_and_leaves_no_file(run, here, name):
    x = values(80, 9, 2)
    x[77, 6, 1] = np.nan
    np.save("x.npy", x)

    done = run("predict", "x.npy", "-m", NETS / f"{name}.onnx")

    assert (done.code, done.out) == (3, "")
    assert "x[item 77, step 6, feature 1] is nan" in done.err
    assert done.err.count("\n") == 1
    assert os.listdir(here) == ["x.npy"]


def test_an_older_answer_stays_where_the_new_one_fails(run):
    np.save("x.pred.npy", np.ones(3))
    np.save("x.npy", np.full((5, 9, 2), np.nan))

    assert run("predict", "x.npy", "-m", NETS / "lstm-last.onnx").code == 3

    np.testing.assert_array_equal(np.load("x.pred.npy"), np.ones(3))


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system has no signals")
@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence"])
def test_ctrl_c_on_two_giant_sequences_leaves_no_file(here, name):
    sparse("x.npy", (2, 300_000_000, 2))
    command = [sys.executable, "-m", "seqrt", "predict", "x.npy", "-m", NETS / f"{name}.onnx"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not list(here.glob(".x.pred.npy.*.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (130, b"", b"seqrt: interrupted.\n")
    assert os.listdir(here) == ["x.npy"]


# In memory that does not grow

MOST = """
import sys
from seqrt.cli import main

def most():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024

def predict(path):
    try:
        main(["predict", path, "-m", "net.onnx", "-o", "y.npy"])
    except SystemExit as leave:
        assert leave.code == 0, leave.code

predict("few.npy")
before = most()
predict("x.npy")
print("grown by", most() - before)  # what is mapped of the file counts too
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
@pytest.mark.parametrize(
    ("head", "shape", "kind"),
    [
        ("last", (65_536, 4, 1024), "<f4"),
        ("sequence", (131_072, 1024), ">f8"),
    ],
)
def test_a_gigabyte_takes_no_more_memory_than_a_few_numbers(head, shape, kind):
    torch.manual_seed(0)
    export(Network("gru", 1024, (1,), 1, head=head), Path("net.onnx"))
    sparse("x.npy", shape, kind)
    assert Path("x.npy").stat().st_size > 1 << 30
    sparse("few.npy", (2, 4, 1024))

    done = subprocess.run([sys.executable, "-c", MOST], capture_output=True, text=True, check=True)

    assert int(done.stdout.split("grown by ")[1]) < 400  # MiB
