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


def test_decimals_are_the_nearest_floats_as_from_text(path):
    texts = ["2014.1", "1907.1", "-0.3", "99999999.99"]
    save(path, d=[*map(decimal.Decimal, texts), None])

    assert read(path).columns["d"].values[:-1].tolist() == list(map(float, texts))


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


def test_an_integer_that_float64_rounds_is_refused_where_it_is_used_as_a_number(path):
    save(path, a=[2**53, 2**53 + 1], b=[3.0, 1.0])

    table = read(path)

    assert table.numbers(["b"]).tolist() == [[3.0], [1.0]]
    assert table.columns["a"].exact.tolist() == [2**53, 2**53 + 1]
    assert table.labels("a") == [2**53, 2**53 + 1]
    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: .*, row 2, .* 9007199254740993"):
        table.numbers(["b", "a"])


def test_whole_numbers_beyond_64_bits_are_refused_where_they_are_used_as_numbers(path):
    save(path, a=pyarrow.array([2**64 - 1, 5], pyarrow.uint64()))

    table = read(path)

    assert table.labels("a") == [str(2**64 - 1), "5"]
    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: .*, row 1, .* 18446744073709551615"):
        table.numbers(["a"])


@pytest.mark.parametrize(
    "cells", [[[{"b": 1}], []], [{"b": 1}, {"b": 2}], [b"\xff", b"a"], [[1.0], [2.0, 3.0]]]
)
def test_a_column_of_a_type_without_a_use_is_refused_where_it_is_used(path, cells):
    save(path, a=cells, b=[3.0, 1.0])

    table = read(path)

    assert table.numeric == ("b",)
    assert table.numbers(["b"]).tolist() == [[3.0], [1.0]]
    for use in (table.numbers, lambda names: table.labels(*names)):
        with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .*column 'a': the cells must be"):
            use(["a"])


def test_text_that_is_damaged_is_refused_where_it_is_used(path):
    save(path, a=["\u00e9" * 4], b=[1.0])
    path.write_bytes(path.read_bytes().replace("\u00e9\u00e9".encode(), b"\xc3\xc3\xa9\xa9"))

    table = read(path)

    assert table.numeric == ("b",)
    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .*column 'a': .* damaged text"):
        table.labels("a")


def test_a_column_of_lists_has_a_sequence_per_row(path):
    fixed = pyarrow.array([[1.0, 2.0], [3.0, 4.0], None], pyarrow.list_(pyarrow.float64(), 2))
    save(path, a=[[1, 2], [3], None], b=[["x"], [], None], c=fixed, d=[[[1]], [[2], [3]], None])

    table = read(path)

    assert [column.kind for column in table.columns.values()] == ["list"] * 4
    lists = [[list(each) for each in column.lists] for column in table.columns.values()]
    assert lists[0] == [[1, 2], [3], []]
    assert lists[1] == [["x"], [], []]
    assert lists[2] == [[1, 2], [3, 4], []]
    assert lists[3] == [[[1]], [[2], [3]], []]
    turned = table.columns["a"].take(np.array([1, 0]))
    assert [list(each) for each in turned.part(0, 1).lists] == [[3]]


def test_a_time_with_a_zone_has_its_instant_and_its_clock(path):
    noon = datetime.datetime(2020, 7, 1, 12, tzinfo=datetime.UTC)
    zoned = pyarrow.array([noon, None], pyarrow.timestamp("s", "Europe/Berlin"))
    naive = pyarrow.array([noon, None], pyarrow.timestamp("ns"))
    save(path, t=zoned, d=[noon.date(), None], n=naive)

    t, d, n = read(path).columns.values()

    assert [column.kind for column in (t, d, n)] == ["time"] * 3
    assert t.stamps[0] == n.stamps[0] == noon.timestamp() * 1e6
    assert t.wall[0] - t.stamps[0] == 2 * 3600 * 10**6
    assert d.stamps[0] == n.stamps[0] - 12 * 3600 * 10**6
    assert (t.texts(), d.texts()) == (["2020-07-01 14:00:00", ""], ["2020-07-01", ""])


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

    with pytest.raises(UsageError, match=r"needs pyarrow\. .* pip install 'seqrt\[tables\]'$"):
        read(path)
