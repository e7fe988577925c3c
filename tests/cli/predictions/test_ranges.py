"""Inputs outside the range of the training data: a warning for each feature, or an error."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt

NETS = Path(__file__).parents[2] / "runtime" / "nets"
# features speed (0 to 30) and load (-2.5 to 0.5); sales (-3 to 3)
PAIRS, WALK, WINDOWS = (
    NETS / name
    for name in ("gru-sequence.onnx", "forecast/persistence.onnx", "forecast/windowed.onnx")
)
WARNING = "outside its range in training"
WORSE = "predictions may be less accurate there"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stream(run, monkeypatch):
    def call(text, *words):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("stream", *words)

    return call


def table(name, header, rows):
    Path(name).write_text("\n".join([header, *rows]) + "\n")
    return name


def test_each_feature_is_named_once_with_its_line(run):
    table("x.csv", "speed,load", ["1,0", "99,0", "98,7", "1,-9"])

    done = run("predict", "x.csv", "-m", PAIRS)

    assert done.err.splitlines()[:2] == [
        f"warning     x.csv, line 3: speed is 99, {WARNING}, 0 to 30; {WORSE}",
        f"warning     x.csv, line 4: load is 7, {WARNING}, -2.5 to 0.5; {WORSE}",
    ]
    assert done.code == 0
    assert done.err.count("warning") == 2


def test_an_array_is_named_by_its_row_and_sequences_by_item_and_step(run):
    x = np.ones((5, 2))
    x[3, 0] = 50
    np.save("x.npy", x)
    np.save("b.npy", np.stack([x * 0, x]))

    assert "x.npy, row 4: speed is 50" in run("predict", "x.npy", "-m", PAIRS).err
    assert "item 1, step 3: speed is 50" in run("predict", "b.npy", "-m", PAIRS).err


def test_windows_and_series_are_named_by_the_row_of_the_table(run):
    rows = [f"{'AB'[i > 6]},{9 if i == 9 else 0}" for i in range(14)]
    table("x.csv", "shop,sales", rows)

    for model in (WALK, WINDOWS):
        words = ("x.csv", "-m", model, "--series", "shop", "-o", "-")
        for command in ("predict", "forecast"):
            done = run(command, *words)
            shown = "x.csv, line 11: sales is 9" in done.err
            assert shown == (command == "predict" or model == WALK), (command, model)


def test_a_strict_range_is_exit_code_3_and_no_file(run):
    table("x.csv", "sales", ["1", "2", "9", "2"])

    for command in ("predict", "forecast"):
        done = run(command, "x.csv", "-m", WALK, "-o", "out.csv", "--strict-range")

        assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
        assert (
            "E_INPUT_OUTSIDE: x.csv, line 4: sales must be near its range in training, -3 to 3,"
            " got 9. Correct it, train on such values, or drop --strict-range."
        ) in done.err
        assert not Path("out.csv").exists()


def test_a_stream_warns_and_with_a_strict_range_ends_after_the_lines_before(stream):
    text = "sales\n1\n2\n9\n8\n"

    loose = stream(text, WALK)
    strict = stream(text, WALK, "--strict-range", "--save", "state")

    assert len(loose.out.splitlines()) == 5
    assert loose.err.count("warning") == 1
    assert "stdin, line 4: sales is 9" in loose.err
    assert (strict.code, strict.out.splitlines()) == (3, loose.out.splitlines()[:3])
    assert "E_INPUT_OUTSIDE: stdin, line 4: sales" in strict.err
    assert seqrt.load(WALK).stream(Path("state").read_bytes()).steps == 2


def test_a_model_is_asked_for_ranges_in_python():
    model = seqrt.load(PAIRS)

    (found,) = model.outside_range([[[1.0, 0.0], [99.0, 0.0]]])

    assert (found.feature, found.at, found.value) == ("speed", (0, 1), 99.0)
    assert model.outside_range([[40.0, 0.0]], margin=0.5) == []
