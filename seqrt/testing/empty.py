"""Nothing in, nothing out: no rows, no steps, rows without steps among others.

Below, an empty batch aborts the process, and a row of no steps loses its state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.subject import Subject, same, zeros


def faults(model: Model) -> list[Callable[[Subject], None]]:
    """Return the checks of this file that apply to the model."""
    always: list[Callable[[Subject], None]] = [
        no_rows_answer_no_rows,
        no_steps_answer_zeros_and_keep_the_state,
        a_row_without_steps_keeps_its_state_and_disturbs_no_other,
        an_empty_list_and_empty_items_are_answered,
    ]
    per_step = model.manifest.head == "sequence"
    return [*always, steps_past_a_length_answer_zeros] if per_step else always


def no_rows_answer_no_rows(subject: Subject) -> None:
    """(0, T, D) and (0, 0, D) answer no rows and no states."""
    for x in (subject.x[:0], subject.x[:0, :0]):
        y, state = subject.model.run(x)
        same(y, subject.model.predict(x), "answers to no rows")
        if len(y) or state.shape != subject.state(0).shape:
            raise AssertionError(f"no rows must answer no rows, got {y.shape} and {state.shape}.")


def no_steps_answer_zeros_and_keep_the_state(subject: Subject) -> None:
    """(B, 0, D) answers zeros; the next state is the one that was given."""
    state = subject.state(5)
    y, end = subject.model.run(subject.x[:, :0], None, state)
    zeros(y, "answers to no steps")
    same(end, state, "states before and after no steps")
    if end is state:
        raise AssertionError("the next state must be the caller's own, and is the one given.")


def a_row_without_steps_keeps_its_state_and_disturbs_no_other(subject: Subject) -> None:
    """A length of 0 among others: zeros, its own state, and mates that do not notice."""
    x, state = subject.x, subject.state(5)
    y, end = subject.model.run(x, [12, 0, 5, 0, 12], state)
    mates = [0, 2, 4]
    alone, ends = subject.model.run(x[mates], [12, 5, 12], state[mates])
    zeros(y[[1, 3]], "answers to rows without steps")
    same(end[[1, 3]], state[[1, 3]], "states of rows without steps")
    subject.close(y[mates], alone, "answers beside rows without steps and without them")
    subject.states_close(end[mates], ends, "states beside rows without steps and without them")


def an_empty_list_and_empty_items_are_answered(subject: Subject) -> None:
    """[] answers nothing; an item (0, D) answers zeros, and nothing where steps are answered."""
    predict, x = subject.model.predict, subject.x
    if len(predict([])):
        raise AssertionError("an empty list must answer nothing, and answers something.")
    y: Any = predict([x[0], x[1, :0], x[2]])
    zeros(y[1], "the answer to an empty item")
    if subject.per_step and len(y[1]):
        raise AssertionError(f"an empty item must answer no steps, got {len(y[1])}.")
    want: Any = predict([x[0], x[2]])
    subject.close(np.stack([y[0], y[2]]), np.stack(list(want)), "answers beside an empty item")


def steps_past_a_length_answer_zeros(subject: Subject) -> None:
    """What lies behind the end of a row is neither answered nor left as it was in memory."""
    y: Any = subject.model.predict(subject.x, [12, 1, 5, 0, 11])
    for row, length in zip(y, [12, 1, 5, 0, 11], strict=True):
        zeros(row[length:], f"answers past a length of {length}")
