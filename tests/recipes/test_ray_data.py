"""Ray's workers predict what one Model in one process predicts, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import seqrt

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

TESTS = Path(__file__).parents[1]

# Ray reads settings that it deprecates itself, and logs each of its steps.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:.* is deprecated:DeprecationWarning:ray\.data\.context"
)


@pytest.fixture(scope="module")
def predict():
    """The recipe, with a Ray of two processors that can import it and seqrt."""
    from recipes.ray_data import predict

    paths = {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": paths},
    )
    yield predict
    ray.shutdown()


@pytest.fixture(autouse=True)
def _in_order():
    """Return rows in their order."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True


def test_windows_are_answered_in_order_as_by_one_model(predict, lstm, x):
    want = seqrt.load(lstm).predict(x)
    windows = ray.data.from_numpy([x[:900], x[900:1000], x[1000:]])

    answered = predict(windows.rename_columns({"data": "x"}), lstm, workers=2)
    lstm.unlink()  # no worker reads the file
    rows = answered.take_all()

    np.testing.assert_array_equal([row["x"] for row in rows], x)
    np.testing.assert_array_equal([row["y"] for row in rows], want)


def test_ragged_sequences_go_from_files_to_files_and_keep_their_key(
    predict, tagger, ragged, tmp_path
):
    items = [{"key": key, "x": sequence} for key, sequence in enumerate(ragged)]
    sequences, answers = str(tmp_path / "sequences"), str(tmp_path / "answers")
    ray.data.from_items(items, override_num_blocks=3).write_parquet(sequences)

    # As many workers as there are processors: reading and writing must not wait forever.
    predict(ray.data.read_parquet(sequences), tagger, workers=2).write_parquet(answers)

    rows = ray.data.read_parquet(answers).take_all()
    got = {row["key"]: row["y"] for row in rows}
    want = seqrt.load(tagger).predict(ragged)
    assert len(rows) == len(got) == len(want)
    for key, y in enumerate(want):
        np.testing.assert_array_equal(got[key], y)
        assert got[key].dtype == np.float32
