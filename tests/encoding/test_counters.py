"""Counters: what is subtracted before the cast to float32, and what float32 cannot hold at all."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.encoding.column import TableColumn
from seqrt.encoding.counters import check_target, counter_offset, rounding_note, subtracted
from seqrt.errors import InputError


def column(values, *, exact: bool = False) -> TableColumn:
    values = np.asarray(values)
    return TableColumn(values.astype(np.float64), exact=values if exact else None)


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2**24],
        [2.0**30, 2.0**31],
        [0.1, 0.7],
        [np.nan, 3],
        [np.nan],
        [1e300, 2e300],
        [1.7e9 + i * 86400 + 0.5 for i in range(300)],
    ],
)
def test_what_float32_holds_well_enough_has_no_offset(values):
    assert counter_offset(column(values), "x") == 0


def test_a_counter_is_shifted_by_its_minimum_and_stays_exact():
    counter = column(10**9 + np.arange(1000))

    assert counter_offset(counter, "x") == 10**9
    assert (subtracted(counter, 10**9).astype(np.float32) == np.arange(1000)).all()


def test_int64_and_float64_have_the_same_offset():
    values = 10**9 + np.arange(1000)

    assert counter_offset(column(values), "x") == counter_offset(column(values, exact=True), "x")


def test_whole_numbers_beyond_float64_are_shifted_exactly():
    values = 2**60 + np.arange(0, 9, 2) + 1
    counter = column(values, exact=True)

    assert counter_offset(counter, "x") == 2**60 + 1
    assert subtracted(counter, 2**60 + 1).tolist() == [0, 2, 4, 6, 8]


def test_a_counter_over_too_wide_a_range_is_refused():
    with pytest.raises(
        InputError,
        match=r"E_INPUT_RANGE: a.csv, column 'n': float32 must hold the values, but whole numbers"
        r" from 0 to 99,999,999 that change by about 1,000 from row to row would be rounded by"
        r" up to 4\. Use the differences",
    ):
        counter_offset(column(np.linspace(0, 99_999_999, 100_000).round()), "a.csv, column 'n'")


def test_whole_numbers_that_float64_rounds_are_refused_over_a_wide_range():
    nanoseconds = 1_700_000_000_000_000_001 + 10**9 * np.arange(5)

    with pytest.raises(InputError, match="E_INPUT_RANGE"):
        counter_offset(column(nanoseconds, exact=True), "x")


def test_amounts_over_a_wide_range_are_rounded_like_other_numbers():
    volume = np.random.default_rng(0).integers(10**6, 2 * 10**8, 500)

    assert counter_offset(column(volume), "x") == 0


def test_a_small_change_on_a_large_level_is_kept():
    pressure = 101_325 + np.random.default_rng(0).uniform(0, 0.5, 200)

    offset = counter_offset(column(pressure), "x")

    assert offset == 101_325
    rounding = (pressure - offset).astype(np.float32) - (pressure - offset)
    assert np.abs(rounding).max() < 1e-3 * pressure.std()


def test_a_constant_has_no_offset():
    assert counter_offset(column([101_325.3] * 5), "x") == 0


def test_a_target_that_outputs_cannot_hold_is_refused():
    check_target(column([331_002_651, 332_400_123, 334_010_777]), "x")
    check_target(column(101_325 + np.random.default_rng(0).normal(0, 1, 99).round(2)), "x")
    with pytest.raises(InputError, match="E_INPUT_RANGE: x: float32 must hold the values"):
        check_target(column(10**9 + np.arange(1000)), "x")
    with pytest.raises(InputError, match="E_INPUT_RANGE: x: float32 must hold the values"):
        check_target(column(1e6 + np.random.default_rng(0).normal(0, 0.1, 99)), "x")


def test_whole_numbers_that_are_rounded_without_an_offset_are_named():
    volumes = column([45_234_121, 88_901_333, 120_000_007, 31_000_001])

    assert counter_offset(volumes, "x") == 0
    (note,) = rounding_note(volumes, "volume")
    assert note.startswith("volume: its whole numbers from 31,000,001 to 120,000,007 are rounded")
    assert note.endswith("by up to 3")
    assert rounding_note(column([1, 2, 2**24]), "volume") == ()
    assert rounding_note(column([0.1, 0.2]), "volume") == ()
