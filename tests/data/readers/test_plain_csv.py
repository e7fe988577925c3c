"""The fast readers of plain files: the same table as from the careful reader, or none."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrt.data.readers import csv_lines
from seqrt.data.readers.csv import read_any_csv, read_csv
from seqrt.data.readers.csv_blocks import split_by_arrow, split_by_numpy
from seqrt.data.readers.plain_csv import read_plain_csv
from seqrt.errors import InputError

pytest.importorskip("pyarrow")

SPLITS = [split_by_arrow, split_by_numpy]
ODD = "|| |NA|nan|inf|007|+5|-0|.5|5.|1e999|1_0|0x10|1,5|1.612,50|1,234|1.234|5 %|True|FALSE|yes|é"
ODD += "|１２|-|2020-01-31|31.01.2020|2020-01-31 12:00|a b|1 | 1|9007199254740993"
CELLS = st.one_of(
    st.integers(-(10**3), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(ODD.split("|")),
    st.text("ab0. -\t", max_size=4),
)


@st.composite
def files(draw):
    """Files of CSV, most of them well-formed, with anything that may befall one."""
    width, rows = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    mark = draw(st.sampled_from([",", ";", "\t"]))
    columns = [draw(st.lists(CELLS, min_size=rows, max_size=rows)) for _ in range(width)]
    for column in columns:
        if draw(st.booleans()):
            column[1:] = [column[0]] * (rows - 1)
    names = draw(st.sampled_from([["a", "b", "c", "d"], ["a", "1", "b", "c"], ["a", "a", "b", ""]]))
    lines = [mark.join(names[:width])]
    quoted = [[f'"{cell}"' if mark in cell else cell for cell in column] for column in columns]
    lines += map(mark.join, zip(*quoted, strict=True))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = end.join(lines) + draw(st.sampled_from(["", end, end + end]))
    data = bytearray(draw(st.sampled_from(["", "\ufeff"])).encode() + text.encode())
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        data[place : place + draw(st.integers(0, 1))] = draw(
            st.sampled_from([b'"', b"\n", b"\r", b"\0", b",", b"\xff", b'""', b"", b"9", b"x"])
        )
    return bytes(data)


def described(table):
    return [
        (name, column.kind, column.style, column.fault, list(column.labels()))
        for name, column in table.columns.items()
    ]


@settings(max_examples=400, deadline=None)
@given(files(), st.sampled_from(SPLITS), st.sampled_from([1, 7, 1 << 22]))
def test_a_plain_file_is_read_as_by_the_careful_reader(tmp_path_factory, data, split, block):
    path = tmp_path_factory.mktemp("plain") / "t.csv"
    path.write_bytes(data)

    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(csv_lines, "BLOCK", block)
        plain = read_plain_csv(file, split)

    if plain is None:
        return
    table = read_any_csv(path)
    assert list(plain.lines) == list(table.lines)
    assert described(plain) == described(table)
    for one, other in zip(plain.columns.values(), table.columns.values(), strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.exact, other.exact)
        for row in np.flatnonzero(np.isnan(one.values)):
            assert one.text(row) == other.text(row)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n3,x\n", "a;b\r\n1,5;2\r\n", "\ufeffa\n1\n2\n\n\n", "1\t2\n3\t4", "a,b\n"],
)
def test_usual_files_are_plain(tmp_path, split, text):
    (tmp_path / "t.csv").write_bytes(text.encode())

    with (tmp_path / "t.csv").open("rb") as file:
        assert read_plain_csv(file, split) is not None


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a,b\n1\n",
        b"a,b\n1,2,3\n",
        b"a,b\n1,2\n\n3,4\n",
        b"a,a\n1,2\n",
        b"a,b\n1,\xff\n",
        b"a,b\n1,\0\n",
        b"a,b\r1,2\r",
        b'a,b\n1,"2\n3"\n',
        b'a,b\n1,"2"3\n',
        b"a,b\n1," + b"2" * 200_000 + b"\n",
    ],
)
def test_other_files_are_left_to_the_careful_reader(tmp_path, split, data):
    (tmp_path / "t.csv").write_bytes(data)

    with (tmp_path / "t.csv").open("rb") as file:
        assert read_plain_csv(file, split) is None


def test_quoted_cells_are_plain_to_pyarrow(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"a","b, c"\n"x, ""y""",1\nz,"2"\n')

    with path.open("rb") as file:
        plain = read_plain_csv(file, split_by_arrow)

    assert plain is not None
    assert plain.columns["a"].labels() == ['x, "y"', "z"]
    assert plain.columns["b, c"].labels() == [1, 2]


@pytest.mark.parametrize("split", SPLITS)
def test_text_that_shows_late_in_a_column_of_numbers_is_kept(tmp_path, monkeypatch, split):
    monkeypatch.setattr(csv_lines, "BLOCK", 64)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 100 + "oops,007\n")

    with path.open("rb") as file:
        plain = read_plain_csv(file, split)

    assert plain is not None
    assert plain.columns["a"].text(100) == "oops"
    assert plain.columns["b"].labels()[-2:] == ["2", "007"]


def test_a_large_file_has_the_errors_of_a_small_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1.5,2\n" * 200_000 + "x,3\n" + "1.5,\n" * 1000)

    table = read_csv(path)

    with pytest.raises(InputError, match=r"^E_INPUT_CELL: .*, line 200002, column 'a': .* 'x'"):
        table.numbers(["a"])
    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: .*, line 200003, column 'b': .*empty"):
        table.numbers(["b"])


@pytest.mark.parametrize("name", ["pyarrow", "pyarrow.csv"])
def test_without_pyarrow_a_large_file_is_read_all_the_same(tmp_path, monkeypatch, name):
    path = tmp_path / "t.csv"
    path.write_text("day,a,b\n" + "2020-01-01,1.5,x\n" * 100_000)
    with_it = read_csv(path)

    monkeypatch.setitem(sys.modules, name, None)
    without = read_csv(path)

    assert described(without) == described(with_it)
