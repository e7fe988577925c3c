"""The rows after each series: its last window is read, and its time goes on by its step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.ahead.forecast import forecast_of
from seqrt.ahead.layout import ForecastLayout
from seqrt.contract import Column, Input, Layer, Manifest
from seqrt.data import Timeline, read
from seqrt.data.ordering.arrange import arrange
from seqrt.data.predicted.future import future_of
from seqrt.data.runs import as_runs
from seqrt.errors import InputError

MANIFEST = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("sales"), Column("guests")),
    outputs=tuple(Column(f"{name}+{k}") for k in (1, 2, 3) for name in ("sales", "guests")),
    targets=("sales", "guests"),
    window=3,
    horizon=3,
)


def forecasting(predict):
    """Return what Model.forecast would, with the outputs that `predict` gives for windows."""

    def forecast(x, steps, levels, following=None):
        y = predict(np.stack(x))
        layout = ForecastLayout(3, ("sales", "guests")[: y.shape[1] // 3])
        return forecast_of(layout, y[:, None], steps or 3, levels or ())

    return forecast


@forecasting
def repeating(x):
    """Predict the last row of every window for each of the three steps, plus 100, 200, 300."""
    steps = x[:, -1, None] + np.float32([100, 200, 300])[:, None]
    return steps.reshape(len(x), -1)


@pytest.fixture
def days(tmp_path):
    """Sales of 12 days in January 2024, which are 0 to 11, and as many guests squared."""
    lines = [f"2024-01-{1 + i:02},{i},{i * i}" for i in range(12)]
    (tmp_path / "days.csv").write_text("\n".join(["date,sales,guests", *lines]) + "\n")
    return read(tmp_path / "days.csv")


def shops(table, *ends):
    """Cut a table into series at some rows."""
    bounds = np.array([0, *ends, table.rows])
    keys = tuple((name,) for name in "ABCD"[: len(ends) + 1])
    runs = np.stack([bounds[:-1], bounds[1:]], axis=1)
    return replace(arrange(table), series=("shop",), keys=keys, bounds=bounds, runs=runs)


def without_time(data):
    return replace(data, table=replace(data.table, time=None), times=None, spacing=None)


def test_one_series_is_continued_by_its_step(days):
    future = future_of(arrange(days), MANIFEST, repeating)

    columns = future.columns()
    assert {name: cells.tolist() for name, cells in columns.items()} == {
        "date": ["2024-01-13", "2024-01-14", "2024-01-15"],
        "sales": [111, 211, 311],
        "guests": [221, 321, 421],
    }
    assert columns["sales"].dtype == np.float32


def test_every_series_has_a_block_of_rows(days):
    future = future_of(shops(days, 5), MANIFEST, repeating, steps=2)

    assert {name: cells.tolist() for name, cells in future.columns().items()} == {
        "shop": ["A", "A", "B", "B"],
        "date": ["2024-01-06", "2024-01-07", "2024-01-13", "2024-01-14"],
        "sales": [104, 204, 111, 211],
        "guests": [116, 216, 221, 321],
    }
    assert (future.y.shape, future.short) == ((2, 2, 2), ())


def test_a_series_without_a_window_at_its_end_is_left_out(days):
    data = shops(days, 2, 7)
    data = replace(data, runs=as_runs((0, 2), (2, 7), (7, 10), (10, 12)))

    future = future_of(data, MANIFEST, repeating)

    assert future.short == (("A",), ("C",))  # C has a gap before its last two rows
    assert set(future.columns()["shop"]) == {"B"}


def test_where_none_is_left_the_needed_and_the_longest_are_named(days):
    with pytest.raises(InputError, match=r"E_INPUT_SHORT: .* at least 3 rows .* longest has 2\."):
        future_of(shops(days.cut(0, 4), 2), MANIFEST, repeating)


def test_rows_in_no_run_at_the_end_of_a_series_are_not_read(days):
    data = replace(arrange(days), runs=as_runs((0, 9)))

    columns = future_of(data, MANIFEST, repeating).columns()

    assert columns["date"].tolist() == ["2024-01-10", "2024-01-11", "2024-01-12"]
    assert columns["sales"].tolist() == [108, 208, 308]


def test_without_a_time_column_the_rows_of_each_series_are_counted_on(days):
    columns = future_of(without_time(shops(days, 5)), MANIFEST, repeating).columns()

    assert columns["row"].tolist() == [6, 7, 8, 8, 9, 10]


def test_times_without_a_step_are_not_continued(tmp_path):
    hours = [0, 1, 3, 4, 9, 11, 16]
    lines = [f"2024-01-01 {hour:02}:00,1,1" for hour in hours]
    (tmp_path / "odd.csv").write_text("\n".join(["date,sales,guests", *lines]) + "\n")

    columns = future_of(arrange(read(tmp_path / "odd.csv")), MANIFEST, repeating).columns()

    assert [*columns] == ["step", "sales", "guests"]
    assert columns["step"].tolist() == [1, 2, 3]


def test_the_rows_of_a_plan_have_the_times(tmp_path):
    """A week of sales on days without a step, and three more days on which a plan is known."""
    days = [1, 2, 4, 8, 9, 13, 17, 20, 21, 28]
    lines = [f"2024-01-{day:02},{i if i < 7 else ''},1" for i, day in enumerate(days)]
    (tmp_path / "plan.csv").write_text("\n".join(["date,sales,guests", *lines]) + "\n")
    inputs = (Input("sales"), Input("guests", ahead=3))
    features = (Column("sales"), Column("guests+3"))
    manifest = replace(MANIFEST, inputs=inputs, features=features, targets=("sales",))
    manifest = replace(manifest, outputs=MANIFEST.outputs[:3])

    columns = future_of(
        arrange(read(tmp_path / "plan.csv")),
        manifest,
        forecasting(lambda x: np.float32([[5, 6, 7]])),
    ).columns()

    assert columns["date"].tolist() == ["2024-01-20", "2024-01-21", "2024-01-28"]
    assert columns["sales"].tolist() == [5, 6, 7]


def test_a_target_named_like_another_column_gets_a_number(days):
    named = replace(repeating([np.zeros((3, 2))], 3, None), targets=("date", "guests"))

    columns = future_of(arrange(days), MANIFEST, lambda *_, **__: named).columns()

    assert [*columns] == ["date", "date_2", "guests"]


def test_an_array_is_continued_by_row_numbers(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(10.0).reshape(5, 2))

    columns = future_of(Timeline.plain(read(tmp_path / "x.npy")), MANIFEST, repeating).columns()

    assert columns["row"].tolist() == [6, 7, 8]
    assert columns["sales"].tolist() == [108, 208, 308]


def test_the_history_ends_where_the_forecast_begins_and_breaks_at_gaps(days):
    data = replace(arrange(days), runs=as_runs((0, 7), (8, 12)))

    (_, before), (when, after) = future_of(data, MANIFEST, repeating).history(0, 1, 6)

    assert (before.tolist(), after.tolist()) == ([36, 49], [64, 81, 100, 121])
    assert when[-1] == np.datetime64("2024-01-12")


def test_ten_thousand_series_are_one_call(days):
    rows = 10_000 * 12
    sales = np.arange(rows) % 12.0
    table = replace(
        days,
        columns={
            name: replace(days.columns["sales"], values=values, cells=None)
            for name, values in (("sales", sales), ("guests", sales**2))
        },
        lines=range(rows),
        time=None,
    )
    bounds = np.arange(0, rows + 1, 12)
    keys = tuple((str(i),) for i in range(10_000))
    data = Timeline(table, ("shop",), keys, bounds, np.stack([bounds[:-1], bounds[1:]], axis=1))
    calls = []

    def counted(x, *rest, **options):
        calls.append(len(x))
        return repeating(x, *rest, **options)

    columns = future_of(data, MANIFEST, counted).columns()

    assert calls == [10_000]
    np.testing.assert_array_equal(columns["sales"], np.tile([111, 211, 311], 10_000))


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        (["2023-12-31", "2024-01-31", "2024-02-29"], ["2024-03-31", "2024-04-30", "2024-05-31"]),
        (["2024-02-26", "2024-02-27", "2024-02-28"], ["2024-02-29", "2024-03-01", "2024-03-02"]),
        (
            ["2024-02-28 22:30", "2024-02-28 23:00", "2024-02-28 23:30"],
            ["2024-02-29T00:00:00", "2024-02-29T00:30:00", "2024-02-29T01:00:00"],
        ),
    ],
    ids=["month ends", "days", "half hours"],
)
def test_timestamps_stay_timestamps_in_the_unit_of_their_column(tmp_path, times, wanted):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"date": np.array(times, "datetime64[us]"), "sales": [1.0] * 3, "guests": [1.0] * 3}
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")

    future = future_of(arrange(read(tmp_path / "x.parquet")), MANIFEST, repeating)

    dates = future.columns()["date"]
    assert dates.dtype.kind == "M"
    assert list(map(str, dates)) == wanted


@pytest.mark.parametrize(("guests", "kept"), [("555555", True), ("155555", False)])
def test_only_what_is_constant_in_the_whole_series_stays_beyond_the_horizon(tmp_path, guests, kept):
    lines = [f"2024-01-0{1 + i},{i},{count}" for i, count in enumerate(guests)]
    (tmp_path / "x.csv").write_text("\n".join(["date,sales,guests", *lines]) + "\n")
    data = arrange(read(tmp_path / "x.csv"))
    manifest = replace(MANIFEST, targets=("sales",), outputs=MANIFEST.outputs[::2])
    given = []

    def forecast(*arguments, following):
        given.append(following)
        return repeating(*arguments)

    if kept:
        future_of(data, manifest, forecast, 5)
        assert given[0].x[0, :, 1].tolist() == [5, 5, 5]
    else:
        with pytest.raises(InputError, match=r"E_INPUT_FUTURE: .* values of guests"):
            future_of(data, manifest, forecast, 5)
