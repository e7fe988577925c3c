"""Checks that input of the wrong kind is refused: shapes, lengths, states, options, objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrt.errors import UsageError
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    always: list[Callable[[ModelUnderTest], None]] = [
        *([] if model.manifest.tokens else [wrong_shapes_are_refused]),
        wrong_lengths_are_refused,
        lengths_of_every_integer_dtype_mean_the_same,
        objects_other_than_arrays_are_refused,
        wrong_options_are_refused,
    ]
    return [*always, wrong_states_are_refused] if model.manifest.streamable else always


def wrong_shapes_are_refused(tested: ModelUnderTest) -> None:
    """Too few axes, too many, or the wrong number of features: E_INPUT_SHAPE."""
    x, predict = tested.x, tested.model.predict
    rows, steps, features = x.shape
    shapes = [(), (features,), (steps, features), (1, rows, steps, features)]
    shapes += [(rows, steps, features + 1), (rows, steps, 0), (0,)]
    for shape in shapes:
        assert_refused("E_INPUT_SHAPE", f"x of shape {shape}", predict, np.zeros(shape))
    for item in (x[0, 0], x, np.zeros((steps, features + 1), np.float32)):
        assert_refused("E_INPUT_SHAPE", f"an item {item.shape}", predict, [x[0], item])


def wrong_lengths_are_refused(tested: ModelUnderTest) -> None:
    """Negative, beyond T, too many, too few, not integers: E_INPUT_LENGTHS or E_INPUT_SHAPE."""
    x, codes = tested.x, "E_INPUT_LENGTHS E_INPUT_SHAPE"
    wrong: list[object] = [[-1, 1, 1, 1, 1], [13, 1, 1, 1, 1], [1] * 4, [1] * 6, 3, [[1] * 5]]
    wrong += [[1.0] * 5, [True] * 5, ["1"] * 5, [None] * 5, "12", [2**40] * 5, [-(2**62)] * 5]
    wrong += [np.array([np.nan] * 5), {}, np.array([2**64 - 1] * 5, np.uint64)]
    for lengths in wrong:
        assert_refused(codes, f"lengths {lengths!r:.40}", tested.model.predict, x, lengths)
    assert_refused("E_INPUT_LENGTHS", "lengths of a list", tested.model.predict, list(x), [12] * 5)


def lengths_of_every_integer_dtype_mean_the_same(tested: ModelUnderTest) -> None:
    """int8 to uint64, of either byte order, strided, or a list."""
    x, lengths = tested.x, tested.lengths
    want = tested.model.predict(x, lengths)
    for kind in ("i1", "u1", ">i2", "<i4", ">i4", "i8", ">u8"):
        given = np.repeat(np.array(lengths, kind), 2)[::2]
        assert_same(
            tested.model.predict(x, given),
            want,
            f"predictions with lengths of {kind} and of a list",
        )


def objects_other_than_arrays_are_refused(tested: ModelUnderTest) -> None:
    """None, a number, text, a dict, a set, a generator, any object: E_INPUT_TYPE."""
    predict = tested.model.predict
    things: list[object] = [None, 1.5, "x", b"x", {"x": 1}, {1.0}, iter([]), object(), predict]
    for thing in things:
        assert_refused("E_INPUT_TYPE", f"x = {thing!r:.40}", predict, thing)
    codes = "E_INPUT_TYPE E_INPUT_DTYPE E_INPUT_SHAPE"
    for thing in (None, 1.5, "x", [None], [[1.0], [1.0, 2.0]], object()):
        assert_refused(codes, f"an item {thing!r:.40}", predict, [tested.x[0], thing])


def wrong_states_are_refused(tested: ModelUnderTest) -> None:
    """Wrong rows, wrong width, too many axes, text, bytes, NaN: refused."""
    run, x, state = tested.model.run, tested.x, tested.state(5)
    shape, size = "E_INPUT_SHAPE", state.shape[1]
    wrong = [state[:4], state[:, :-1], np.zeros((5, size + 1)), state[None], state.T[:, :4]]
    for given in wrong:
        assert_refused(shape, f"a state {given.shape}", run, x, None, given)
    assert_refused("E_INPUT_DTYPE", "a state of text", run, x, None, state.astype(str))
    assert_refused("E_INPUT_TYPE", "a state in bytes", run, x, None, state.tobytes())
    assert_refused("E_INPUT_NONFINITE", "a NaN in a state", run, x, None, state * np.nan)


def wrong_options_are_refused(tested: ModelUnderTest) -> None:
    """An unknown device, fewer than one thread, TF32 on a CPU, an unknown policy: UsageError."""
    options: list[dict[str, Any]] = [{"device": "tpu"}, {"threads": 0}, {"threads": 1.5}]
    options += [{"device": None}, {"tf32": 1}, {"tf32": True}]
    for wrong in options:
        assert_refused(UsageError, f"{wrong}", Model, tested.path, **wrong)
    assert_refused(UsageError, "nonfinite='?'", tested.model.predict, tested.x, nonfinite="?")
