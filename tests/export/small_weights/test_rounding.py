"""Matrices are rounded to float16, or to int8 times a scale, or stay float32 for a reason."""

from __future__ import annotations

import re

import numpy as np
import pytest

from seqrt.export.small_weights.rounding import SMALLEST, Rounded, round_weights

ROWS = (0, 1)


def matrix(rows=32, columns=16, size=1.0):
    weights = np.random.default_rng(0).normal(size=(1, rows, columns)) * size
    return weights.astype(np.float32)


def test_fp16_is_the_nearest_float16():
    weights = matrix()

    rounded = round_weights(weights, ROWS, "fp16")

    assert isinstance(rounded, Rounded)
    np.testing.assert_array_equal(rounded.stored, weights.astype(np.float16))
    assert rounded.scale is None


@pytest.mark.parametrize("outputs", [(0, 1), (2,), (0,)])
def test_int8_is_within_half_a_step_and_each_product_is_exact_in_float32(outputs):
    weights = matrix()

    stored, scale = round_weights(weights, outputs, "int8")

    assert (stored.dtype, scale.dtype) == (np.int8, np.float32)
    assert [scale.shape[axis] for axis in outputs] == [weights.shape[axis] for axis in outputs]
    assert scale.size == np.prod([weights.shape[axis] for axis in outputs])
    exact = stored.astype(np.float64) * scale
    np.testing.assert_array_equal(exact, stored.astype(np.float32) * scale)
    assert (np.abs(exact - weights) <= scale / 2).all()
    largest = np.abs(weights).max(axis=tuple({0, 1, 2} - {*outputs}), keepdims=True)
    np.testing.assert_allclose(scale, largest / 127, rtol=2**-15)


@pytest.mark.parametrize("numbers", [[0, 1], [-1, 0, 1], [0.25, -0.75, 0], [3, 381]])
def test_int8_keeps_ones_and_small_multiples_of_a_number(numbers):
    weights = np.random.default_rng(0).choice(numbers, (1, 32, 16)).astype(np.float32)

    stored, scale = round_weights(weights, ROWS, "int8")

    np.testing.assert_array_equal(stored.astype(np.float32) * scale, weights)


@pytest.mark.parametrize("form", ["fp16", "int8"])
def test_rows_of_zeros_stay_zeros(form):
    weights = matrix()
    weights[0, 3:9] = 0

    stored, scale = round_weights(weights, ROWS, form)

    assert not stored[0, 3:9].any()
    assert scale is None or (scale > 0).all()


@pytest.mark.parametrize(
    ("weights", "form", "why"),
    [
        (matrix(size=1e5), "fp16", "a weight of 3.*e\\+05 is beyond float16's 65,504"),
        (matrix(size=1e-6), "fp16", "weights of at most 3.*e-06 would lose their digits"),
        (matrix(size=7e37), "int8", "beyond its scales"),
        (matrix(size=1e-38), "int8", "beyond its scales"),
    ],
)
def test_weights_that_a_form_cannot_hold_stay_float32_for_a_reason(weights, form, why):
    assert re.search(why, round_weights(weights, ROWS, form))


@pytest.mark.parametrize(
    ("weights", "form"),
    [
        (matrix(SMALLEST // 16 - 1, 16), "fp16"),
        (matrix(SMALLEST // 16 - 1, 16), "int8"),
        (matrix(256, 1), "int8"),
    ],
)
def test_weights_that_would_save_nothing_stay_float32(weights, form):
    assert round_weights(weights, ROWS, form) == ""
