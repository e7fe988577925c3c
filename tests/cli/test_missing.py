"""Files with missing values: from training to a live stream, or an error that names the place."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.training import load_run, predict

NETS = Path(__file__).parents[2] / "tests" / "runtime" / "nets"
FORWARD, STRICT = NETS / "missing" / "gru-forward.onnx", NETS / "gru-sequence.onnx"
CO2 = Path(__file__).parents[3] / "shared" / "data" / "co2.csv"
TINY = ("--units", "4", "--window", "5", "--epochs", "2", "--batch-size", "16")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a series of sixty weeks, some of them missing."""
    cells = ["" if i in (0, 7, 8, 9, 30, 59) else f"{50 + 9 * math.sin(i):.3f}" for i in range(60)]
    rows = [f"{2000 + i},{cell}" for i, cell in enumerate(cells)]
    (tmp_path / "wave.csv").write_text("\n".join(["week,height", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stream(run, monkeypatch):
    """Call `seqrt stream` with text on stdin."""

    def call(text, model):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("stream", model)

    return call


def heights():
    cells = [line.split(",")[1] for line in Path("wave.csv").read_text().splitlines()[1:]]
    return np.array([[float(cell or "nan")] for cell in cells], np.float32)


@pytest.mark.parametrize("missing", ["forward", "mean", "indicator"])
def test_a_series_with_gaps_goes_all_the_way(run, stream, missing):
    trained = run("train", "wave.csv", "--missing", missing, *TINY)
    assert trained.code == 0, trained.err
    assert "missing     read as the" in trained.err
    assert "left out, without a target" in trained.err
    assert run("export").code == 0
    model = seqrt.load("models/wave-lstm-1.onnx")

    predicted = run("predict", "wave.csv")
    judged = run("evaluate", "wave.csv", "--json")
    text = Path("wave.csv").read_text()
    streamed = stream(text, "models/wave-lstm-1.onnx")

    assert (predicted.code, judged.code, streamed.code) == (0, 0, 0)
    windows = np.lib.stride_tricks.sliding_window_view(heights(), 5, axis=0).transpose(0, 2, 1)
    answers = Path("wave.pred.csv").read_text().splitlines()[1:]
    got = np.array([[line.split(",")[1]] for line in answers], np.float32)
    np.testing.assert_array_equal(got, model.predict(windows))
    told = json.loads(judged.out)
    assert (told["answers"], told["left_out"]) == (55 - 5, 5)
    assert all(math.isfinite(value) for value in told["persistence"].values())
    one = model.stream()
    want = [float(str(one.push(step)[0])) for step in heights()]
    assert [float(line) for line in streamed.out.splitlines()[1:]] == want
    assert "missing   read as the" in run("info").out


@pytest.mark.parametrize("missing", ["forward", "mean"])
def test_the_file_of_a_committee_answers_the_mean_of_its_members(run, missing):
    assert run("train", "wave.csv", "--missing", missing, *TINY, "--folds", "2").code == 0
    assert run("export").code == 0
    x = np.array([[0, 0, 55, 0, 48], [0, 51, 0, 0, 42], [0] * 5, [45, 58, 0, 49, 0]], np.float32)
    x = np.where(x, x, np.nan)[..., None]  # most begin with a gap

    said = seqrt.load("models/wave-lstm-1.onnx").predict(x)

    folds = [load_run(f"runs/wave-lstm-1/fold-{fold}") for fold in (1, 2)]
    scale = np.nanstd(heights())
    want = np.mean([predict(net, x) for net in folds], axis=0)
    np.testing.assert_allclose(said / scale, want / scale, rtol=0, atol=2e-6)


def test_the_policy_is_kept_in_the_record_of_the_run(run):
    done = run("train", "wave.csv", "--missing", "mean", *TINY, "--json")

    assert 'missing = "mean"' in Path("runs/wave-lstm-1/run.toml").read_text()
    assert json.loads(done.out)["left_out"] == {"training": 4, "validation": 1}


def test_without_a_policy_the_first_gap_is_named(run):
    done = run("train", "wave.csv", *TINY)

    assert (done.code, done.out) == (3, "")
    assert (
        "E_INPUT_MISSING: wave.csv, line 2, column 'height': a cell must have a value" in done.err
    )
    assert "such as --missing forward" in done.err


def test_a_model_without_a_policy_names_the_gap_and_leaves_no_file(run):
    Path("gap.csv").write_text("speed,load\n1,2\n3,\n")

    done = run("predict", "gap.csv", "-m", STRICT)

    assert (done.code, done.out) == (3, "")
    assert "E_INPUT_MISSING: gap.csv, line 3, column 'load'" in done.err
    assert not Path("gap.pred.csv").exists()


GAPS = np.array([[[1, 2], [np.nan, 3], [4, np.nan], [np.nan, np.nan]]] * 2, np.float32)


def write_parquet(path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"speed": [1.0, None, 4.0, None], "load": [2, 3, None, None]}
    parquet.write_table(pyarrow.table(columns), path)


WRITERS = {
    "d.csv": lambda path: Path(path).write_text("speed,load\n1,2\nNA,3\n4,\nnan,null\n"),
    "d.npy": lambda path: np.save(path, GAPS[0]),
    "batch.npy": lambda path: np.save(path, GAPS[:, :3]),
    "d.npz": lambda path: np.savez(path, x=GAPS, lengths=[4, 4]),
    "d.parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_may_have_gaps(run, name):
    WRITERS[name](name)

    done = run("predict", name, "-m", FORWARD, "-o", "y.npy")

    assert done.code == 0, done.err
    want, y = seqrt.load(FORWARD).predict(GAPS), np.load("y.npy")
    np.testing.assert_array_equal(y, want[: len(y), : y.shape[1]])


@pytest.mark.parametrize("name", ["batch.npy", "batch.npz"])
def test_steps_without_any_value_at_the_end_are_padding_unless_there_are_lengths(run, name):
    x = GAPS.copy()
    x[1, 2:] = np.nan
    x[0, 3] = 5
    np.save(name, x) if name.endswith(".npy") else np.savez(name, x=x)

    done = run("predict", name, "-m", FORWARD, "-o", "y.npy")

    assert done.code == 0, done.err
    assert (
        "note        1 of 2 sequences end in steps that are all NaN: taken as padding, so lengths"
        " are 2 to 4\n"
    ) in done.err
    want = seqrt.load(FORWARD).predict([x[0], x[1, :2]])
    np.testing.assert_array_equal(np.load("y.npy")[0], want[0])
    np.testing.assert_array_equal(np.load("y.npy")[1], np.pad(want[1], ((0, 2), (0, 0))))


@pytest.mark.parametrize(
    ("name", "write", "code", "place"),
    [
        ("d.csv", "speed,load\n1,2\n3,inf\n", "E_INPUT_CELL", "line 3, column 'load'"),
        ("d.csv", "speed,load\n1,2\n3,oops\n", "E_INPUT_CELL", "line 3, column 'load'"),
        ("d.csv", "speed,load\n1,2\n3,1e999\n", "E_INPUT_CELL", "line 3, column 'load'"),
        ("d.npy", [[1, 2], [3, np.inf]], "E_INPUT_NONFINITE", "row 2, column 'x1'"),
        ("b.npy", [[[1, 2], [3, -np.inf]]], "E_INPUT_NONFINITE", "item 0, step 1, feature 1"),
    ],
)
def test_inf_and_words_stay_errors(run, name, write, code, place):
    if isinstance(write, str):
        Path(name).write_text(write)
    else:
        np.save(name, np.array(write, np.float32))

    done = run("predict", name, "-m", FORWARD, "-o", "y.npy")

    assert (done.code, done.out) == (3, "")
    assert code in done.err
    assert place in done.err
    assert not Path("y.npy").exists()


@pytest.mark.parametrize(
    "text",
    [
        "speed,load\n1,2\n,3\n4,\nnan,NA\n",
        "1;2\n;3\n4;\n ; null\n",
        "[1, 2]\n[null, 3]\n[4, NaN]\n[null, null]\n",
    ],
)
def test_a_live_line_may_have_gaps(stream, text):
    done = stream(text, FORWARD)

    assert done.code == 0, done.err
    lines = done.out.splitlines()[-4:]
    got = [
        [float(cell) for cell in line.strip("[]").replace(";", ",").split(",")] for line in lines
    ]
    want = seqrt.load(FORWARD).predict(GAPS[:1])[0]
    np.testing.assert_array_equal(np.float32(got), want)


@pytest.mark.parametrize("line", ["1,\n", "1,nan\n", "[1, null]\n"])
def test_a_live_gap_is_an_error_without_a_policy(stream, line):
    done = stream("[1, 2]\n" * line.startswith("[") + line, STRICT)

    assert done.code == 3
    assert "load must be a finite float32 number" in done.err


@pytest.mark.parametrize("line", ["1,inf\n", "1,x\n", "1,1e39\n", "[1, Infinity]\n", "[1, []]\n"])
def test_a_live_line_of_inf_or_words_stays_an_error(stream, line):
    done = stream(line, FORWARD)

    assert done.code == 3
    assert "stdin, line 1: load must be a finite float32 number" in done.err


def test_a_blank_line_is_a_gap_where_there_is_one_column(run, stream):
    run("train", "wave.csv", "--missing", "forward", *TINY)
    run("export")

    blank, named = (
        stream(f"\nheight\n50\n{gap}\n{gap}\n48\n", "models/wave-lstm-1.onnx")
        for gap in ("", "nan")
    )

    assert blank.out == named.out
    assert len(blank.out.splitlines()) == 1 + 4


@pytest.mark.skipif(not CO2.exists(), reason="the real data is not beside this checkout")
def test_the_weekly_co2_with_its_gaps_is_read_whole(run):
    done = run(
        "train", CO2, "--missing", "forward", "--units", "4", "--epochs", "1", "--cell", "gru"
    )
    assert done.code == 0, done.err
    assert run("export", "runs/co2-gru-1").code == 0

    assert run("predict", CO2, "-m", "models/co2-gru-1.onnx", "-o", "y.npy").code == 0

    assert np.load("y.npy").shape == (1, 2284, 1)
    assert np.isfinite(np.load("y.npy")).all()
