"""The Spark recipe: its function on pandas frames, and in Spark if it is installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from recipes.spark import predictor

import seqrt

pandas = pytest.importorskip("pandas")

TESTS = Path(__file__).parents[1]


def cells(sequence):
    """A sequence as Spark passes it: an object array of the arrays of its steps."""
    steps = np.empty(len(sequence), object)
    steps[:] = list(sequence)
    return steps


@pytest.mark.parametrize("name", ["lstm", "tagger"])
def test_frame_by_frame_every_row_gets_the_answer_of_one_model(request, name, ragged):
    path = request.getfixturevalue(name)
    rows = pandas.DataFrame({"key": range(300), "x": [cells(sequence) for sequence in ragged]})

    frames = [rows[:0], rows[:7], rows[7:]]
    answered = pandas.concat(predictor(path)(iter(frames)))

    assert answered["key"].tolist() == list(range(300))
    assert list(rows) == ["key", "x"], "the given frames must not be modified"
    for got, want in zip(answered["y"], seqrt.load(path).predict(ragged), strict=True):
        np.testing.assert_array_equal(np.array(got, np.float32).reshape(want.shape), want)


def test_frames_are_answered_as_they_come(lstm, ragged):
    def frames():
        yield pandas.DataFrame({"x": [cells(ragged[5])]})
        raise AssertionError("the second frame must not be read before the first is predicted")

    answered = next(predictor(lstm)(frames()))

    assert len(answered) == 1


@pytest.fixture
def spark(monkeypatch):
    """A local Spark with two workers that can import the recipe and seqrt."""
    sql = pytest.importorskip("pyspark.sql")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_answers_as_one_model_does(spark, tagger, ragged):
    rows = [(key, sequence.tolist()) for key, sequence in enumerate(ragged)]
    table = spark.createDataFrame(rows, "key long, x array<array<float>>").repartition(3)

    want = seqrt.load(tagger).predict(ragged)
    schema = "key long, x array<array<float>>, y array<array<float>>"

    answered = table.mapInPandas(predictor(tagger), schema)
    tagger.unlink()  # no worker reads the file
    rows = answered.collect()

    got = {row["key"]: row["y"] for row in rows}
    assert len(rows) == len(got) == len(want)
    for key, y in enumerate(want):
        np.testing.assert_array_equal(np.array(got[key], np.float32).reshape(y.shape), y)
