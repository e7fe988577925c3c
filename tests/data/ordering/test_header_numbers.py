"""A first line with a number in it is data, which the error for its other cells says."""

from __future__ import annotations

import pytest

from seqrt.data import arrange, read
from seqrt.errors import InputError


def test_columns_called_by_numbers_are_not_taken_for_times_that_are_wrong(tmp_path):
    rows = [f"2024-03-{day:02},{day},{day}" for day in range(1, 9)]
    (tmp_path / "shops.csv").write_text("\n".join(["date,1,2", *rows]))
    with pytest.raises(InputError, match="Line 1 was read as data, since it contains a number"):
        arrange(read(tmp_path / "shops.csv"))
