"""Checks of arrays: any dtype, byte order and memory layout gives the same numbers, or is refused.

onnxruntime alone reads big-endian numbers as garbage, and ignores the mask of a masked array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    if model.manifest.tokens:
        return [the_arrays_of_the_caller_are_never_modified, predictions_are_never_overwritten]
    return [
        every_dtype_gives_the_same_predictions,
        every_memory_layout_gives_the_same_predictions,
        numbers_that_do_not_fit_float32_are_refused,
        arrays_without_numbers_are_refused,
        masked_values_are_refused,
        the_arrays_of_the_caller_are_never_modified,
        predictions_are_never_overwritten,
    ]


def every_dtype_gives_the_same_predictions(tested: ModelUnderTest) -> None:
    """Every dtype and byte order gives bit for bit the predictions of float32."""
    whole = np.clip(np.rint(tested.x), 0, 100)
    for x, kinds in (
        (whole, "<f4 >f4 <f8 >f8 i1 u1 <i2 >i2 <u2 <i4 >i4 >u4 <i8 >i8 u8 g"),
        (tested.x.astype(np.float16).clip(-6e4, 6e4), "<f2 >f2 >f4 >f8"),
        (whole > whole.mean(), "?"),
    ):
        plain = np.asarray(x, np.float32)
        want, listed = tested.model.predict(plain), tested.model.predict(list(plain))
        for kind in kinds.split():
            array = x.astype(kind)
            assert_same(
                tested.model.predict(array), want, f"predictions for {kind} and for float32"
            )
            assert_same(
                np.array(tested.model.predict(list(array))),
                np.array(listed),
                f"predictions for a list of {kind} and of float32",
            )


def every_memory_layout_gives_the_same_predictions(tested: ModelUnderTest) -> None:
    """Strided, reversed, Fortran, unaligned or read-only: the predictions of a plain array."""
    want, listed = tested.model.predict(tested.x), tested.model.predict(list(tested.x))
    for name, x in _layouts(tested.x):
        assert_same(
            tested.model.predict(x),
            want,
            f"predictions for an array that is {name} and a plain one",
        )
        again = tested.model.predict(list(x))
        assert_same(
            np.array(again),
            np.array(listed),
            f"predictions for items that are {name} and plain ones",
        )
    spread = np.broadcast_to(tested.x[0], (5, 12, tested.x.shape[2]))
    assert_same(
        tested.model.predict(spread),
        tested.model.predict(spread.copy()),
        "predictions for a broadcast array and its copy",
    )


def numbers_that_do_not_fit_float32_are_refused(tested: ModelUnderTest) -> None:
    """1e300, and integers that would be rounded: E_INPUT_RANGE."""
    predict, shape = tested.model.predict, tested.x.shape
    for value in (1e300, -1e39, 2**24 + 1, -(2**24) - 1, 2**63 - 1):
        x = np.zeros(shape, np.float64 if isinstance(value, float) else np.int64)
        x[2, 3, 0] = value
        assert_refused("E_INPUT_RANGE", f"{value} in x", predict, x)
        assert_refused("E_INPUT_RANGE", f"{value} in an item", predict, list(x))


def arrays_without_numbers_are_refused(tested: ModelUnderTest) -> None:
    """Complex numbers, text, objects, dates, records: E_INPUT_DTYPE."""
    shape = tested.x.shape
    for kind in ("c8", "U3", "S3", "O", "M8[s]", "m8[s]", "f4,i4", "V4"):
        x = np.zeros(shape, kind)
        assert_refused("E_INPUT_DTYPE", f"an array of {x.dtype}", tested.model.predict, x)
        assert_refused("E_INPUT_DTYPE", f"a list of {x.dtype}", tested.model.predict, list(x))


def masked_values_are_refused(tested: ModelUnderTest) -> None:
    """A masked array with masked values: E_INPUT_TYPE; without any, it is an ordinary array."""
    x = np.ma.MaskedArray(tested.x)
    assert_same(
        tested.model.predict(x),
        tested.model.predict(tested.x),
        "predictions for a masked array without masked values and for its data",
    )
    x[1, 2, 0] = np.ma.masked
    assert_refused("E_INPUT_TYPE", "an array with a masked value", tested.model.predict, x)
    assert_refused("E_INPUT_TYPE", "items with a masked value", tested.model.predict, list(x))


def the_arrays_of_the_caller_are_never_modified(tested: ModelUnderTest) -> None:
    """x, lengths, items and states are unchanged after predictions."""
    x, lengths, state = tested.x, np.array(tested.lengths, np.int32), tested.state(5)
    if not tested.tokens:
        x[0, 3, 0] = np.nan
    before = x.copy(), lengths.copy(), state.copy()
    tested.model.run(x, lengths, state, nonfinite="propagate")
    tested.model.predict(x, lengths, nonfinite="propagate")
    tested.model.predict(list(x), nonfinite="propagate")
    for name, now, was in zip(("x", "lengths", "state"), (x, lengths, state), before, strict=True):
        if now.tobytes() != was.tobytes():
            raise AssertionError(f"{name} must not be modified by a prediction, but was.")


def predictions_are_never_overwritten(tested: ModelUnderTest) -> None:
    """A prediction stays unchanged when the model runs again, and the caller may modify it."""
    y, state = tested.model.run(tested.x)
    first = y.copy(), state.copy()
    tested.model.run(tested.x[::-1] // 2 if tested.tokens else tested.x[::-1] * np.float32(0.5))
    assert_same(y, first[0], "a prediction before and after the next call")
    assert_same(state, first[1], "a state before and after the next call")
    y[...] = state[...] = 0
    again = tested.model.run(tested.x)
    assert_same(again[0], first[0], "a prediction after an older one was modified")
    assert_same(again[1], first[1], "a state after an older one was modified")


def _layouts(x: Floats) -> Iterator[tuple[str, NDArray[Any]]]:
    rows, steps, features = x.shape
    yield "strided", np.repeat(x, 3, axis=1)[:, ::3]
    yield "reversed", np.ascontiguousarray(x[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    yield "Fortran", np.asfortranarray(x)
    yield "transposed", np.ascontiguousarray(x.transpose(2, 1, 0)).transpose(2, 1, 0)
    unaligned = np.empty(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(rows, steps, features)
    unaligned[...] = x
    yield "unaligned", unaligned
    frozen = x.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    yield "a field of records", x.view([("value", np.float32)])["value"]
