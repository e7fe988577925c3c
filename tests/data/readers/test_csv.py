"""Text tables as people save them, and the line named in each error."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from seqrt.data.readers.csv import read_csv
from seqrt.errors import InputError


@pytest.fixture
def read(tmp_path):
    """Read text, or bytes, as the file series.csv."""

    def read_text(text):
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / "series.csv").write_bytes(data)
        return read_csv(tmp_path / "series.csv")

    return read_text


def test_the_first_row_names_the_columns(read):
    table = read('"YEAR","SUN, spots"\n1700,5\n1701,11\n')

    assert table.names == ("YEAR", "SUN, spots")
    assert table.rows == 2
    assert table.numbers(["SUN, spots"]).tolist() == [[5.0], [11.0]]


@pytest.mark.parametrize(
    "first", ["1,a", "x,-1e3", "2020-01-01,a", "20200101,b", '"1,5",c', "x,1'000"]
)
def test_a_first_row_with_a_number_or_a_date_is_data(read, first):
    table = read(f"{first}\n7,8\n")

    assert table.names == ("x0", "x1")
    assert table.rows == 2


def test_a_column_without_a_name_is_named_by_its_place(read):
    assert read(",value\n3,4\n").names == ("x0", "value")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_commas_semicolons_and_tabs_separate_cells(read, mark, end):
    table = read(end.join([f"a{mark}b", f"1{mark}2", f"5{mark}4"]))

    assert table.numbers(["b", "a"]).tolist() == [[2.0, 1.0], [4.0, 5.0]]


@pytest.mark.parametrize("start", ["", "\ufeff", "\n"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_line_that_says_what_separates_cells_is_no_row(read, start, mark):
    table = read(f"{start}sep={mark}\r\na{mark}b\r\n1{mark}x\r\n")

    assert table.names == ("a", "b")
    assert table.numbers(["a"]).tolist() == [[1.0]]
    with pytest.raises(InputError, match=r"line 3, column 'b'" if start != "\n" else "line 4"):
        table.numbers(["b"])


def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    assert read(b"\xef\xbb\xbfa,b\n1,2\n").names == ("a", "b")


def test_a_hash_is_no_comment(read):
    assert read("id,#hits\n#1,2\n").labels("id") == ["#1"]


@pytest.mark.parametrize("text", ["1", " 1 ", "1.0", "1e0", "+1", "01"])
def test_every_usual_way_to_write_a_number_is_read(read, text):
    assert read(f"a,b\n{text},2\n").numbers(["a"]).tolist() == [[1.0]]


@pytest.mark.parametrize("text", ["1_0", "0x10", "1e999", "-inf", "one", "1.2.3"])
def test_a_cell_that_is_no_finite_number_is_named_with_its_line(read, text):
    table = read(f"a,b\n1,2\n{text},4\n5,6\n")

    with pytest.raises(
        InputError,
        match=rf"^E_INPUT_CELL: .*series\.csv, line 3, column 'a': .* finite number, got '{text}'",
    ):
        table.numbers(["b", "a"])


def test_a_decimal_comma_among_points_is_told_as_one(read):
    table = read("a;b\n1,5;2\n2.5;3\n3.5;1\n")

    with pytest.raises(InputError, match=r"got '1,5'\. Write numbers with a decimal point and"):
        table.numbers(["a"])


def test_a_decimal_point_among_commas_is_told_as_one(read):
    table = read("a;b\n1.5;2\n2,5;3\n3,5;1\n")

    with pytest.raises(InputError, match=r"got '1\.5'\. Write it like .*: decimal comma\."):
        table.numbers(["a"])


def test_one_column_shows_how_the_numbers_of_another_are_written(read):
    german = read("count;share\n1.234;0,5\n2.345;0,25\n")
    plain = read("count;share\n1.234;0.5\n2.345;0.25\n")
    quoted = read('count,share\n"1,234",0.5\n"2,345",0.25\n')

    assert german.numbers(["count", "share"]).tolist() == [[1234, 0.5], [2345, 0.25]]
    assert plain.numbers(["count", "share"]).tolist() == [[1.234, 0.5], [2.345, 0.25]]
    assert quoted.numbers(["count", "share"]).tolist() == [[1234, 0.5], [2345, 0.25]]


def test_numbers_that_stay_unclear_are_refused_where_they_are_used(read):
    table = read('day,count,n\na,"1,234",1\nb,"2,345",2\n')

    assert table.numbers(["n"]).tolist() == [[1], [2]]
    for use in (lambda: table.numbers(["count"]), lambda: table.labels("count")):
        with pytest.raises(
            InputError,
            match=r"^E_INPUT_CELL: .*line 2, column 'count': .* '1,234'\. It may be",
        ):
            use()


def test_numbers_with_a_sign_are_neither_numbers_nor_labels(read):
    table = read("share,n\n5 %,1\n7 %,2\n")

    assert table.numeric == ("n",)
    for use in (lambda: table.numbers(["share"]), lambda: table.labels("share")):
        with pytest.raises(
            InputError, match=r"^E_INPUT_CELL: .*line 2, column 'share': .* '5 %'\. Write the num"
        ):
            use()


def test_a_header_that_was_read_as_data_is_told_as_that(read):
    table = read("sensor,2020\n3,4\n5,6\n")

    with pytest.raises(InputError, match=r"line 1, column 'x0': .* 'sensor'. Line 1 was read as"):
        table.numbers(table.numeric)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_cell_is_named_with_its_line_and_counted(read, text):
    table = read(f"a,b\n1,2\n3,{text}\n5,nan\n")

    with pytest.raises(
        InputError,
        match=r"^E_INPUT_MISSING: .*, line 3, column 'b': .* is empty \(2 of 3 rows have",
    ):
        table.numbers(["b"])


@pytest.mark.parametrize("text", ["nan", "NaN", "NA", "n/a", "#N/A", "<NA>", "null", "None"])
def test_a_cell_that_says_that_it_holds_nothing_is_told_by_its_word(read, text):
    table = read(f"a,b\n1,2\n3, {text}\n5,\n")

    with pytest.raises(
        InputError,
        match=rf"^E_INPUT_MISSING: .*, line 3, column 'b': .* contains '{text}' \(2 of 3 rows",
    ):
        table.numbers(["b"])


def test_an_empty_line_in_a_series_is_a_gap_and_at_its_end_is_nothing(read):
    whole = read("a\n1\n2\n\n\n")
    gap = read("a\n1\n\n2\n")

    assert whole.rows == 2
    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: .* line 3"):
        gap.numbers(["a"])


def test_empty_lines_before_the_names_are_nothing(read):
    table = read("\n\r\na;b\n1;x\n2;\n")

    assert table.names == ("a", "b")
    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: .* line 5"):
        table.labels("b")


@pytest.mark.parametrize(
    ("row", "says"),
    [("3", "got 1. Quote"), ("3,4,5", "got 3. Quote"), ("", "this line is empty. Delete it")],
)
def test_a_row_of_another_width_is_named(read, row, says):
    with pytest.raises(
        InputError, match=rf"^E_INPUT_RAGGED: .*, line 3: .* must have 2 cells.*{says}"
    ):
        read(f"a,b\n1,2\n{row}\n5,6\n")


def test_a_title_above_the_names_is_named_as_one(read):
    with pytest.raises(InputError, match=r"line 2: .* 1 cell, .* got 2. Delete lines above"):
        read("Station 5\na,b\n1,2\n")


def test_a_number_that_is_too_large_is_called_that(read):
    table = read("date,a\n2024-01-01,1\n2024-01-02,2\n2024-01-03,1e400\n")

    with pytest.raises(InputError, match=r"got '1e400'\. The number is too large"):
        table.numbers(["a"])


def test_a_word_among_codes_names_the_option_for_codes(read):
    table = read("date,holiday\n2024-01-01,0\n2024-01-02,0\n2024-01-03,a\n")

    with pytest.raises(InputError, match=r"got 'a'.*train with --categories holiday"):
        table.numbers(["holiday"])


@pytest.mark.parametrize("cell", ["(1.50)", "1.50-", "$(3)", "\u22121.5"])
def test_a_negative_number_of_a_bookkeeper_is_refused_with_its_fix(read, cell):
    table = read(f"date,a\n2024-01-01,1\n2024-01-02,2\n2024-01-03,{cell}\n")

    with pytest.raises(InputError, match="Write negative numbers with a hyphen before them"):
        table.numbers(["a"])


def test_lines_are_counted_right_behind_a_cell_of_two_lines(read):
    table = read('note,a\n"two\nlines",1\nx,oops\ny,2\nz,3\n')

    with pytest.raises(InputError, match=r"line 4, column 'a'"):
        table.numbers(["a"])


def test_a_quote_that_stands_open_is_named_by_its_line(read):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .*, line 3: .*Is a quote left open"):
        read('a,b\n1,2\n"3,4\n5,6\n')


def test_two_columns_of_one_name_are_refused(read):
    with pytest.raises(InputError, match=r"^E_INPUT_HEADER: .*, line 1: .* 'a' occurs twice"):
        read("a,b,a\n1,2,3\n")


@pytest.mark.parametrize("text", ["", "\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(read, text):
    with pytest.raises(InputError, match=r"^E_INPUT_EMPTY: .* must contain a table"):
        read(text)


def test_a_header_alone_is_a_table_of_no_rows(read):
    table = read("a,b\n")

    assert table.rows == 0
    assert table.names == ("a", "b")
    assert table.numbers(["a", "b"]).shape == (0, 2)


@pytest.mark.parametrize("line", [1, 2, 30_000])
def test_a_line_that_is_no_utf_8_is_named(read, line):
    lines = [b"a,b"] * 40_000
    lines[line - 1] = "µ,b".encode("latin-1")

    with pytest.raises(InputError, match=rf"^E_INPUT_ENCODING: .* but line {line} is not\."):
        read(b"\n".join(lines))


def test_utf_16_is_refused_as_another_encoding(read):
    with pytest.raises(InputError, match=r"^E_INPUT_ENCODING: .* line 1 is not"):
        read("a,b\n1,2\n".encode("utf-16"))


def test_changed_bytes_are_read_or_refused_and_nothing_else(read):
    rng = np.random.default_rng(0)
    whole = b'date,"a",b\n2020-01-01,1,x\n2020-01-02,2.5,y\n2020-01-03,,z\n'
    refused = 0

    for _ in range(1000):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            table = read(bytes(data))
            table.numbers(table.numeric)
        except InputError:
            refused += 1

    assert 500 < refused <= 1000


def test_tabs_separate_the_cells_of_a_tsv_file_whatever_else_its_names_hold(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("a;b, c\tlabel\n1;2, 3\tx\n", encoding="utf-8")

    table = read_csv(path)

    assert table.names == ("a;b, c", "label")
    assert table.columns["a;b, c"].text(0) == "1;2, 3"


def test_quotes_of_a_tsv_file_are_text_unless_they_are_around_a_cell(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('text\tlabel\n"so" she said\t0\n"a ""b"" c"\t1\n"open\t0\n', encoding="utf-8")

    table = read_csv(path)

    assert list(table.columns["text"].cells) == ['"so" she said', 'a "b" c', '"open']
    assert table.columns["label"].values.tolist() == [0, 1, 0]


def test_a_tsv_file_with_line_breaks_inside_quotes_is_read_as_csv(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('text\tlabel\n"one\ntwo\tthree"\t0\nfour\t1\n', encoding="utf-8")

    table = read_csv(path)

    assert list(table.columns["text"].cells) == ["one\ntwo\tthree", "four"]
    assert table.lines.tolist() == [2, 4]


def test_a_cell_may_hold_a_long_text_with_line_breaks_quotes_and_commas(tmp_path):
    long = 'a "quoted", long\r\ntext \u00e9 ' * 10_000
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["text", "label"], [long, "x"], ["short", "y"]])
    usual = csv.field_size_limit()

    table = read_csv(path)

    assert list(table.columns["text"].cells) == [long, "short"]
    assert csv.field_size_limit() == usual
