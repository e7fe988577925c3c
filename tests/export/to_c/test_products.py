"""Constant matrices are written without their blocks of zeros, and still multiply right."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.export.to_c.loops import find_loops
from seqrt.export.to_c.places import Buffers
from seqrt.export.to_c.products import blocks_of, equal_parts


def rebuilt(blocks, shape):
    matrix = np.zeros(shape)
    for row, column, weights in blocks:
        inputs, outputs = weights.shape
        matrix[row : row + inputs, column : column + outputs] += weights
    return matrix


@pytest.mark.parametrize("parts", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 7, 40])
def test_blocks_hold_every_weight_once(rng, parts, size):
    matrix = np.kron(np.eye(parts), rng.standard_normal((size, size + 3)))

    blocks = blocks_of(matrix)

    np.testing.assert_array_equal(rebuilt(blocks, matrix.shape), matrix)


def test_the_zeros_between_large_blocks_are_left_out(rng):
    matrix = np.kron(np.eye(5), rng.standard_normal((64, 192)))

    blocks = blocks_of(matrix)

    assert [block.weights.shape for block in blocks] == [(64, 192)] * 5


def test_a_matrix_of_zeros_has_no_blocks_and_one_of_scattered_zeros_has_one(rng):
    scattered = rng.standard_normal((30, 20)) * (rng.random((30, 20)) < 0.7)

    assert blocks_of(np.zeros((4, 6))) == []
    assert len(blocks_of(scattered)) == 1


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_networks_side_by_side_are_told_apart(rng, parts):
    side_by_side = [np.kron(np.eye(parts), rng.standard_normal((6, 6))) for _ in range(4)]

    assert equal_parts(np.stack(side_by_side)) == parts


def test_loops_of_broadcasts_and_transposes_are_found():
    numbers = np.arange(6)

    assert find_loops([numbers]) is not None
    assert find_loops([numbers, numbers.reshape(2, 3).T.ravel()]).sizes == (3, 2)
    assert find_loops([numbers, np.repeat([7, 9], 3)]).steps == ((3, 1), (2, 0))
    assert find_loops([numbers, np.array([0, 5, 1, 4, 2, 3])]) is None


def test_the_same_numbers_are_one_constant():
    buffers = Buffers()

    first = buffers.constant(np.ones((2, 3)), "a")

    assert buffers.constant(np.ones(6), "b") is first
    assert buffers.constant(np.ones(5), "c") is not first
