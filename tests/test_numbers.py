"""Input numbers keep their value when cast, and are finite where that is required."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.errors import InputError
from seqrt.numbers import check_finite, checked_cast


@pytest.mark.parametrize(
    "array",
    [
        np.float32([1, np.nan, np.inf]),
        np.float16([0.5, np.inf]),
        np.array([1.1, -np.inf, 1e-300]),
        np.array([2**24, -(2**24), 2**40]),
        np.array([2**62], np.uint64),
        np.array([True, False]),
        np.array([1.5, 2.5], ">f8"),
        np.arange(6.0)[::-2],
    ],
)
def test_values_that_float32_holds_pass(array):
    floats = checked_cast("x", array, np.float32)

    assert floats.dtype == np.float32
    assert floats.dtype.isnative
    np.testing.assert_array_equal(floats, array.astype(np.float64).astype(np.float32))


def test_float32_passes_without_a_copy():
    array = np.float32([1, 2])

    assert checked_cast("x", array, np.float32) is array


@pytest.mark.parametrize("number", [2**24 + 1, -(2**24) - 1, 2**63 - 1])
def test_an_integer_that_would_be_rounded_is_named(number):
    with pytest.raises(
        InputError, match=rf"^E_INPUT_RANGE: x .* {number} at \[1\] is rounded by float32 \(1 such"
    ):
        checked_cast("x", np.array([0, number, 5]), np.float32)


def test_float64_holds_integers_up_to_its_own_limit():
    assert checked_cast("x", np.array([2**53]), np.float64)[0] == 2**53
    with pytest.raises(InputError, match=r"9007199254740993 at \[0\] is rounded by float64"):
        checked_cast("x", np.array([2**53 + 1]), np.float64)
    with pytest.raises(InputError, match=r"18446744073709551615 at \[0\] is rounded by float64"):
        checked_cast("x", np.array([2**64 - 1], np.uint64), np.float64)


def test_a_number_too_large_for_float32_is_named():
    with pytest.raises(InputError, match=r"1e\+39 at \[0, 1\] is too large for float32 \(2 such"):
        checked_cast("x", np.array([[1, 1e39], [-1e300, np.inf]]), np.float32)


def test_in_a_part_of_an_array_a_number_is_named_by_its_place_in_the_whole():
    with pytest.raises(InputError, match=r"1e\+39 at \[70, 3\] is too large for float32\. Scale"):
        checked_cast("x", np.array([[1, 1e39]]), np.float32, (70, 2))
    with pytest.raises(InputError, match=r"16777217 at \[0, 2\] is rounded by float32\. Subtract"):
        checked_cast("x", np.array([[2**24 + 1]]), np.float32, (0, 2))


@pytest.mark.parametrize("array", [np.array(["1"]), np.array([1j]), np.array([None])])
def test_what_holds_no_numbers_is_refused(array):
    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: x must hold numbers, got dtype"):
        checked_cast("x", array, np.float32)


def test_finite_arrays_pass():
    check_finite("x", [np.zeros((3, 2)), np.ones((0, 2))])
    check_finite("y", np.arange(5))


def test_the_first_value_that_is_not_finite_is_named_and_all_are_counted():
    items = [np.zeros((20, 3)) for _ in range(6)]
    items[4][17, 2] = np.nan
    items[4][18] = np.inf
    items[5][0, 0] = -np.inf

    with pytest.raises(
        InputError,
        match=r"^E_INPUT_NONFINITE: x must be finite; x\[item 4, step 17, feature 2\] is nan"
        r" \(5 non-finite values in 2 items\)",
    ):
        check_finite("x", items)


def test_targets_are_named_by_their_own_axes():
    with pytest.raises(InputError, match=r"y\[item 1\] is inf \(1 "):
        check_finite("y", np.array([0.0, np.inf]))
    with pytest.raises(InputError, match=r"y\[item 0, output 1\] is nan"):
        check_finite("y", np.array([[0.0, np.nan]]), axes=("output",))
