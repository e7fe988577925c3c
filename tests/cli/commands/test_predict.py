"""`seqrt predict`: a file in, the predictions out, and never half of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import seqrt
from seqrt.contract import Column
from seqrt.data import windows
from seqrt.export import export
from seqrt.runtime.opening.session import auto_device
from seqrt.training import Network


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def forecaster():
    """A model of one feature, trained on windows of 4, in models/."""
    return _exported("wave", Column("height"), (Column("height+1"),), window=4)


def _exported(name, feature, outputs, window=None, task=None, targets=(), **options):
    torch.manual_seed(0)
    net = Network("gru", 1, (4,), len(outputs), **options)
    classes = ("calm", "rough") if options.get("activation") == "softmax" else ()
    net.metadata = replace(
        net.metadata,
        task=task or ("forecast" if window else "classify"),
        features=(feature,),
        outputs=outputs,
        window=window,
        classes=classes,
        targets=targets,
    )
    export(net, Path("models") / f"{name}.onnx")
    return seqrt.load(Path("models") / f"{name}.onnx")


def _read(path):
    """The columns of a CSV file as text, by name."""
    with open(path, encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _write_wave(path, rows=10, name="height"):
    """Write a series with dates, one a day."""
    days = np.datetime64("2024-02-25") + np.arange(rows)
    heights = np.random.default_rng(0).random(rows).astype(np.float32)
    lines = [f"{day},{height}" for day, height in zip(days, heights, strict=True)]
    Path(path).write_text("\n".join([f"day,{name}", *lines]) + "\n")


def test_a_batch_of_sequences_is_answered_in_order(run, forecaster):
    x = np.random.default_rng(0).random((5, 9, 1), dtype=np.float32)
    np.save("data.npy", x)

    done = run("predict", "data.npy")

    assert (done.code, done.out) == (0, "data.pred.npy\n")
    np.testing.assert_array_equal(np.load("data.pred.npy"), forecaster.predict(x))


def test_a_series_is_answered_for_every_full_window(run, forecaster):
    series = np.random.default_rng(0).random(10, dtype=np.float32)
    np.save("series.npy", series)

    done = run("predict", "series.npy")

    want = [forecaster.predict(series[None, i : i + 4, None])[0] for i in range(7)]
    assert done.code == 0
    np.testing.assert_array_equal(np.load("series.pred.npy"), want)
    assert f"forecast after row 10: height+1 {want[-1][0]:.6g}" in done.err


@pytest.mark.parametrize("memory", [8, 100])
def test_a_series_is_predicted_in_slices_too(predict_in_slices, forecaster, memory):
    series = np.random.default_rng(0).random(50)
    np.save("series.npy", series)
    Path("series.csv").write_text("\n".join(["height", *map(str, series)]) + "\n")

    result = predict_in_slices(memory, "series.npy", forecaster, "one.npy")
    predict_in_slices(memory, "series.csv", forecaster, "two.npy")

    want = forecaster.predict(windows(series[:, None], 4))
    np.testing.assert_array_equal(result.last, want[-1])
    np.testing.assert_array_equal(np.load("one.npy"), want)
    np.testing.assert_array_equal(np.load("two.npy"), want)


def test_a_table_is_read_by_the_names_of_its_columns(run, forecaster):
    series = np.random.default_rng(0).random(10).astype(np.float32)
    rows = [f"{1990 + i},{i % 3},{value}" for i, value in enumerate(series)]
    Path("wave.csv").write_text("\n".join(["year,noise,height", *rows]) + "\n")
    np.save("series.npy", series)

    run("predict", "series.npy")
    done = run("predict", "wave.csv")

    assert (done.code, done.out) == (0, "wave.pred.csv\n")
    assert "forecast after 1999: height+1" in done.err
    table = _read("wave.pred.csv")
    assert table["year"] == [str(year) for year in range(1994, 2001)]
    np.testing.assert_array_equal(np.float32(table["height+1"]), np.load("series.pred.npy")[:, 0])


def test_every_format_has_the_same_numbers_bit_for_bit(run, forecaster):
    parquet = pytest.importorskip("pyarrow.parquet")
    _write_wave("wave.csv")

    names = ["y.npy", "y.CSV", "y.jsonl", "y.parquet"]
    done = [run("predict", "wave.csv", "-o", name) for name in names]

    assert [(each.code, each.out) for each in done] == [(0, f"{name}\n") for name in names]
    want = np.load("y.npy")[:, 0]
    days = [f"2024-02-{day}" for day in (29,)] + [f"2024-03-0{day}" for day in range(1, 7)]
    table = _read("y.CSV")
    assert table["day"] == days
    np.testing.assert_array_equal(np.float32(table["height+1"]), want)
    lines = [json.loads(line) for line in Path("y.jsonl").read_text().splitlines()]
    assert [line["day"] for line in lines] == days
    np.testing.assert_array_equal(np.float32([line["height+1"] for line in lines]), want)
    stored = parquet.read_table("y.parquet")
    assert stored["day"].to_pylist() == days
    assert str(stored.schema.field("height+1").type) == "float"
    np.testing.assert_array_equal(stored["height+1"].to_numpy(), want)


def test_a_dash_writes_csv_to_stdout_and_nothing_else(run, forecaster):
    _write_wave("wave.csv")
    run("predict", "wave.csv", "-o", "y.csv")

    done = run("predict", "wave.csv", "-o", "-")

    assert (done.code, done.out) == (0, Path("y.csv").read_text())
    assert sorted(path.name for path in Path().iterdir()) == ["models", "wave.csv", "y.csv"]


def test_a_parquet_file_is_answered_by_a_parquet_file(run, forecaster):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"year": np.arange(1990, 2000), "height": np.arange(10.0)}
    parquet.write_table(pyarrow.table(columns), "wave.parquet")

    done = run("predict", "wave.parquet")

    assert (done.code, done.out) == (0, "wave.pred.parquet\n")
    assert parquet.read_table("wave.pred.parquet")["year"].to_pylist() == [*range(1994, 2001)]


def test_a_table_without_times_has_row_numbers(run, forecaster):
    Path("wave.csv").write_text("height\n" + "1\n2\n3\n" * 2)
    np.save("wave.npy", np.array([1, 2, 3] * 2, np.float32))

    run("predict", "wave.csv", "-o", "one.csv")
    run("predict", "wave.npy", "-o", "two.csv")

    assert _read("one.csv")["row"] == ["5", "6", "7"]  # the rows that are forecast
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()


def test_other_tasks_have_the_time_of_the_last_row_that_is_read(run):
    _exported("sea", Column("v"), (Column("load"),), window=4, task="regress")
    _write_wave("wave.csv", name="v")

    run("predict", "wave.csv", "-o", "y.csv")

    table = _read("y.csv")
    assert [*table] == ["day", "load"]
    assert (table["day"][0], table["day"][-1]) == ("2024-02-28", "2024-03-05")


def test_classes_are_words_with_their_probability(run):
    outputs = (Column("calm"), Column("rough"))
    model = _exported("sea", Column("v"), outputs, activation="softmax")
    x = np.random.default_rng(0).standard_normal((6, 9, 1)).astype(np.float32)
    np.save("data.npy", x)

    run("predict", "data.npy", "-o", "y.csv")

    y = model.predict(x)
    table = _read("y.csv")
    assert table["item"] == list("012345")
    assert table["label"] == [("calm", "rough")[best] for best in y.argmax(axis=1)]
    np.testing.assert_array_equal(np.float32(table["probability"]), y.max(axis=1))


def test_a_tag_is_given_for_each_row(run):
    outputs = (Column("calm"), Column("rough"))
    options = {"activation": "softmax", "head": "sequence", "targets": ("state",)}
    _exported("sea", Column("v"), outputs, window=4, task="tag", **options)
    _write_wave("wave.csv", name="v")

    run("predict", "wave.csv")

    table = _read("wave.pred.csv")
    assert [*table] == ["day", "state", "probability"]
    assert (len(table["day"]), table["day"][0], table["day"][-1]) == (
        10,
        "2024-02-25",
        "2024-03-05",
    )


def test_steps_of_ragged_sequences_are_rows_without_the_padding(run):
    model = _exported("steps", Column("v"), (Column("a"), Column("step")), head="sequence")
    x = np.random.default_rng(0).random((5, 1), dtype=np.float32)
    np.savez("data.npz", x=x, lengths=[2, 0, 3])

    run("predict", "data.npz", "-o", "y.csv")

    table = _read("y.csv")
    assert [*table] == ["item", "step", "a", "step_2"]  # the name of the second output is taken
    assert (table["item"], table["step"]) == (list("00222"), list("01012"))
    want = np.concatenate([model.predict([x[:2]])[0], model.predict([x[2:]])[0]])
    np.testing.assert_array_equal(np.float32([table["a"], table["step_2"]]).T, want)


@pytest.mark.parametrize("name", ["y.txt", "y", "y.csv.gz"])
def test_an_unknown_extension_is_exit_code_2_before_any_work(run, name):
    done = run("predict", "gone.npy", "-o", name)

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "seqrt: -o must name a file that ends in .npy, .csv, .parquet or .jsonl, or be - for CSV"
        f" on stdout, got {name!r}.\n"
    )


def test_stdout_takes_either_the_predictions_or_the_record(run):
    done = run("predict", "gone.npy", "-o", "-", "--json")

    assert (done.code, done.out) == (2, "")
    assert "Drop one of them." in done.err


def test_ragged_sequences_are_answered_one_by_one(run, forecaster):
    x = np.random.default_rng(0).random((9, 1), dtype=np.float32)
    np.savez("data.npz", x=x, lengths=[2, 0, 7])

    done = run("predict", "data.npz")

    want = forecaster.predict([x[:2], x[:0], x[2:]])
    assert done.code == 0
    np.testing.assert_array_equal(np.load("data.pred.npy"), want)


def test_answers_at_every_step_are_padded_with_zeros(run):
    model = _exported("steps", Column("v"), (Column("a"), Column("b")), head="sequence")
    x = np.random.default_rng(0).random((9, 1), dtype=np.float32)
    np.savez("data.npz", x=x, lengths=[2, 7])

    run("predict", "data.npz")

    y = np.load("data.pred.npy")
    assert y.shape == (2, 7, 2)
    assert not y[0, 2:].any()
    np.testing.assert_array_equal(y[1], model.predict([x[2:]])[0])


def test_labels_are_counted_in_words(run):
    outputs = (Column("calm"), Column("rough"))
    model = _exported("sea", Column("v"), outputs, activation="softmax")
    x = np.random.default_rng(0).random((6, 9, 1), dtype=np.float32)
    np.save("data.npy", x)

    done = run("predict", "data.npy")

    rough = int(model.predict(x).argmax(axis=1).sum())
    said = [f"rough: {rough}"] * (rough > 0) + [f"calm: {6 - rough}"] * (rough < 6)
    assert all(words in done.err for words in said)


def test_an_empty_file_gives_an_empty_answer(run, forecaster):
    np.save("none.npy", np.zeros((0, 9, 1)))

    done = run("predict", "none.npy")

    assert done.code == 0
    assert "DATA is empty, and so is the file of predictions\n" in done.err
    assert np.load("none.pred.npy").shape == (0, 1)


@pytest.mark.parametrize(
    ("name", "content"), [("y.csv", b"item,height+1\n"), ("y.jsonl", b""), ("y.parquet", None)]
)
def test_an_empty_file_gives_an_empty_table_with_its_header(run, forecaster, name, content):
    if content is None:
        parquet = pytest.importorskip("pyarrow.parquet")
    np.save("none.npy", np.zeros((0, 9, 1)))

    assert run("predict", "none.npy", "-o", name).code == 0

    if content is not None:
        assert Path(name).read_bytes() == content
        return
    table = parquet.read_table(name)
    assert (table.num_rows, table.column_names) == (0, ["item", "height+1"])


def test_a_program_gets_json(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("predict", "data.npy", "--json", "-o", "out.npy", "--threads", "1")

    answer = json.loads(done.out)
    assert (answer["path"], answer["shape"]) == ("out.npy", [5, 1])
    assert answer["sha256"] == forecaster.digest


def test_the_newest_model_is_taken_and_named(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))

    assert "model: models/wave.onnx (the newest in models/)" in run("predict", "data.npy").err


def test_without_a_model_it_says_how_to_make_one(run):
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("predict", "data.npy")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seqrt: there is no model in models/.")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda p: None, 3, "E_INPUT_FILE"),
        (
            lambda p: np.save(p, np.zeros((5, 9, 2))),
            3,
            "E_INPUT_SHAPE: data.npy must have shape (batch, time, 1), got (5, 9, 2)",
        ),
        (
            lambda p: np.save(p, np.zeros((32, 10))),
            3,
            "must have 1 column (height), got shape (32, 10)",
        ),
        (lambda p: np.save(p, np.full((5, 9, 1), np.nan)), 3, "E_INPUT_NONFINITE"),
        (lambda p: np.save(p, np.full((5, 9, 1), 1e300)), 3, "E_INPUT_RANGE"),
        (lambda p: np.save(p, np.zeros(3)), 3, "E_INPUT_SHORT:"),
        (lambda p: p.write_bytes(b"rubbish"), 3, "E_INPUT"),
    ],
)
def test_bad_data_is_one_line_and_exit_code_3(run, forecaster, make, code, message):
    make(Path("data.npy"))

    done = run("predict", "data.npy", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not Path("data.pred.npy").exists()


def test_a_missing_column_is_named(run, forecaster):
    Path("wave.csv").write_text("year,heights\n1990,1\n1991,2\n")

    done = run("predict", "wave.csv", "-m", "models/wave.onnx")

    assert done.code == 3
    assert "E_INPUT_COLUMN: wave.csv has no column 'height'; it has year, heights" in done.err


def test_a_damaged_model_is_exit_code_4(run, forecaster):
    path = Path("models/wave.onnx")
    path.write_bytes(path.read_bytes()[:-9])
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("predict", "data.npy", "-m", path)

    assert (done.code, done.out) == (4, "")
    assert "E_MODEL_DAMAGED: models/wave.onnx" in done.err


@pytest.mark.parametrize("out", ["data.npy", "models/wave.csv", "./data.npy"])
def test_an_input_is_never_written_over(run, forecaster, out):
    np.save("data.npy", np.zeros((5, 9, 1)))
    Path("models/wave.onnx").rename("models/wave.csv")
    before = Path(out).read_bytes()

    done = run("predict", "data.npy", "-m", "models/wave.csv", "-o", out)

    assert done.code == 7
    assert "E_OUTPUT_INPUT: cannot write " in done.err
    assert Path(out).read_bytes() == before


def test_a_folder_that_is_not_there_is_exit_code_7(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))

    assert run("predict", "data.npy", "-o", "gone/out.npy").code == 7


def test_a_device_that_is_not_there_is_one_line_and_exit_code_5(run, forecaster):
    if auto_device()[0] == "cuda":
        pytest.skip("this machine has it")
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("predict", "data.npy", "--device", "cuda", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("seqrt: E_PROVIDER: device 'cuda' is not available; ")
    assert done.err.count("\n") == 1


def test_auto_says_which_device_it_came_to_and_why(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))
    device, why = auto_device()

    done = run("predict", "data.npy", "--device", "auto", "--tf32", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (0, "data.pred.npy\n")
    assert f"device: {device} (auto; {why})\n" in done.err


def test_tf32_of_the_cpu_is_exit_code_2(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("predict", "data.npy", "--tf32", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (2, "")
    assert "tf32 needs CUDA" in done.err
