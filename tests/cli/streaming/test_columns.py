"""`seqrt stream` on columns of every kind: a line holds the cells of the table as they are."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt

NETS = Path(__file__).parents[2] / "runtime" / "nets" / "encoded"
SHOP = NETS / "shop.onnx"
NAMES = ["meter", "open", "weekday", "day", "promo+1"]
CELLS = [
    ["1000000007", "True", "Thu", "2024-03-28 00:00", "1"],
    ["1000000011", "false", "Fri", "2024-03-29 06:00", "2"],
    ["1000000011", "0", "Sat", "2024-03-30T12:00", "0"],
]
ALONE = ("--key", "none")


@pytest.fixture
def stream(run, monkeypatch):
    """Call `seqrt stream` in this process with some text on stdin."""

    def call(text, *words, model=SHOP):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("stream", model, *words)

    return call


@pytest.fixture
def alone():
    """The predictions of one stream for the three steps."""
    model = seqrt.load(SHOP)
    live = model.stream()
    rows = [dict(zip(NAMES, cells, strict=True)) for cells in CELLS]
    return np.array([live.push(model.encode(row)) for row in rows])


def csv(rows, names=NAMES):
    return "".join(",".join(cells) + "\n" for cells in ([names] if names else []) + rows)


def numbers(text):
    return np.array([line.split(",") for line in text.splitlines()], np.float32)


def test_lines_hold_the_columns_of_the_table(stream, alone):
    done = stream(csv(CELLS), *ALONE)

    assert done.out.splitlines()[0] == "sales+1"
    np.testing.assert_array_equal(numbers(done.out.partition("\n")[2]), alone)


def test_columns_may_come_in_any_order_beside_others(stream, alone):
    rows = [["x", *cells[::-1]] for cells in CELLS]

    done = stream(csv(rows, ["note", *NAMES[::-1]]), *ALONE)

    np.testing.assert_array_equal(numbers(done.out.partition("\n")[2]), alone)


def test_without_names_the_columns_are_in_the_order_of_the_model(stream, alone):
    done = stream(csv(CELLS, None), *ALONE)

    np.testing.assert_array_equal(numbers(done.out), alone)


@pytest.mark.parametrize("named", [True, False])
def test_json_has_values_of_its_own_types(stream, alone, named):
    values = [
        [1_000_000_007, True, "Thu", "2024-03-28 00:00", 1],
        [1_000_000_011, False, "Fri", "2024-03-29 06:00", 2.0],
        [1_000_000_011.0, 0, "Sat", "2024-03-30T12:00", "0"],
    ]
    lines = [dict(zip(NAMES, row, strict=True)) if named else row for row in values]

    done = stream("".join(json.dumps(line) + "\n" for line in lines), *ALONE)

    answers = [json.loads(line) for line in done.out.splitlines()]
    found = [[each["sales+1"]] for each in answers] if named else answers
    np.testing.assert_array_equal(np.array(found, np.float32), alone)


def test_the_series_of_the_model_are_the_keys(stream, alone):
    rows = [[store, *CELLS[0]] for store in ("north", "south")]

    done = stream(csv(rows, ["store", *NAMES]))

    assert done.out.splitlines() == [
        "store,sales+1",
        *(f"{store},{alone[0, 0]!s}" for store in ("north", "south")),
    ]


def test_several_columns_make_a_key(stream, alone, tmp_path):
    rows = [[city, store, *CELLS[0]] for city, store in ("Ab", "Ac", "Ab")]
    table, state = csv(rows, ["city", "store", *NAMES]), tmp_path / "state"

    done = stream(table, "--key", "city,store", "--save", state)

    first, second, again = (line.split(",") for line in done.out.splitlines()[1:])
    assert (first[:2], second[:2], again[:2]) == (["A", "b"], ["A", "c"], ["A", "b"])
    assert first[2] == second[2] != again[2]
    more = stream(table, "--key", "city,store", "--restore", state)
    assert more.out.splitlines()[2].split(",")[2] == again[2]


def test_a_model_without_series_has_one_stream(stream):
    done = stream("1,2\n", model=NETS.parent / "lstm-last.onnx")

    assert done.code == 0


@pytest.mark.parametrize(
    ("place", "cell", "message"),
    [
        (0, "7", "E_INPUT_RANGE: stdin, line 3, column 'meter': a cell must be within 16,777,216"),
        (0, "many", "E_INPUT_CELL: stdin, line 3, column 'meter': a cell must hold a finite"),
        (1, "2", "E_INPUT_CELL: stdin, line 3, column 'open': a cell must be true or false"),
        (2, "", "E_INPUT_MISSING: stdin, line 3, column 'weekday'"),
        (3, "noon", "E_INPUT_TIME: stdin, line 3, column 'day': a cell must be a time such as"),
        (4, "1e39", "E_INPUT_RANGE: stdin, line 3"),
    ],
)
def test_a_bad_cell_is_named_after_all_before_it_were_answered(stream, place, cell, message):
    bad = [*CELLS[1]]
    bad[place] = cell

    done = stream(csv([CELLS[0], bad, CELLS[2]]), *ALONE)

    assert done.code == 3
    *warnings, error = done.err.splitlines()
    assert error.startswith(f"seqrt: {message}")
    assert all("outside its range in training" in line for line in warnings)
    assert len(done.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1000000007, true, {}, 3, 1]", "E_INPUT_FORMAT: stdin, line 1: weekday must be a number"),
        ("[1e400, true, 1, 3, 1]", "E_INPUT_"),
        (f"[{10**30}, true, 1, 3, 1]", "E_INPUT_RANGE: stdin, line 1: meter must fit int64"),
        ("[1, 2]", "E_INPUT_SHAPE: stdin, line 1: the list must hold 5 values (meter, open,"),
        ('{"meter": 1}', "E_INPUT_COLUMN: stdin, line 1: the names must include open, weekday"),
    ],
)
def test_a_value_of_json_that_is_no_cell_is_named(stream, line, message):
    done = stream(line + "\n", *ALONE)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"seqrt: {message}")


def test_missing_cells_follow_the_policy_of_the_model(stream):
    rows = [["1000000007", "", "", "2024-03-28", ""], CELLS[0]]

    done = stream(csv(rows), *ALONE, model=NETS / "shop-forward.onnx")

    assert (done.code, len(done.out.splitlines())) == (0, 3)
