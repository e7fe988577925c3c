"""The result of a run: its metrics, and those of each series."""

from __future__ import annotations

import csv
import tomllib

import numpy as np
import pytest

from seqrt.data import Table, Timeline
from seqrt.encoding.column import TableColumn
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.options import DataOptions
from seqrt.training.runs.record import Result


@pytest.fixture
def problem():
    """Forecasts of two series of 20 rows: one rises by 1 a row, the other by 2."""
    values = np.concatenate([np.arange(20.0), 2 * np.arange(20.0)])
    table = Table("shops.csv", {"sales": TableColumn(values)}, range(1, 41))
    ends = np.array([0, 20, 40])
    timeline = Timeline(
        table, ("shop",), (("a",), ("b",)), ends, np.stack([ends[:-1], ends[1:]], 1)
    )
    return from_table(TableRows.of(timeline, DataOptions(window=4)), 0.5)


def test_a_result_has_the_metrics_of_each_series_and_leaves_them_as_a_table(problem, tmp_path):
    truth = problem.judged.truth

    result = Result.of(tmp_path, problem, truth + 3, baseline(problem))
    result.save({"started": "now"})

    assert result.figures["mse"] == 9
    assert result.series.names == ("a", "b")
    assert result.series.baseline_figures["mse"].tolist() == [1, 4]
    with open(tmp_path / "series.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["shop"], float(row["mse"])) for row in rows] == [("a", 9), ("b", 9)]
    record = tomllib.loads((tmp_path / "run.toml").read_text())
    assert record["result"]["figures"]["mse"] == 9
