"""Checks of NaN and Inf: an error by default, or NaN in the predictions, never plausible numbers.

In onnxruntime alone, LSTM and GRU turn them into finite, wrong numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file, which apply to every model that reads numbers."""
    if model.manifest.tokens:
        return []
    return [
        a_nonfinite_value_is_refused_and_located,
        values_past_a_length_are_not_read,
        nan_reaches_only_the_outputs_that_depend_on_it,
    ]


def a_nonfinite_value_is_refused_and_located(tested: ModelUnderTest) -> None:
    """NaN or Inf in x: E_INPUT_NONFINITE with item, step and feature."""
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
                    raise AssertionError(
                        f"{bad} must be located as {place}, got: {error}"
                    ) from None
        assert_refused("E_INPUT_NONFINITE", f"{bad} in a run", tested.model.run, x)


def values_past_a_length_are_not_read(tested: ModelUnderTest) -> None:
    """NaN, Inf and huge numbers past the end of a row change nothing."""
    lengths = np.array(tested.lengths)
    past = np.arange(12) >= lengths[:, None]
    want = tested.model.predict(tested.x, lengths)
    for value in (np.nan, np.inf, -np.inf, 3e38):
        x = tested.x
        x[past] = value
        assert_same(
            tested.model.predict(x, lengths),
            want,
            f"predictions with {value} past a length and with typical numbers",
        )


def nan_reaches_only_the_outputs_that_depend_on_it(tested: ModelUnderTest) -> None:
    """With "propagate": NaN in that row from that step on; everything else as without it."""
    clean, x = np.asarray(tested.model.predict(tested.x)), tested.x
    x[2, 6, 0] = np.inf
    y, state = tested.model.run(x, nonfinite="propagate")
    assert_same(
        tested.model.predict(x, nonfinite="propagate"),
        y,
        "predictions of predict and of run, with Inf",
    )
    others = [0, 1, 3, 4]
    tested.assert_close(y[others], clean[others], "predictions beside a row with Inf and without")
    before = 6 if tested.per_step and tested.causal else 0
    if tested.per_step:
        tested.assert_close(
            y[2, :before], clean[2, :before], "predictions before an Inf and without"
        )
    # beside outputs at every step, one for the whole row has zeros before its end
    after = y[2, -1] if tested.model.manifest.heads and tested.per_step else y[2]
    after = y[2, before:] if tested.per_step and not tested.model.manifest.heads else after
    if not np.isnan(after).all() or not np.isnan(state[2]).all():
        raise AssertionError("predictions that depend on an Inf must be NaN, but some are numbers.")


def _bad(tested: ModelUnderTest) -> tuple[float, ...]:
    """Return the values that must be refused; with a missing-value policy, NaN is allowed."""
    missing = tested.model.manifest.takes_missing
    return (np.inf, -np.inf) if missing else (np.inf, -np.inf, np.nan)
