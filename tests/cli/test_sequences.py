"""Sequences from training to evaluation: counters, padding of NaN, channels first, odd labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

TINY = ("--units", "3", "--epochs", "2", "--threads", "1")
KIND = np.arange(40) % 2


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Go to an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(run):
    """Train on an archive, with more options, and export; return the path of the model."""

    def make(data, *options):
        done = run("train", data, *TINY, *options, "-o", f"runs/{Path(data).stem}")
        assert done.code == 0, done.err
        path = f"{Path(data).stem}.onnx"
        assert run("export", f"runs/{Path(data).stem}", "-o", path).code == 0
        return path

    return make


def counters(kind=np.int64):
    steps = np.random.default_rng(0).integers(0, 9, (40, 6, 2)) + KIND[:, None, None]
    return (1_000_000_000 + steps.cumsum(axis=1)).astype(kind)


def predicted(run, data, model, *options):
    done = run("predict", data, "-m", model, "-o", "y.npy", *options)
    assert done.code == 0, done.err
    return np.load("y.npy")


def metrics(done):
    """The lines of an evaluation, without the note that the data is that of training."""
    return "".join(line for line in done.out.splitlines(True) if not line.startswith("note"))


def test_a_counter_is_read_alike_by_every_command_and_from_every_kind_of_file(run, model):
    np.savez("count.npz", x=counters(), y=KIND)
    path = model("count.npz")
    want = predicted(run, "count.npz", path)

    np.save("count.npy", counters())
    np.save("float.npy", counters(np.float64))
    np.savez("first.npz", x=counters().transpose(0, 2, 1))
    np.save("first.npy", counters().transpose(0, 2, 1))

    assert "columns   x0: a number, less 1,000,000," in run("info", path).out
    for name in ("count.npy", "float.npy"):
        np.testing.assert_array_equal(predicted(run, name, path), want)
    for name in ("first.npz", "first.npy"):
        np.testing.assert_array_equal(predicted(run, name, path, "--channels-first"), want)
    figures = json.loads(run("evaluate", "count.npz", "-m", path, "--json").out)["figures"]
    assert figures["accuracy"] == np.mean(want.argmax(1) == KIND)


@pytest.mark.parametrize("name", ["far.npz", "far.npy"])
def test_a_counter_that_started_anew_is_exit_code_3(name, run, model):
    np.savez("count.npz", x=counters(), y=KIND)
    path, x = model("count.npz"), counters()
    x[3, 4, 1] = 17
    np.savez(name, x=x) if name.endswith("z") else np.save(name, x)

    done = run("predict", name, "-m", path, "-o", "y.npy")

    assert (done.code, done.out) == (3, "")
    assert "17 at [3, 4, 1] is rounded by float32 after the model subtracts 1,000,000," in done.err
    assert not Path("y.npy").exists()


def test_nan_at_the_ends_is_padding_in_every_command(run, model):
    x, lengths = counters(np.float64) - 1e9, 3 + np.arange(40) % 4
    np.savez("known.npz", x=x, lengths=lengths, y=KIND)
    x[np.arange(6) >= lengths[:, None]] = np.nan
    np.savez("padded.npz", x=x, y=KIND)
    np.save("padded.npy", x)
    path, note = model("padded.npz"), "taken as padding, so lengths are 3 to 6\n"
    want = predicted(run, "known.npz", path)

    for name in ("padded.npz", "padded.npy"):
        done = run("predict", name, "-m", path, "-o", "y.npy")
        assert note in done.err
        np.testing.assert_array_equal(np.load("y.npy"), want)
    evaluated = run("evaluate", "padded.npz", "-m", path)
    assert note in evaluated.err
    assert metrics(evaluated) == metrics(run("evaluate", "known.npz", "-m", path))


def test_the_same_classes_may_be_written_in_another_way_at_evaluation(run, model):
    x = counters(np.float64) - 1e9
    for name, y in {
        "int": KIND,
        "float": KIND.astype(float),
        "column": KIND[:, None],
        "bool": KIND == 1,
        "hot": np.eye(2)[KIND],
    }.items():
        np.savez(f"{name}.npz", x=x, y=y)
    path = model("int.npz")

    pages = {
        metrics(run("evaluate", f"{name}.npz", "-m", path))
        for name in ("int", "float", "column", "bool", "hot")
    }

    assert len(pages) == 1
    assert "accuracy" in pages.pop()


@pytest.mark.parametrize(
    ("trained", "unseen", "label"),
    [
        (np.array(["a", "b"])[KIND], np.where(KIND, "c", "a"), "'c'"),
        (KIND, KIND * 2, "2"),
        (KIND, KIND * 2.0, "2"),
        (KIND == 1, KIND * 3, "3"),
    ],
    ids=["text", "integers", "floats", "booleans"],
)
def test_an_unseen_label_is_exit_code_3_and_named(trained, unseen, label, run, model):
    x = counters(np.float64) - 1e9
    np.savez("seen.npz", x=x, y=trained)
    np.savez("unseen.npz", x=x, y=unseen)

    done = run("evaluate", "unseen.npz", "-m", model("seen.npz"))

    assert (done.code, done.out) == (3, "")
    assert "E_INPUT_LABEL: every label must be one of the classes" in done.err
    assert f"got {label}." in done.err


def test_swapped_axes_are_a_hint_in_every_command(run, model):
    x = counters(np.float64) - 1e9
    np.savez("x.npz", x=x, y=KIND)
    path, swapped = model("x.npz"), x.transpose(0, 2, 1)
    np.savez("swapped.npz", x=swapped, y=KIND)
    np.save("swapped.npy", swapped)

    for words in (
        ("predict", "swapped.npy"),
        ("predict", "swapped.npz"),
        ("evaluate", "swapped.npz"),
    ):
        done = run(*words, "-m", path)
        assert done.code == 3
        assert "use --channels-first." in done.err
    assert run("evaluate", "swapped.npz", "-m", path, "--channels-first").code == 0


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_channels_first_is_not_for_tables(command, run, model):
    np.savez("x.npz", x=counters(np.float64) - 1e9, y=KIND)
    path = model("x.npz")
    Path("t.csv").write_text("x0,x1\n1,2\n")

    done = run(command, "t.csv", "-m", path, "--channels-first")

    assert (done.code, done.out) == (2, "")
    assert "--channels-first is for arrays of sequences, but t.csv is a table" in done.err
