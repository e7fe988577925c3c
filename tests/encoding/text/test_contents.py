"""What the text of whole columns says."""

from __future__ import annotations

import numpy as np

from seqrt.encoding.text.contents import contents
from seqrt.encoding.text.texts import Texts


def test_a_column_whose_cells_are_mostly_long_is_text_whatever_the_others_are():
    found = contents({"x": Texts.of(["1.5", "a word " * 50, "many words " * 50])})["x"]

    assert found.kind == "text"
    assert np.isnan(found.values).all()


def test_a_column_with_some_long_cells_is_what_most_of_them_are():
    found = contents({"x": Texts.of(["1.5", "2.5", "a word " * 50])})["x"]

    assert found.kind == "number"
    np.testing.assert_array_equal(found.values, [1.5, 2.5, np.nan])
