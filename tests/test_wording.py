"""How messages name a series and count things."""

from __future__ import annotations

import doctest

import seqrt.wording


def test_the_examples_are_true():
    assert doctest.testmod(seqrt.wording).failed == 0
