"""A back-test of a table: its series and gaps, its quantiles, and options that do not apply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqrt.cli.judging.judged import JudgeOptions, judge
from seqrt.cli.judging.picture import draw
from seqrt.contract import Column, Layer, Manifest
from seqrt.contract.quantiles import output_names
from seqrt.data import read
from seqrt.data.ordering.arrange import arrange
from seqrt.data.sequences import Sequences
from seqrt.data.serving import labelled
from seqrt.errors import InputError, UsageError

QUANTILES = (0.1, 0.5, 0.9)


def manifest(quantiles=(), **fields):
    names = output_names(["sales"], 2, quantiles)
    return Manifest(
        **{
            "name": "shop",
            "producer": "seqrt",
            "task": "forecast",
            "head": "last",
            "activation": "none",
            "layers": (Layer("gru", 4),),
            "features": (Column("sales"),),
            "outputs": tuple(map(Column, names)),
            "targets": ("sales",),
            "window": 3,
            "horizon": 2,
            "quantiles": quantiles,
            **fields,
        }
    )


@pytest.fixture
def table(tmp_path):
    """Two shops of 40 days each, the second ten times as large."""
    rng = np.random.default_rng(0)
    lines = [
        f"{shop},2024-{1 + i // 28:02}-{1 + i % 28:02},{size * (5 + rng.random()):.4f}"
        for shop, size in (("a", 1), ("b", 10))
        for i in range(28)
    ]
    (tmp_path / "shops.csv").write_text("\n".join(["shop,day,sales", *lines]) + "\n")
    return arrange(read(tmp_path / "shops.csv"), series=("shop",))


def test_the_origins_are_the_targets_of_the_windows(table):
    m = manifest()
    part = labelled(table, m)

    judged = judge(table, m, part, part.truth, (), JudgeOptions())

    np.testing.assert_array_equal(judged.origins.truth[..., 0], part.truth)
    assert judged.test.error(judged.test.model) == 0
    assert list(judged.record()["back_test"]["forecasters"]["drift"]["series"]) == ["a", "b"]


def test_the_median_is_the_point_forecast_of_quantiles(table, tmp_path):
    pytest.importorskip("matplotlib")
    m = manifest(QUANTILES)
    part = labelled(table, m)
    quantiles = part.truth[..., None] + np.array([-1, 0, 1])

    judged = judge(table, m, part, quantiles.reshape(len(part), -1), (), JudgeOptions())

    np.testing.assert_array_equal(judged.points, part.truth)
    assert judged.test.bands.overall(80)["width"] == pytest.approx(2)
    draw(judged, tmp_path / "errors.png")
    assert (tmp_path / "errors.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [JudgeOptions(season=3), JudgeOptions(plot=Path("a.png"))])
def test_options_of_a_back_test_are_refused_elsewhere(table, options):
    m = manifest(task="regress", outputs=(Column("sales"),), horizon=None)
    part = labelled(table, m)

    with pytest.raises(
        UsageError, match="apply to forecasts of the rows of a table, not to regress"
    ):
        judge(table, m, part, part.truth, (), options)
    with pytest.raises(UsageError, match="not to sequences"):
        judge(Sequences.__new__(Sequences), manifest(), part, part.truth, (), options)


def test_a_model_without_a_window_forecasts_after_each_row_of_whole_series(table):
    m = manifest(QUANTILES, window=None, head="sequence")
    part = labelled(table, m, span=("2024-01-10", None))
    sales = table.table.columns["sales"].values
    each_step = np.concatenate(
        [sales[a : a + n] for a, n in zip(part.x.starts, part.x.lengths, strict=True)]
    )
    persisted = np.repeat(each_step[part.steps], 6).reshape(-1, 6)

    judged = judge(table, m, part, persisted, (), JudgeOptions())

    assert part.first_rows.tolist() == [*range(9, 27), *range(37, 55)]
    assert part.x.lengths.tolist() == [26, 26]
    np.testing.assert_array_equal(judged.points, part.known)
    scores = {each.name: each for each in judged.test.all}
    np.testing.assert_allclose(scores["model"].losses, scores["persistence"].losses)
    assert judged.test.bands.overall(80)["width"] == 0


def test_forecasts_after_each_row_leave_out_those_without_a_value(table):
    values = table.table.columns["sales"].values
    values[20] = np.nan
    part = labelled(table, manifest(window=None, missing="forward"))

    assert part.left_out == 2
    assert not np.isnan(part.truth).any()
    assert {19, 20}.isdisjoint(part.first_rows.tolist())
    np.testing.assert_array_equal(part.known[part.first_rows == 21], [[values[19]] * 2])


def test_a_series_too_short_for_a_forecast_after_a_row_is_an_error(table):
    with pytest.raises(
        InputError, match="E_INPUT_SHORT: no forecast of 15 rows has all its values"
    ):
        labelled(table, manifest(window=None, horizon=15))
