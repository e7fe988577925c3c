"""Model.encode: the columns of a table as the model reads them, and what is missing in them."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from seqrt.errors import InputError

COLUMNS = {
    "day": ["2024-03-28 00:00", "2024-03-29 06:00", "2024-03-30 12:00"],
    "weekday": ["Thu", "Fri", "Sat"],
    "meter": [1_000_000_007, 1_000_000_011, 1_000_000_013],
    "open": [True, False, True],
    "promo": [0, 1, 2],
    "sales": [1, 2, 3],
}
X = [[7, 1, 0, 1, 0, 0, 1, 1], [11, 0, 1, 0, 0, 1, 0, 2]]


@pytest.fixture
def shop(load):
    return load("encoded/shop")


def without(name):
    return {key: cells for key, cells in COLUMNS.items() if key != name}


def test_every_kind_of_column_becomes_its_features(shop):
    x = shop.encode(COLUMNS)

    assert (x.dtype, x.shape) == (np.float32, (2, 8))
    np.testing.assert_allclose(x, X, atol=1e-7)


def test_what_is_encoded_can_be_predicted_and_streamed(shop):
    x = shop.encode(COLUMNS)

    y = shop.predict(x[None])

    np.testing.assert_array_equal(shop.stream().push(x), y[0])


def test_the_example_of_the_documentation_runs(load):
    text = type(load("encoded/shop")).encode.__doc__
    lines = text.partition("::\n\n")[2].split("\n\n")[0]
    model = load("encoded/shop-forward")
    names = {"model": model}

    exec(textwrap.dedent(lines), names)  # noqa: S102 - our own documentation

    np.testing.assert_allclose(names["x"][:, 0], [7, 11])
    assert names["y"].shape == (1, 1)


def test_a_value_known_ahead_may_have_a_column_of_its_own(shop):
    columns = {name: cells[:2] for name, cells in COLUMNS.items()} | {"promo+1": [1, 2]}

    np.testing.assert_allclose(shop.encode(columns), X, atol=1e-7)


def test_a_single_row_is_one_step(shop):
    row = {name: cells[0] for name, cells in COLUMNS.items()} | {"promo+1": 1}

    np.testing.assert_allclose(shop.encode(row), X[:1], atol=1e-7)


def test_the_rows_that_are_known_ahead_need_no_other_cells(shop):
    columns = COLUMNS | {"meter": [1_000_000_007, 1_000_000_011, None]}

    np.testing.assert_allclose(shop.encode(columns), X, atol=1e-7)


def test_a_category_that_training_did_not_have_is_other(load):
    x = load("encoded/codes").encode({"code": [3, 12.0, "3", 7], "meter": [1, 2, 3, 4]})

    assert x[:, :3].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_a_missing_cell_is_nan_where_the_model_has_a_policy(load):
    columns = COLUMNS | {"weekday": [None, "Fri", "Sat"], "open": [None, False, True]}

    x = load("encoded/shop-forward").encode(columns)

    assert np.isnan(x[0, 1:5]).all()
    assert np.isfinite(x[1]).all()


@pytest.mark.parametrize("name", ["day", "weekday", "meter", "open", "promo"])
def test_a_column_that_is_not_given_is_named(shop, name):
    with pytest.raises(InputError, match=f"E_INPUT_COLUMN: columns must have '{name}'"):
        shop.encode(without(name))


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [
        ("meter", [1_000_000_007, None, 3], r"E_INPUT_MISSING: columns\['meter'\]\[1\]"),
        ("meter", [7, 1_000_000_011, 3], r"E_INPUT_RANGE: columns\['meter'\]\[0\]"),
        ("meter", ["many", 1_000_000_011, 3], r"E_INPUT_CELL: columns\['meter'\]\[0\]"),
        ("open", [2, 1, 0], r"E_INPUT_CELL: columns\['open'\]\[0\]: .* true or false"),
        ("weekday", ["", "Fri", "Sat"], r"E_INPUT_MISSING: columns\['weekday'\]\[0\]"),
        ("promo", [0, 1, None], r"E_INPUT_MISSING: columns\['promo'\]\[2\]"),
        ("day", ["2024-01-01", "soon", "later"], r"E_INPUT_TIME: columns\['day'\]"),
        ("promo", [0, 1], "E_INPUT_SHAPE: columns must have the same number of rows"),
        ("promo", [[0], [1], [2]], "E_INPUT_DTYPE"),
    ],
)
def test_a_cell_that_is_not_a_value_of_its_column_is_named(shop, name, cells, message):
    with pytest.raises(InputError, match=message):
        shop.encode(COLUMNS | {name: cells})


def test_too_few_rows_for_what_is_known_ahead_are_refused(shop):
    columns = {name: cells[:1] for name, cells in COLUMNS.items()}

    with pytest.raises(InputError, match="E_INPUT_FUTURE: columns must go on for 1 row "):
        shop.encode(columns)


def test_a_model_of_plain_numbers_takes_columns_too(lstm):
    x = lstm.encode({"load": [1, 2], "speed": np.array([3.5, 4.5]), "other": ["a", "b"]})

    assert x.tolist() == [[3.5, 1], [4.5, 2]]


def test_no_rows_give_no_steps(lstm):
    assert lstm.encode({"load": [], "speed": []}).shape == (0, 2)
