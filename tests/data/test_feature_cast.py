"""Counters in sequences: a whole number is subtracted before float32 would round them."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import Column, Input, Manifest
from seqrt.contract.manifest import Layer
from seqrt.data.feature_cast import offsets_for, offsets_of, served_cast, shifted_cast
from seqrt.data.sequences import Sequences
from seqrt.errors import InputError

START = 1_700_000_000
COUNTER = START + np.arange(24).reshape(2, 4, 3) ** 2


def manifest(*offsets: int, scale: float = 1.0) -> Manifest:
    return Manifest(
        name="counter",
        producer="seqrt",
        task="regress",
        head="last",
        activation="none",
        layers=(Layer("gru", 2),),
        features=tuple(Column(f"x{i}", scale=scale) for i in range(3)),
        outputs=(Column("y"),),
        inputs=tuple(Input(f"x{i}", offset=offset) for i, offset in enumerate(offsets)),
    )


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.float64, np.dtype(">i8"), np.uint32])
def test_a_counter_loses_its_minimum_whatever_its_type(kind):
    data = Sequences.of_arrays({"x": COUNTER.astype(kind)}, "d.npz")

    assert data.offsets == (START, START + 1, START + 4)
    want = (COUNTER - COUNTER[0, 0]).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(data.x), want)


def test_a_counter_beyond_float64_is_kept_exactly():
    x = 2**60 + np.arange(6).reshape(1, 6, 1)

    data = Sequences.of_arrays({"x": x}, "d.npz")

    assert data.offsets == (2**60,)
    np.testing.assert_array_equal(data.x[0][:, 0], np.arange(6))


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint8, np.bool_])
def test_a_type_that_float32_holds_needs_nothing(kind):
    assert Sequences.of_arrays({"x": np.ones((2, 3, 1), kind)}, "d.npz").offsets == ()
    assert Sequences.of_arrays({"x": np.full((2, 3, 1), 2**24)}, "d.npz").offsets == ()


def test_padding_does_not_count():
    x = COUNTER.copy()
    x[1, 2:] = 0

    padded = Sequences.of_arrays({"x": x, "lengths": np.array([4, 2])}, "d.npz")
    flat = Sequences.of_arrays(
        {"x": np.concatenate([x[0], x[1, :2]]), "lengths": np.array([4, 2])}, "d.npz"
    )

    assert padded.offsets == flat.offsets == (START, START + 1, START + 4)
    for one, other in zip(padded.x, flat.x, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_range_that_float32_cannot_hold_is_refused_by_the_feature():
    x = np.zeros((1, 6, 2), np.int64)
    x[0, :, 1] = START + np.array([0, 1, 2, 3, 4, 2**40])

    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: d\.npz, x, feature 1: .* 1,700,000,000"):
        Sequences.of_arrays({"x": x}, "d.npz")


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_a_model_subtracts_what_it_subtracted_in_training(kind):
    model = manifest(START, START, START)

    data = Sequences.of_arrays({"x": COUNTER.astype(kind)}, "d.npz", trained=model)

    assert offsets_of(model) == (START, START, START)
    np.testing.assert_array_equal(np.asarray(data.x), (COUNTER - START).astype(np.float32))


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_a_number_too_far_from_those_of_training_is_refused_by_its_place(kind):
    x = COUNTER.astype(kind)
    x[1, 2, 0] = 7

    with pytest.raises(
        InputError,
        match=r"^E_INPUT_RANGE: d, x .* 7(\.0)? at \[1, 2, 0\] is rounded by float32 after the"
        r" model subtracts 1,700,000,000\.",
    ):
        served_cast("d, x", x, manifest(START, START, START))


def test_without_an_offset_a_model_takes_integers_that_are_rounded_by_little():
    x = np.array([[[2**24 + 1, 0, 0]]])

    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: x .* 16777217 at \[0, 0, 0\]"):
        served_cast("x", x, manifest())
    assert served_cast("x", x, manifest(scale=1e4))[0, 0, 0] == 2**24


def test_offsets_are_chosen_by_the_rule_of_tables():
    pressure = 101_325 + np.linspace(0, 0.5, 50)[:, None]

    (offset,) = offsets_for(pressure, "x")

    assert offset == 101_325
    shifted = shifted_cast("x", pressure, (offset,))
    np.testing.assert_allclose(shifted[:, 0], np.linspace(0, 0.5, 50), atol=1e-7)
