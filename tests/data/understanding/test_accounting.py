"""Every column of a table is accounted for: used as what, or left out and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqrt.contract import Input
from seqrt.data import read
from seqrt.data.understanding.accounting import account, quoted


@pytest.fixture
def table(tmp_path):
    """A table with a column of every kind."""
    days = [f"-01-{i:02d}" for i in range(1, 21)]
    rows = [
        f"web,2024{day},{i},{i * 2},{'MT'[i % 2]},n{i},{i % 3 == 0},,2023{day}"
        for i, day in enumerate(days)
    ]
    head = "store,date,sales,price,weekday,note,open,empty,delivered"
    (tmp_path / "shop.csv").write_text("\n".join([head, *rows]) + "\n")
    return read(tmp_path / "shop.csv")


def uses(table, **options):
    accounted = account(table, **{"series": (), "targets": (), "inputs": (), **options})
    return {each.name: each for each in accounted}


def test_every_column_has_a_use_or_a_reason(table):
    inputs = [Input("sales"), Input("open", "boolean"), Input("date", "calendar", cycle="month")]
    found = uses(replace(table, time="date"), series=("store",), targets=("sales",), inputs=inputs)

    assert list(found) == list(table.names)
    assert {name: each.uses for name, each in found.items() if each.uses} == {
        "store": ("series",),
        "date": ("time", "calendar"),
        "sales": ("target", "feature"),
        "open": ("feature",),
    }
    assert {name: each.reason for name, each in found.items() if not each.uses} == {
        "price": "numbers",
        "weekday": "text with 2 values: --categories weekday makes features of it",
        "note": "text with 20 values",
        "empty": "no values",
        "delivered": "times, but the time is date",
    }


def test_a_column_of_numbers_is_left_out_because_others_are_named(table):
    found = uses(table, inputs=[Input("sales")], chosen=True)

    assert found["price"].left_out == "price (numbers, not among --features)"


def test_a_feature_known_ahead_is_named_as_such(table):
    promo = Input("price")

    assert uses(table, inputs=[promo, Input("price", ahead=1)])["price"].uses == (
        "feature",
        "known ahead",
    )


def test_the_record_has_a_reason_only_where_a_column_is_left_out(table):
    found = uses(table, targets=("sales",), inputs=[Input("sales")])

    assert found["sales"].record() == {"kind": "number", "use": "target and feature"}
    assert found["empty"].record() == {
        "kind": "text",
        "use": "left out",
        "reason": "no values",
    }


@pytest.mark.parametrize(
    ("name", "typed"), [("kW", "kW"), ("wind speed", "'wind speed'"), ("a,b", "'\"a,b\"'")]
)
def test_a_name_is_quoted_as_it_is_typed(name, typed):
    assert quoted(name) == typed
