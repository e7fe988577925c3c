"""Times on the clock, of cells that a model is given one by one."""

from __future__ import annotations

import pytest

from seqrt.contract.columns import TimeColumn
from seqrt.data import Table
from seqrt.encoding.clock import wall_times
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError

HOUR = 3_600_000_000


def cells(*texts: str) -> Table:
    return Table("stdin", {"when": TableColumn.of_text(texts)}, range(2, 2 + len(texts)))


def test_a_text_with_a_clock_is_the_time_it_shows():
    found = wall_times(cells("1970-01-01 00:00", "1970-01-02T13:00+01:00"), _hourly())

    assert found.tolist() == [0, 37 * HOUR]


def test_a_day_alone_is_midnight_only_where_training_had_whole_days():
    assert wall_times(cells("1970-01-02"), TimeColumn("when", step="1 day")).tolist() == [24 * HOUR]
    with pytest.raises(InputError, match=r"^E_INPUT_TIME: stdin, line 2, column 'when': .* 12:00"):
        wall_times(cells("01.02.1970"), TimeColumn("when", "dmy", "15 minutes"))


def test_a_plain_number_is_no_time_on_a_clock():
    with pytest.raises(InputError, match=r"^E_INPUT_TIME: .* got '2024'"):
        wall_times(cells("2024"), TimeColumn("when", step="1 day"))


def _hourly() -> TimeColumn:
    return TimeColumn("when", step="1 hour")
