"""Checks of token ids: any whole numbers below the manifest's, whatever pads a row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file, which apply to models that read tokens."""
    if not model.manifest.tokens:
        return []
    return [
        ids_of_every_dtype_mean_the_same,
        an_id_that_is_no_token_is_refused_and_located,
        ids_past_a_length_are_not_read,
        what_is_no_whole_number_is_no_id,
    ]


def ids_of_every_dtype_mean_the_same(tested: ModelUnderTest) -> None:
    """int16 to float64, of either byte order, strided, with an axis for the feature, or a list."""
    x = np.minimum(tested.x, 127)
    want = tested.model.predict(x)
    for kind in ("i1", "u1", ">i2", "<u4", ">i8", "u8", "f4", ">f8"):
        got = tested.model.predict(np.repeat(x, 2, axis=1)[:, ::2].astype(kind))
        assert_same(got, want, f"predictions for ids of {kind} and of int64")
    assert_same(tested.model.predict(x[..., None]), want, "predictions for ids (B, T, 1)")


def an_id_that_is_no_token_is_refused_and_located(tested: ModelUnderTest) -> None:
    """Below 0, or beyond the last token: E_INPUT_RANGE with item and step."""
    for wrong in (-1, tested.tokens, 2**40, -(2**40)):
        x = tested.x
        x[3, 7] = wrong
        for what, given in (("x", x), ("a list", list(x))):
            assert_refused(
                "E_INPUT_RANGE", f"the id {wrong} in {what}", tested.model.predict, given
            )
            try:
                tested.model.predict(given)
            except InputError as error:
                if "item 3" not in str(error) or "step 7" not in str(error):
                    raise AssertionError(f"the id {wrong} must be located, got: {error}") from None


def ids_past_a_length_are_not_read(tested: ModelUnderTest) -> None:
    """Any number past the end of a row changes nothing."""
    past = np.arange(12) >= np.array(tested.lengths)[:, None]
    want = tested.model.predict(tested.x, tested.lengths)
    for value in (-1, tested.tokens, 2**40):
        x = tested.x
        x[past] = value
        got = tested.model.predict(x, tested.lengths)
        assert_same(got, want, f"predictions with {value} past a length and with tokens")


def what_is_no_whole_number_is_no_id(tested: ModelUnderTest) -> None:
    """Fractions, NaN, Inf, text, booleans, objects: E_INPUT_DTYPE."""
    x = tested.x
    for wrong in (x + 0.5, x * np.nan, x + np.inf, x.astype(str), x > 0, x.astype(object)):
        assert_refused("E_INPUT_DTYPE", f"ids of {wrong.dtype}", tested.model.predict, wrong)
