"""The series of a table are predicted, forecast and evaluated apart from each other."""

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
from seqrt.export import export
from seqrt.training import Network


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a model and a table of two shops and a new one, newest rows first."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    net = Network("gru", 1, (4,), 2)
    outputs = (Column("sales+1"), Column("sales+2"))
    about = {"task": "forecast", "window": 4, "horizon": 2, "targets": ("sales",)}
    net.metadata = replace(net.metadata, features=(Column("sales"),), outputs=outputs, **about)
    export(net, Path("shop.onnx"))
    lines = [f"{shop};{1 + i}.3.2024;{i}" for i in range(8) for shop in ("north", "south")]
    lines = [*reversed(lines), "new;8.3.2024;1"]
    (tmp_path / "shops.csv").write_text("\n".join(["shop;day;sales", *lines]) + "\n")
    return tmp_path


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


def wanted(first):
    """What the model says of the four rows from `first` on."""
    x = np.arange(first, first + 4, dtype=np.float32)[None, :, None]
    return [float(str(value)) for value in seqrt.load("shop.onnx").predict(x)[0]]


def test_predictions_of_several_series_are_a_table(run):
    done = run("predict", "shops.csv", "-m", "shop.onnx", "--series", "shop", "-o", "-")

    rows = rows_of(done.out)
    assert done.code == 0
    assert [row["shop"] for row in rows] == ["north"] * 5 + ["south"] * 5
    assert [row["day"] for row in rows] == [f"{day}.3.2024" for day in range(5, 10)] * 2
    got = [[float(row["sales+1"]), float(row["sales+2"])] for row in rows]
    assert got == [wanted(first) for first in range(5)] * 2
    assert "1 of 3 series is left out, with too few rows for a window: new\n" in done.err
    assert "sorted" in done.err


def test_a_forecast_of_several_series_has_a_block_for_each(run):
    done = run("forecast", "shops.csv", "-m", "shop.onnx", "--series", "shop")

    first, second = wanted(4)
    assert done.out == (
        "shop,day,sales\n"
        f"north,9.3.2024,{first}\nnorth,10.3.2024,{second}\n"
        f"south,9.3.2024,{first}\nsouth,10.3.2024,{second}\n"
    )
    assert "2 rows ahead for each of 2 series: sales\n" in done.err
    assert "1 of 3 series is left out, with too few rows for a window: new\n" in done.err
    answer = run("forecast", "shops.csv", "-m", "shop.onnx", "--series", "shop", "--json").out
    assert json.loads(answer)["left_out"] == [["new"]]


def test_each_series_is_evaluated(run):
    done = run("evaluate", "shops.csv", "-m", "shop.onnx", "--series", "shop", "--json")

    assert done.code == 0
    assert json.loads(done.out)["answers"] == 2 * (8 - 4 - 2 + 1)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_without_rows_is_answered_by_one(run, suffix):
    pandas = pytest.importorskip("pandas")
    Path("none.csv").write_text("shop,day,sales\n")
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
        pandas.read_csv("none.csv", dtype={"sales": float}).to_parquet("none.parquet")

    words = ("-m", "shop.onnx", "--series", "shop", "--time", "day", "-o", "y.csv")
    done = run("predict", f"none.{suffix}", *words)

    assert done.code == 0, done.err
    assert "DATA is empty, and so is the file of predictions\n" in done.err
    assert Path("y.csv").read_text() == "shop,day,sales+1,sales+2\n"


@pytest.mark.parametrize("command", ["predict", "forecast", "evaluate"])
def test_several_series_without_the_option_are_an_error_that_names_it(run, command):
    done = run(command, "shops.csv", "-m", "shop.onnx")

    assert (done.code, done.out) == (2, "")
    assert "--series shop" in done.err


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("words", [("--series", "shop"), ("--time", "day"), ("--dates", "dmy")])
def test_options_of_tables_do_not_apply_to_arrays(run, name, words):
    x = np.zeros((2, 4, 1), np.float32)
    np.save(name, x) if name.endswith("npy") else np.savez(name, x=x)

    done = run("predict", name, "-m", "shop.onnx", *words)

    assert (done.code, done.out) == (2, "")
    assert f"apply to tables, but {name} holds an array." in done.err
