"""Features: which columns of a table become features, in which form, and which are left out."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import Column, Input
from seqrt.data import Table, Timeline
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError, UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.features import Features, features_for, options_of
from seqrt.training.problems.options import DataOptions

ROWS = 12
DAYS = [f"2024-01-{day:02}" for day in range(1, ROWS + 1)]


@pytest.fixture
def shop() -> Timeline:
    columns = {
        "date": DAYS,
        "store": list("AB" * 6),
        "code": [str(i % 3) for i in range(ROWS)],
        "open": ["True", "False", "True"] * 4,
        "temp": [f"{20 + i / 10}" for i in range(ROWS)],
        "sales": [str(10 * i) for i in range(ROWS)],
    }
    cells = {name: TableColumn.of_text(texts) for name, texts in columns.items()}
    return Timeline.plain(Table("shop.csv", cells, range(2, ROWS + 2), time="date"))


def features(data: Timeline, task: str = "forecast", **options: object) -> Features:
    return features_for(data, task, ("sales",), DataOptions(**options), horizon=2)


def test_all_numbers_and_booleans_are_features_by_default(shop):
    assert features(shop).inputs == (
        Input("code"),
        Input("open", "boolean"),
        Input("temp"),
        Input("sales"),
    )


def test_the_target_is_a_feature_of_a_forecast_only(shop):
    assert "sales" not in features(shop, "regress").names


def test_a_column_of_text_is_left_out_and_said(shop):
    left = [use.left_out for use in features(shop).columns if not use.uses]

    assert left == ["store (text with 2 values: --categories store makes features of it)"]


def test_categories_follow_the_features_and_replace_a_number_in_its_place(shop):
    found = features(shop, categories=("store", "code"), features=("code", "temp"))

    assert found.inputs == (
        Input("code", "category", levels=("0", "1", "2")),
        Input("temp"),
        Input("store", "category", levels=("A", "B")),
    )
    assert found.names[:4] == ("code=0", "code=1", "code=2", "code=other")


def test_a_boolean_named_as_a_category_is_one_feature(shop):
    assert features(shop, features="open", categories="open").inputs == (Input("open", "boolean"),)


def test_calendar_features_come_from_the_time(shop):
    found = features(shop, features="temp", calendar=("weekday", "month"))

    assert found.inputs[1:] == (
        Input("date", "calendar", cycle="weekday"),
        Input("date", "calendar", cycle="month"),
    )


def test_columns_known_ahead_are_features_for_every_row_of_the_horizon(shop):
    found = features(shop, features="sales", future=("temp", "store"), categories="store")

    assert found.names[-8:] == (
        *("temp+1", "temp+2"),
        *("store=A+1", "store=B+1", "store=other+1"),
        *("store=A+2", "store=B+2", "store=other+2"),
    )


def test_a_counter_beyond_float32_has_an_offset_and_that_is_said(shop):
    meter = TableColumn(10.0**9 + np.arange(ROWS))
    table = Table("a.csv", {"meter": meter, **shop.table.columns}, shop.table.lines, time="date")

    found = features(Timeline.plain(table), features="meter")

    assert found.inputs == (Input("meter", offset=10**9),)
    assert found.notes[0].startswith("meter: 1,000,000,000 is subtracted from its values")


def test_rare_categories_are_counted(shop):
    store = TableColumn.of_text([f"s{i}" for i in range(70)])
    sales = TableColumn(np.arange(70.0))
    table = Table("a.csv", {"store": store, "sales": sales}, range(70))

    found = features(Timeline.plain(table), categories="store")

    assert len(found.inputs[-1].levels) == 64
    assert "store: the 64 most frequent categories are features, and the 6 others" in found.notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": ("temp", "store")},
            r"column 'store' of shop\.csv holds text such as 'A', .* --categories store",
        ),
        ({"features": ("date",)}, r"column 'date' .* holds times .* --calendar"),
        ({"future": ("sales",)}, "'sales' is the target"),
        ({"future": ("date",)}, "'date' is the time; use --calendar"),
        ({"future": ("store",)}, "--categories store"),
        ({"future": ("temp",), "task": "regress"}, "--future applies to forecasts only"),
        ({"categories": ("stores",)}, "Did you mean 'store'"),
    ],
)
def test_an_option_that_does_not_fit_the_table_is_a_usage_error(shop, options, message):
    with pytest.raises(UsageError, match=message):
        features(shop, options.pop("task", "forecast"), **options)


@pytest.mark.parametrize(
    ("time", "has"), [(None, "it has no time column"), ("code", "its times are numbers")]
)
def test_calendar_features_need_dates(shop, time, has):
    columns = {"code": TableColumn(np.arange(12.0)), "sales": shop.table.columns["sales"]}
    data = Timeline.plain(Table("a.csv", columns, range(12), time=time))

    with pytest.raises(UsageError, match=f"--calendar needs dates or times, .*{has}"):
        features(data, calendar="hour")


def test_a_category_without_any_value_is_refused(shop):
    columns = {**shop.table.columns, "empty": TableColumn.of_text([""] * ROWS)}

    with pytest.raises(InputError, match="E_INPUT_MISSING"):
        features(Timeline.plain(Table("a.csv", columns, range(ROWS))), categories="empty")


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "long" * 51])
def test_a_category_that_is_no_name_is_refused(shop, text):
    columns = {**shop.table.columns, "kind": TableColumn.of_text(["a", text] * 6)}

    with pytest.raises(InputError, match=r"E_INPUT_CELL: a\.csv, line 1, column 'kind'"):
        features(Timeline.plain(Table("a.csv", columns, range(ROWS))), categories="kind")


def test_what_is_named_twice_is_used_once(shop):
    found = features(shop, features="temp", calendar=("hour", "hour"), future=("temp", "temp"))

    assert found.names == ("temp", "hour sin", "hour cos", "temp+1", "temp+2")


def test_two_features_of_one_name_are_refused(shop):
    columns = {**shop.table.columns, "store=A": TableColumn(np.arange(12.0))}

    with pytest.raises(UsageError, match="called 'store=A'"):
        features(Timeline.plain(Table("a.csv", columns, range(ROWS))), categories="store")


def test_plain_numbers_are_not_recorded(shop):
    assert features(shop, features=("temp", "sales")).recorded == ()


def test_the_options_of_a_network_make_its_features_again(shop):
    options = {
        "features": ("sales", "store", "open"),
        "categories": ("store",),
        "calendar": ("hour",),
        "future": ("temp",),
    }
    found = features(shop, **options)
    columns = tuple(map(Column, found.names))
    metadata = Metadata("forecast", columns, (Column("y"),), window=3, inputs=found.recorded)

    assert options_of(metadata) == options
