"""The same table gives the same columns, whether it is stored as .csv or as .parquet."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqrt.data import Table, read

pyarrow = pytest.importorskip("pyarrow")
pandas = pytest.importorskip("pandas")

WORDS = st.text("abcäßж -'\"", max_size=8).map(str.strip).filter(str)
CELLS = {
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "decimal": st.decimals(-(10**6), 10**6, places=3).map(float),
    "int": st.integers(-(2**31), 2**31),
    "counter": st.integers(2**53, 2**63 - 1),
    "boolean": st.booleans(),
    "text": WORDS,
    "category": st.sampled_from(["north", "south", "007"]),
}
TYPES = {"int": "Int64", "counter": "Int64", "boolean": "boolean", "text": "str", "category": "str"}


@st.composite
def frames(draw):
    """Data frames of 2 to 8 rows, with a missing cell here and there in some columns."""
    rows = draw(st.integers(2, 8))
    kinds = draw(st.lists(st.sampled_from([*CELLS, "day", "time"]), min_size=2, max_size=6))
    columns = {}
    for i, kind in enumerate(kinds):
        if kind in ("day", "time"):
            step = datetime.timedelta(days=1) if kind == "day" else datetime.timedelta(minutes=7)
            first = datetime.datetime(2020, 1, 31, tzinfo=datetime.UTC) + step
            cells = [(first + step * row).replace(tzinfo=None) for row in range(rows)]
            columns[f"{kind} {i}"] = pandas.Series(cells)
            continue
        cells = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
        gaps = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
        if draw(st.booleans()) and not all(gaps):
            cells = [None if gap else cell for cell, gap in zip(cells, gaps, strict=True)]
        columns[f"{kind} {i}"] = pandas.Series(cells, dtype=TYPES.get(kind, "float64"))
    return pandas.DataFrame(columns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(frames())
def test_a_table_has_the_same_columns_from_csv_and_parquet(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet", index=False)

    csv, parquet = read(tmp_path / "t.csv"), read(tmp_path / "t.parquet")

    assert isinstance(csv, Table)
    assert isinstance(parquet, Table)
    assert (csv.names, csv.numeric, csv.rows) == (parquet.names, parquet.numeric, parquet.rows)
    for name in csv.names:
        one, other = csv.columns[name], parquet.columns[name]
        assert (one.kind, one.fault, one.style) == (other.kind, other.fault, other.style)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.exact, other.exact)
        assert one.texts() == other.texts()
        assert one.labels() == other.labels()
