"""Checks of empty input: no rows, no steps, rows without steps among others.

In onnxruntime alone, an empty batch aborts the process, and a row without steps loses its state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_same, assert_zeros
from seqrt.testing.model_under_test import ModelUnderTest


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    always: list[Callable[[ModelUnderTest], None]] = [
        no_rows_give_no_rows,
        no_steps_give_zeros_and_keep_the_state,
        a_row_without_steps_keeps_its_state_and_affects_no_other,
        an_empty_list_and_empty_items_are_allowed,
    ]
    per_step = model.manifest.head == "sequence"
    return [*always, steps_past_a_length_give_zeros] if per_step else always


def no_rows_give_no_rows(tested: ModelUnderTest) -> None:
    """(0, T, D) and (0, 0, D) give no predictions and no states."""
    for x in (tested.x[:0], tested.x[:0, :0]):
        y, state = tested.model.run(x)
        assert_same(y, tested.model.predict(x), "predictions for no rows")
        if len(y) or state.shape != tested.state(0).shape:
            raise AssertionError(
                f"no rows must give no rows, got shapes {y.shape} and {state.shape}."
            )


def no_steps_give_zeros_and_keep_the_state(tested: ModelUnderTest) -> None:
    """(B, 0, D) gives zeros; the next state equals the given one."""
    state = tested.state(5)
    y, end = tested.model.run(tested.x[:, :0], None, state)
    assert_zeros(y, "predictions for no steps")
    assert_same(end, state, "states before and after no steps")
    if end is state:
        raise AssertionError("the next state must be a new array, but is the given one.")


def a_row_without_steps_keeps_its_state_and_affects_no_other(tested: ModelUnderTest) -> None:
    """A length of 0 among others: zeros, an unchanged state, and no effect on other rows."""
    x, state = tested.x, tested.state(5)
    few = max(5, tested.least)
    y, end = tested.model.run(x, [12, 0, few, 0, 12], state)
    others = [0, 2, 4]
    alone, ends = tested.model.run(x[others], [12, few, 12], state[others])
    assert_zeros(y[[1, 3]], "predictions for rows without steps")
    assert_same(end[[1, 3]], state[[1, 3]], "states of rows without steps")
    tested.assert_close(y[others], alone, "predictions beside rows without steps and without them")
    tested.assert_states_close(
        end[others], ends, "states beside rows without steps and without them"
    )


def an_empty_list_and_empty_items_are_allowed(tested: ModelUnderTest) -> None:
    """[] gives no predictions; an item (0, D) gives zeros, or with a `sequence` head no steps."""
    predict, x = tested.model.predict, tested.x
    if len(predict([])):
        raise AssertionError("an empty list must give no predictions, but gives some.")
    y: Any = predict([x[0], x[1, :0], x[2]])
    assert_zeros(y[1], "the prediction for an empty item")
    if tested.per_step and len(y[1]):
        raise AssertionError(f"an empty item must give no steps, got {len(y[1])}.")
    want: Any = predict([x[0], x[2]])
    tested.assert_close(
        np.stack([y[0], y[2]]), np.stack(list(want)), "predictions beside an empty item"
    )


def steps_past_a_length_give_zeros(tested: ModelUnderTest) -> None:
    """Predictions past the end of a row are zeros, not what was left in memory."""
    y: Any = tested.model.predict(tested.x, tested.lengths)
    for row, length in zip(y, tested.lengths, strict=True):
        assert_zeros(row[length:], f"predictions past a length of {length}")
