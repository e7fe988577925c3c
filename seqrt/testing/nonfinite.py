"""NaN and Inf are an error by default, or carried to the answers; never plausible numbers.

Below, LSTM and GRU swallow them: finite and wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest


def faults(_: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file: they apply to every model."""
    return [
        a_value_that_is_not_finite_is_refused_and_named,
        what_lies_behind_a_length_is_not_read,
        nan_is_carried_to_what_depends_on_it_and_no_further,
    ]


def a_value_that_is_not_finite_is_refused_and_named(tested: ModelUnderTest) -> None:
    """NaN and Inf anywhere in x: E_INPUT_NONFINITE with item, step and feature."""
    for bad in _bad(tested):
        x = tested.x
        x[3, 7, -1] = bad
        place = f"[item 3, step 7, feature {x.shape[2] - 1}]"
        for what, given in (("x", x), ("a list", list(x)), ("float64", x.astype(np.float64))):
            assert_refused("E_INPUT_NONFINITE", f"{bad} in {what}", tested.model.predict, given)
            try:
                tested.model.predict(given)
            except InputError as error:
                if place not in str(error):
                    raise AssertionError(f"{bad} must be named as {place}, got: {error}") from None
        assert_refused("E_INPUT_NONFINITE", f"{bad} in a run", tested.model.run, x)


def what_lies_behind_a_length_is_not_read(tested: ModelUnderTest) -> None:
    """NaN, Inf and huge numbers behind the end of a row change nothing."""
    lengths = np.array([12, 1, 5, 0, 11])
    behind = np.arange(12) >= lengths[:, None]
    want = tested.model.predict(tested.x, lengths)
    for rubbish in (np.nan, np.inf, -np.inf, 3e38):
        x = tested.x
        x[behind] = rubbish
        assert_same(
            tested.model.predict(x, lengths), want, f"answers before {rubbish} and before zeros"
        )


def nan_is_carried_to_what_depends_on_it_and_no_further(tested: ModelUnderTest) -> None:
    """With "propagate": NaN from that step on, in that row; all else as without it."""
    clean, x = np.asarray(tested.model.predict(tested.x)), tested.x
    x[2, 6, 0] = np.inf
    y, state = tested.model.run(x, nonfinite="propagate")
    assert_same(
        tested.model.predict(x, nonfinite="propagate"),
        y,
        "answers of predict and of run, with Inf",
    )
    mates = [0, 1, 3, 4]
    tested.close(y[mates], clean[mates], "answers beside a row with Inf and without")
    known = 6 if tested.per_step and tested.causal else 0
    if tested.per_step:
        tested.close(y[2, :known], clean[2, :known], "answers before an Inf and without")
    lost = y[2, known:] if tested.per_step else y[2]
    if not np.isnan(lost).all() or not np.isnan(state[2]).all():
        raise AssertionError("answers that depend on an Inf must be NaN, and some are numbers.")


def _bad(tested: ModelUnderTest) -> tuple[float, ...]:
    """Return what has no answer: NaN has one where the graph has a policy for missing values."""
    missing = tested.model.manifest.takes_missing
    return (np.inf, -np.inf) if missing else (np.inf, -np.inf, np.nan)
