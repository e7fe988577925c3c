"""Parquet files: the same tables as from text, and a one-line error without pyarrow."""

from __future__ import annotations

import datetime
import decimal
import sys

import numpy as np
import pytest

from seqrt.data import read
from seqrt.errors import InputError, UsageError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def path(tmp_path):
    """The path of a test's file."""
    return tmp_path / "series.parquet"


def save(path, metadata=None, **columns):
    table = pyarrow.table(columns)
    parquet.write_table(table.replace_schema_metadata(metadata), path)


def test_numbers_of_every_kind_are_read(path):
    save(
        path,
        i=pyarrow.array([1, 2], pyarrow.int64()),
        f=pyarrow.array([0.5, 1.5], pyarrow.float32()),
        b=[True, False],
        d=[decimal.Decimal("1.25"), decimal.Decimal("2.50")],
    )

    table = read(path)

    expected = [[1.0, 0.5, 1.0, 1.25], [2.0, 1.5, 0.0, 2.5]]
    assert table.numbers(["i", "f", "b", "d"]).tolist() == expected


def test_dates_and_times_are_a_time_column(path):
    start = datetime.datetime(2020, 1, 31, 12, tzinfo=datetime.UTC)
    stamps = [start + datetime.timedelta(days=day) for day in range(3)]
    save(path, t=stamps, a=[3.0, 1.0, 2.0])

    table = read(path)

    assert table.time == "t"
    assert table.numeric == ("a",)
    assert table.span("2020-02", "2020-02").numbers(["a"]).tolist() == [[1.0], [2.0]]


def test_the_index_that_pandas_stores_last_comes_first(path):
    note = b'{"index_columns": ["day"], "columns": []}'
    save(path, {b"pandas": note}, a=[3.0, 1.0], day=[datetime.date(2020, 1, d) for d in (1, 2)])

    table = read(path)

    assert table.names == ("day", "a")
    assert table.time == "day"


def test_text_and_categories_are_labels(path):
    save(path, s=["walk", "run"], c=pyarrow.array(["a", "b"]).dictionary_encode(), n=[2.0, 1.0])

    table = read(path)

    assert table.labels("s") == ["walk", "run"]
    assert table.labels("c") == ["a", "b"]
    assert table.labels("n") == [2, 1]


@pytest.mark.parametrize("cells", [[1.0, None], [1, None], [1.0, float("nan")], ["1", None]])
def test_a_null_is_a_missing_value_with_its_row(path, cells):
    save(path, a=cells)

    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: .*, row 2, column 'a'"):
        read(path).numbers(["a"])


def test_an_infinite_value_is_named_with_its_row(path):
    save(path, a=[float("inf"), 1.0])

    with pytest.raises(
        InputError, match=r"^E_INPUT_CELL: .*, row 1, column 'a': .*, got 'inf'\. C"
    ):
        read(path).numbers(["a"])


def test_an_integer_that_float64_rounds_is_refused(path):
    save(path, a=[2**53 + 1])

    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: .*column 'a'"):
        read(path)


def test_a_column_of_lists_is_refused(path):
    save(path, a=[[{"b": 1}], []])

    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .*column 'a' must hold numbers"):
        read(path)


def test_more_rows_than_the_limit_are_refused_before_they_are_read(path):
    save(path, a=np.zeros(100_000))

    with pytest.raises(InputError, match=r"^E_INPUT_SIZE: .* declares 100,000 rows of 1 "):
        read(path, limit=700_000)


def test_a_file_without_columns_is_refused(path):
    save(path)

    with pytest.raises(InputError, match=r"^E_INPUT_HEADER"):
        read(path)


def test_a_damaged_file_is_refused_in_one_line(path):
    rng = np.random.default_rng(0)
    save(path, a=np.arange(50.0), s=["text"] * 50)
    whole = path.read_bytes()
    refusals = []

    for cut in (0, 3, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(
            InputError, match=r"^E_INPUT_DAMAGED: .* must be a Parquet file, but.*$"
        ):
            read(path)
    for _ in range(300):
        data = bytearray(whole)
        data[rng.integers(0, len(data))] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            read(path)
        except InputError as error:
            refusals.append(str(error))

    assert len(refusals) > 20
    assert not any("\n" in refusal for refusal in refusals)


def test_without_pyarrow_the_message_is_the_pip_line(path, monkeypatch):
    save(path, a=[1.0])
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(UsageError, match=r"needs pyarrow\. .* pip install 'seqrt\[parquet\]'$"):
        read(path)
