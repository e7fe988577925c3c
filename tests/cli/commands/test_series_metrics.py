"""Metrics of each of several series: after training, in a table beside the run, and of a model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two stores: sales of one follow a wave, those of the other are 100 times as large."""
    monkeypatch.chdir(tmp_path)
    rows = [
        f"2024-{1 + i // 28:02d}-{1 + i % 28:02d},{store},{size * (2 + np.sin(i)):.3f}"
        for store, size in (("web", 1), ("north", 100))
        for i in range(84)
    ]
    Path("sales.csv").write_text("\n".join(["date,store,sales", *rows]) + "\n")


def test_training_and_evaluation_name_the_worst_series(run):
    options = (
        "--series",
        "store",
        "--window",
        "7",
        "--units",
        "4",
        "--epochs",
        "2",
        "--time",
        "none",
    )
    trained = run("train", "sales.csv", "--target", "sales", *options, "--json")
    assert run("export", "runs/sales-lstm-1").code == 0
    said, record = run("evaluate", "sales.csv"), run("evaluate", "sales.csv", "--json")

    assert "worst of 2 series: north, mse " in trained.err
    assert "worst of 2 series: north, mse " in said.out
    for found in (json.loads(trained.out), json.loads(record.out)):
        assert found["worst"] == "north"
        assert found["series"].keys() == {"north", "web"}
        assert found["series"]["north"]["figures"]["mse"] > 100
        assert found["series"]["web"]["baseline"].keys() == found["figures"].keys()
    with open("runs/sales-lstm-1/series.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["store"] for row in rows] == ["north", "web"]
    assert float(rows[0]["mse"]) == json.loads(trained.out)["series"]["north"]["figures"]["mse"]


def test_a_single_series_has_no_metrics_of_its_own(run):
    Path("one.csv").write_text("sales\n" + "\n".join(str(i % 5) for i in range(60)) + "\n")

    trained = run("train", "one.csv", "--window", "7", "--units", "2", "--epochs", "1", "--json")

    assert "worst" not in json.loads(trained.out)
    assert not Path("runs/one-lstm-1/series.csv").exists()
