"""A file larger than memory is predicted like any other: the same numbers, in order, or no file."""

from __future__ import annotations

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
from seqrt.errors import InputError
from seqrt.export import export
from seqrt.training import Network

NETS = Path(__file__).parents[2] / "runtime" / "nets"
KINDS = ["lstm-last", "gru-sequence", "rnn-last", "gru-bidirectional-sequence", "rnn-relu"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=[10, 500, 1500], ids="memory {}".format)
def predict(request, predict_in_slices):
    """Predict a file in slices of one step, of some steps, of some sequences."""

    def call(name, net, threads=None, **options):
        model = seqrt.load(NETS / f"{net}.onnx", threads=threads)
        return predict_in_slices(request.param, name, model, "x.pred.npy", **options)

    return call


def sparse(path, shape, kind="<f4"):
    """Write an array of zeros that takes no space on the disk."""
    with open(path, "wb") as file:
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        write_array_header_1_0(file, header)
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        file.truncate(file.tell() + size)


def values(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


# The same predictions


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(7, 11, 2), (80, 3, 2), (1, 50, 2)])
def test_slices_do_not_change_the_predictions(predict, name, shape):
    x = values(*shape)
    np.save("x.npy", x)

    predict("x.npy", name, threads=2)

    np.save("want.npy", seqrt.load(NETS / f"{name}.onnx").predict(x))
    assert Path("x.pred.npy").read_bytes() == Path("want.npy").read_bytes()


@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence"])
@pytest.mark.parametrize("shape", [(0, 9, 2), (4, 0, 2)])
def test_an_empty_file_gives_what_the_model_gives(run, name, shape):
    np.save("x.npy", np.zeros(shape))

    assert run("predict", "x.npy", "-m", NETS / f"{name}.onnx").code == 0

    np.save("want.npy", seqrt.load(NETS / f"{name}.onnx").predict(np.zeros(shape)))
    assert Path("x.pred.npy").read_bytes() == Path("want.npy").read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_a_series_of_any_kind_of_number_is_predicted_in_slices_too(predict, name):
    series = np.asfortranarray(np.random.default_rng(0).random((60, 2)).astype(">f8"))
    np.save("x.npy", series)

    predict("x.npy", name)

    want = seqrt.load(NETS / f"{name}.onnx").predict(series[None])
    np.testing.assert_array_equal(np.load("x.pred.npy"), want)


@pytest.mark.parametrize("name", KINDS)
def test_ragged_sequences_are_predicted_in_slices_too(predict, name):
    lengths = [3, 0, 17, 1, 1, 40, 2]
    x = values(sum(lengths), 2)
    np.savez("x.npz", x=x, lengths=lengths)

    predict("x.npz", name)

    y = np.load("x.pred.npy")
    wanted = seqrt.load(NETS / f"{name}.onnx").predict(np.split(x, np.cumsum(lengths)[:-1]))
    for row, want, length in zip(y, wanted, lengths, strict=True):
        if "sequence" in name:
            np.testing.assert_array_equal(row[:length], want)
            assert not row[length:].any()
        else:
            np.testing.assert_array_equal(row, want)


def test_every_sequence_and_every_step_are_counted_once(run, predict):
    x = 10 * values(60, 9, 2)
    np.save("x.npy", x)
    steps = []
    path = NETS / "gru-norm-classes.onnx"

    result = predict("x.npy", path.stem, advance=steps.append)
    done = run("predict", "x.npy", "-m", path)

    model = seqrt.load(path)
    counts = np.bincount(model.predict(x).argmax(axis=1), minlength=len(model.manifest.classes))
    for i, (label, count) in enumerate(zip(model.manifest.classes, counts, strict=True)):
        assert result.found[i] == count
        assert (f"{label}: {count}" in done.err) == (count > 0)
    assert sum(steps) == 60 * 9


# Or no file


@pytest.mark.parametrize("name", KINDS)
def test_nan_far_into_the_file_is_named_by_its_place_there_and_leaves_no_file(
    run, predict, here, name
):
    x = values(80, 9, 2)
    x[77, 6, 1] = np.nan
    np.save("x.npy", x)

    with pytest.raises(InputError, match=r"x\[item 77, step 6, feature 1\] is nan"):
        predict("x.npy", name)
    done = run("predict", "x.npy", "-m", NETS / f"{name}.onnx")

    assert (done.code, done.out) == (3, "")
    assert "x[item 77, step 6, feature 1] is nan" in done.err
    assert done.err.count("\n") == 1
    assert os.listdir(here) == ["x.npy"]


def test_an_older_file_stays_where_the_new_one_fails(run):
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
        out, err = process.communicate(timeout=600)

    assert (process.returncode, out, err) == (130, b"", b"seqrt: interrupted.\n")
    assert os.listdir(here) == ["x.npy"]


# In memory that does not grow

# On one processor, because the number of blocks that happen to run at a time takes memory too.
MOST = """
import os
from seqrt.cli import main

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

def most():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024

def predict(path):
    try:
        main(["predict", path, "-m", "net.onnx", "-o", "y.npy"])
    except SystemExit as leave:
        assert leave.code == 0, leave.code

predict("half.npy")
before = most()
predict("x.npy")
print("grown by", most() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
@pytest.mark.parametrize(
    ("head", "shape", "kind"),
    [
        ("last", (65_536, 4, 1024), "<f4"),
        ("sequence", (131_072, 1024), ">f8"),
    ],
)
def test_a_gigabyte_takes_no_more_memory_than_half_of_it(head, shape, kind):
    torch.manual_seed(0)
    export(Network("gru", 1024, (1,), 1, head=head), Path("net.onnx"))
    sparse("x.npy", shape, kind)
    assert Path("x.npy").stat().st_size > 1 << 30
    sparse("half.npy", (shape[0] // 2, *shape[1:]), kind)

    done = subprocess.run([sys.executable, "-c", MOST], capture_output=True, text=True, check=True)

    # Half of the file is 512 MiB. By then the kernels hold what they need, whichever they are; a
    # slice of the file, up to 64 MiB, is mapped or not when the system looks.
    assert int(done.stdout.split("grown by ")[1]) < 128  # MiB
