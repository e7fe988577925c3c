"""`seqrt forecast`: what comes next on stdout, in a file, in a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import seqrt
from seqrt.contract import Column
from seqrt.export import export
from seqrt.training import Network

FORECASTERS = Path(__file__).parents[2] / "runtime" / "nets" / "forecast"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a series of ten days."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    lines = [f"2024-02-{19 + i},{np.sin(i):.4f}" for i in range(10)]
    (tmp_path / "wave.csv").write_text("\n".join(["day,height", *lines]) + "\n")
    return tmp_path


@pytest.fixture
def forecaster():
    """A model that forecasts two steps from windows of 4, in models/."""
    return _exported("wave", task="forecast", window=4, horizon=2, targets=("height",))


def _exported(name, **fields):
    torch.manual_seed(0)
    net = Network("gru", 1, (4,), 2)
    outputs = (Column("height+1"), Column("height+2"))
    net.metadata = replace(net.metadata, features=(Column("height"),), outputs=outputs, **fields)
    export(net, Path("models") / f"{name}.onnx")
    return seqrt.load(Path("models") / f"{name}.onnx")


def _wanted(model):
    """What the model says of the last window."""
    heights = [float(f"{np.sin(i):.4f}") for i in range(6, 10)]
    return model.predict(np.array(heights)[None, :, None])[0]


def test_what_comes_next_is_csv_on_stdout(run, forecaster):
    done = run("forecast", "wave.csv", "-m", "models/wave.onnx")

    first, second = _wanted(forecaster)
    assert done.code == 0
    assert done.out == f"day,height\n2024-02-29,{first!s}\n2024-03-01,{second!s}\n"
    assert done.err == "2 rows ahead: height\n"


def test_it_is_the_last_row_of_the_predictions(run, forecaster):
    run("predict", "wave.csv")

    last = Path("wave.pred.csv").read_text().splitlines()[-1]

    lines = run("forecast", "wave.csv").out.splitlines()[1:]
    assert last == f"{lines[0]},{lines[1].split(',')[1]}"


@pytest.mark.parametrize("name", ["next.csv", "next.jsonl", "next.parquet", "next.npy"])
def test_a_file_is_named_and_stdout_has_its_path_alone(run, forecaster, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")

    done = run("forecast", "wave.csv", "-o", name)

    assert (done.code, done.out) == (0, f"{name}\n")
    assert Path(name).stat().st_size > 0
    if name.endswith("npy"):
        np.testing.assert_array_equal(np.load(name), _wanted(forecaster).reshape(1, 2, 1))


def test_more_steps_than_the_horizon_are_forecast_from_forecasts(run, forecaster):
    done = run("forecast", "wave.csv", "--steps", 5)

    heights = [float(f"{np.sin(i):.4f}") for i in range(6, 10)]
    for _ in range(3):
        heights += forecaster.predict(np.array(heights[-4:])[None, :, None])[0].tolist()
    found = [float(line.split(",")[1]) for line in done.out.splitlines()[1:]]
    np.testing.assert_allclose(found, heights[4:9], rtol=1e-6)
    assert "steps 3 to 5 are forecast from forecasts. Train for more with --horizon 5" in done.err
    assert done.out.splitlines()[-1].startswith("2024-03-04,")


@pytest.fixture
def walks():
    """Two shops with random walks: 40 rows and 2 rows."""
    rng = np.random.default_rng(0)
    lines = ["shop,day,sales"]
    for shop, rows in (("A", 40), ("B", 2)):
        days = np.datetime64("2024-01-01") + np.arange(rows)
        lines += [
            f"{shop},{day},{y:.3f}"
            for day, y in zip(days, rng.normal(size=rows).cumsum(), strict=True)
        ]
    Path("walks.csv").write_text("\n".join(lines) + "\n")
    return ("forecast", "walks.csv", "-m", FORECASTERS / "persistence.onnx", "--series", "shop")


def test_a_model_without_a_window_reads_every_series_and_gives_intervals(run, walks):
    done = run(*walks, "--levels", "80", "--steps", 2)

    table = [line.split(",") for line in done.out.splitlines()]
    assert table[0] == ["shop", "day", "sales", "sales-lo-80", "sales-hi-80"]
    assert [row[:2] for row in table[3:]] == [["B", "2024-01-03"], ["B", "2024-01-04"]]
    last, low, high = map(float, table[1][2:])
    assert (high - last, last - low) == pytest.approx((1.28155, 1.28155), rel=1e-4)
    assert done.err.endswith("2 rows ahead for each of 2 series: sales with intervals of 80 %\n")


def test_intervals_are_in_every_format_and_end_at_the_horizon(run, walks):
    run(*walks, "-o", "next.npy", "--steps", 4)
    answer = json.loads(run(*walks, "--json", "--steps", 4).out)

    columns = ["sales", "sales-lo-95", "sales-lo-80", "sales-hi-80", "sales-hi-95"]
    assert answer["columns"][2:] == columns
    assert (answer["levels"], answer["direct"]) == ([80.0, 95.0], 3)
    found = np.load("next.npy")
    assert found.shape == (2, 4, 5)
    assert np.isnan(found[:, 3, 1:]).all()
    assert answer["forecast"][3]["sales-lo-95"] is None
    assert answer["forecast"][0]["sales-lo-95"] == pytest.approx(found[0, 0, 1], rel=1e-6)


def test_a_plan_and_the_calendar_continue_the_rows_beyond_the_horizon(run):
    rows = [
        f"{store},2024-03-{d:02},{d + 3 if d < 10 else ''},{size},{d % 2}"
        for store, size in (("A", 4), ("B", 7))
        for d in range(1, 13)
    ]
    Path("shops.csv").write_text("\n".join(["store,day,sales,size,promo", *rows]) + "\n")
    model = seqrt.load(FORECASTERS / "shop.onnx")
    cells = np.array([row.split(",") for row in rows]).reshape(2, 12, 5)
    columns = [
        {name: shop[:, i].tolist() for i, name in enumerate(["store", "day"])}
        | {"sales": [float(x) if x else None for x in shop[:, 2]]}
        | {name: shop[:, 3 + i].astype(float) for i, name in enumerate(["size", "promo"])}
        for shop in cells
    ]
    with pytest.warns(UserWarning, match="steps 3 to 4"):
        wanted = model.forecast(columns, steps=4).point

    done = run("forecast", "shops.csv", "-m", FORECASTERS / "shop.onnx", "--steps", 4)

    found = [float(line.split(",")[2]) for line in done.out.splitlines()[1:]]
    np.testing.assert_allclose(found, wanted.ravel(), rtol=1e-6)
    more = run("forecast", "shops.csv", "-m", FORECASTERS / "shop.onnx", "--steps", 5)
    assert (more.code, more.out) == (3, "")
    assert (
        "E_INPUT_FUTURE: a forecast of so many steps needs promo for 5 rows after the last"
        in more.err
    )


def test_a_program_gets_the_rows_as_json(run, forecaster):
    answer = json.loads(run("forecast", "wave.csv", "--json", "--steps", 1).out)

    assert answer["forecast"] == [
        {"day": "2024-02-29", "height": float(str(_wanted(forecaster)[0]))}
    ]
    assert (answer["outputs"], answer["columns"]) == (["height"], ["day", "height"])
    assert (answer["shape"], answer["path"], answer["left_out"]) == ([1, 1, 1], None, [])
    assert answer["sha256"] == forecaster.digest


def test_a_picture_is_drawn_and_named(run, forecaster):
    done = run("forecast", "wave.csv", "--plot", "next.png")

    assert done.out.startswith("day,height\n")
    assert "picture: next.png\n" in done.err
    assert Path("next.png").read_bytes().startswith(b"\x89PNG")


def test_an_irregular_step_is_named_and_the_rows_are_numbered(run, forecaster):
    hours = [1, 2, 3, 5, 9, 10, 18]
    lines = [f"2024-01-01 {hour:02}:00,{hour}" for hour in hours]
    Path("odd.csv").write_text("\n".join(["time,height", *lines]) + "\n")

    done = run("forecast", "odd.csv")

    assert [line.split(",")[0] for line in done.out.splitlines()] == ["step", "1", "2"]
    assert "time has no regular step, so the rows are numbered from 1" in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("--levels", "80"),
            2,
            "--levels needs a model that forecasts intervals, but this one has",
        ),
        (("--levels", "x"), 2, "--levels must be percentages separated by commas, such as 80,95"),
        (("-o", "-", "--json"), 2, "Drop one of them."),
        (("-o", "next.txt"), 2, "-o must name a file that ends in .npy, .csv, .parquet or .jsonl"),
        (("--plot", "next.jpg"), 2, "--plot must name a file that ends in .png, got 'next.jpg'."),
        (("--plot", "gone/next.png"), 7, "E_OUTPUT_FOLDER"),
        (("-o", "wave.csv"), 7, "E_OUTPUT_INPUT: cannot write wave.csv"),
    ],
)
def test_a_mistake_is_one_line(run, forecaster, words, code, message):
    before = Path("wave.csv").read_bytes()

    done = run("forecast", "wave.csv", "-m", "models/wave.onnx", *words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert Path("wave.csv").read_bytes() == before


def test_a_model_of_another_task_is_exit_code_2_and_names_predict(run):
    _exported("other", task="regress", window=4, targets=("a", "b"))

    done = run("forecast", "wave.csv", "-m", "models/other.onnx")

    assert (done.code, done.out) == (2, "")
    assert "the task of models/other.onnx is regress. Use: seqrt predict" in done.err


def test_sequences_are_exit_code_2_and_name_predict(run, forecaster):
    np.save("x.npy", np.zeros((3, 4, 1)))

    done = run("forecast", "x.npy", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (2, "")
    assert "x.npy holds sequences. Use: seqrt predict" in done.err


def test_a_series_shorter_than_a_window_is_exit_code_3(run, forecaster):
    Path("short.csv").write_text("day,height\n2024-01-01,1\n2024-01-02,2\n")

    done = run("forecast", "short.csv", "-m", "models/wave.onnx")

    assert (done.code, done.out) == (3, "")
    assert "E_INPUT_SHORT: short.csv must have at least 4 rows in a row" in done.err
