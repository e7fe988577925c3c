"""Nothing in, nothing out: no rows, no steps, rows without steps among others.

Below, an empty batch aborts the process, and a row of no steps loses its state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_same, assert_zeros
from seqrt.testing.model_under_test import ModelUnderTest


def faults(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    always: list[Callable[[ModelUnderTest], None]] = [
        no_rows_answer_no_rows,
        no_steps_answer_zeros_and_keep_the_state,
        a_row_without_steps_keeps_its_state_and_disturbs_no_other,
        an_empty_list_and_empty_items_are_answered,
    ]
    per_step = model.manifest.head == "sequence"
    return [*always, steps_past_a_length_answer_zeros] if per_step else always


def no_rows_answer_no_rows(tested: ModelUnderTest) -> None:
    """(0, T, D) and (0, 0, D) answer no rows and no states."""
    for x in (tested.x[:0], tested.x[:0, :0]):
        y, state = tested.model.run(x)
        assert_same(y, tested.model.predict(x), "answers to no rows")
        if len(y) or state.shape != tested.state(0).shape:
            raise AssertionError(f"no rows must answer no rows, got {y.shape} and {state.shape}.")


def no_steps_answer_zeros_and_keep_the_state(tested: ModelUnderTest) -> None:
    """(B, 0, D) answers zeros; the next state is the one that was given."""
    state = tested.state(5)
    y, end = tested.model.run(tested.x[:, :0], None, state)
    assert_zeros(y, "answers to no steps")
    assert_same(end, state, "states before and after no steps")
    if end is state:
        raise AssertionError("the next state must be the caller's own, and is the one given.")


def a_row_without_steps_keeps_its_state_and_disturbs_no_other(tested: ModelUnderTest) -> None:
    """A length of 0 among others: zeros, its own state, and mates that do not notice."""
    x, state = tested.x, tested.state(5)
    y, end = tested.model.run(x, [12, 0, 5, 0, 12], state)
    mates = [0, 2, 4]
    alone, ends = tested.model.run(x[mates], [12, 5, 12], state[mates])
    assert_zeros(y[[1, 3]], "answers to rows without steps")
    assert_same(end[[1, 3]], state[[1, 3]], "states of rows without steps")
    tested.close(y[mates], alone, "answers beside rows without steps and without them")
    tested.states_close(end[mates], ends, "states beside rows without steps and without them")


def an_empty_list_and_empty_items_are_answered(tested: ModelUnderTest) -> None:
    """[] answers nothing; an item (0, D) answers zeros, and nothing where steps are answered."""
    predict, x = tested.model.predict, tested.x
    if len(predict([])):
        raise AssertionError("an empty list must answer nothing, and answers something.")
    y: Any = predict([x[0], x[1, :0], x[2]])
    assert_zeros(y[1], "the answer to an empty item")
    if tested.per_step and len(y[1]):
        raise AssertionError(f"an empty item must answer no steps, got {len(y[1])}.")
    want: Any = predict([x[0], x[2]])
    tested.close(np.stack([y[0], y[2]]), np.stack(list(want)), "answers beside an empty item")


def steps_past_a_length_answer_zeros(tested: ModelUnderTest) -> None:
    """What lies behind the end of a row is neither answered nor left as it was in memory."""
    y: Any = tested.model.predict(tested.x, [12, 1, 5, 0, 11])
    for row, length in zip(y, [12, 1, 5, 0, 11], strict=True):
        assert_zeros(row[length:], f"answers past a length of {length}")
