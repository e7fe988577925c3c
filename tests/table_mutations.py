"""Mutations of a good table, as loggers, spreadsheets and people make them.

Each says what must come of it: the same windows, or a word that the opening lines or the error must
contain, so that no mutation changes the training data silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

Rows = list[list[str]]

SAME = ""
HEADER = ["time", "temp", "open", "count", "load"]
ROWS = 120
START = datetime(2024, 5, 13, tzinfo=UTC)


class Mutation(NamedTuple):
    """One mutated file: `says` is SAME, or a pattern that its opening lines or error match."""

    name: str
    content: bytes
    says: str


def good_rows() -> Rows:
    """Return a table of hourly rows: a float, a truth value, a count and the load to forecast."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(ROWS):
        temp = 15 + 8 * np.sin(i / 24 * 2 * np.pi) + rng.normal()
        opened = 8 <= i % 24 < 18
        count = int(rng.poisson(20 + 10 * opened))
        load = 1200 + 30 * temp + 150 * opened + rng.normal()
        when = f"{START + timedelta(hours=i):%Y-%m-%d %H:%M:%S}"
        rows.append([when, f"{temp:.2f}", str(opened), str(count), f"{load:.3f}"])
    return rows


def written(rows: Rows, header: list[str] = HEADER, mark: str = ",", end: str = "\n") -> bytes:
    """Return a table as the bytes of a CSV file."""
    return "".join(mark.join(row) + end for row in [header, *rows]).encode()


def mutations(draws: int = 4) -> Iterator[Mutation]:
    """Yield every mutation `draws` times, at other places."""
    for draw in range(draws):
        for number, (change, says) in enumerate(CHANGES.items()):
            rng = np.random.default_rng((draw, number))
            yield Mutation(f"{change.__name__} {draw}", change(good_rows(), rng), says)


def _place(rng: np.random.Generator) -> int:
    """Return a row away from both ends."""
    return int(rng.integers(10, ROWS - 10))


def _each(column: int, change: Callable[[str], str]) -> Callable[[Rows], Rows]:
    return lambda rows: [[*row[:column], change(row[column]), *row[column + 1 :]] for row in rows]


def _dated(form: str) -> Callable[[Rows], Rows]:
    return _each(0, lambda text: datetime.fromisoformat(text).strftime(form))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# Order


def newest_first(rows, rng):
    return written(rows[::-1])


def shuffled(rows, rng):
    return written([rows[i] for i in rng.permutation(ROWS)])


def two_rows_swapped(rows, rng):
    i, j = _place(rng), 0
    rows[i], rows[j] = rows[j], rows[i]
    return written(rows)


def columns_in_another_order(rows, rng):
    order = [0, *(1 + rng.permutation(4))]
    return written([[row[i] for i in order] for row in rows], [HEADER[i] for i in order])


def stacked_twice(rows, rng):
    return written(rows + rows)


def two_stores_below_each_other(rows, rng):
    both = [[*row, store] for store in ("north", "south") for row in rows]
    return written(both, [*HEADER, "store"])


# Gaps


def a_row_lost(rows, rng):
    del rows[_place(rng)]
    return written(rows)


def a_day_lost(rows, rng):
    place = int(rng.integers(20, 60))
    del rows[place : place + 24]
    return written(rows)


def every_other_row_lost_from_the_middle_on(rows, rng):
    return written(rows[:60] + rows[60::2])


# Separators, quotes, line ends


def semicolons(rows, rng):
    return written(rows, mark=";")


def tabs(rows, rng):
    return written(rows, mark="\t")


def semicolons_and_decimal_commas(rows, rng):
    return written([[cell.replace(".", ",") for cell in row] for row in rows], mark=";")


def german_thousands(rows, rng):
    def german(text):
        return f"{float(text):,.3f}".translate(str.maketrans(",.", ".,"))

    rows = _each(4, german)(
        [[cell.replace(".", ",") if i == 1 else cell for i, cell in enumerate(row)] for row in rows]
    )
    return written(rows, mark=";")


def american_thousands(rows, rng):
    return written(_each(4, lambda text: f'"{float(text):,.3f}"')(rows))


def everything_quoted(rows, rng):
    quoted = [[f'"{cell}"' for cell in row] for row in rows]
    return written(quoted, [f'"{name}"' for name in HEADER])


def windows_line_ends(rows, rng):
    return written(rows, end="\r\n")


def empty_lines_at_the_end(rows, rng):
    return written(rows) + b"\n\n\n"


def no_line_end_at_the_end(rows, rng):
    return written(rows).rstrip(b"\n")


def a_quote_left_open(rows, rng):
    rows[_place(rng)][2] = '"True'
    return written(rows)


def a_cell_too_many(rows, rng):
    rows[_place(rng)].append("7")
    return written(rows)


def a_cell_too_few(rows, rng):
    rows[_place(rng)].pop()
    return written(rows)


def the_header_again_in_the_middle(rows, rng):
    rows.insert(_place(rng), list(HEADER))
    return written(rows)


def no_header(rows, rng):
    return written(rows[1:], rows[0])


def spaces_around_cells(rows, rng):
    return written([[f" {cell} " for cell in row] for row in rows])


# Encodings


def a_byte_order_mark(rows, rng):
    return b"\xef\xbb\xbf" + written(rows)


def utf_16(rows, rng):
    return written(rows).decode().encode("utf-16")


def latin_1(rows, rng):
    return written(rows, ["time", "temp", "open", "count", "load", "Stück"][:5]).replace(
        b"count", "Stück".encode("latin-1")
    )


def a_zero_byte(rows, rng):
    rows[_place(rng)][1] = "1\x005"
    return written(rows)


# Times


def dotted_dates(rows, rng):
    return written(_dated("%d.%m.%Y %H:%M")(rows))


def day_first(rows, rng):
    return written(_dated("%d/%m/%Y %H:%M")(rows))


def month_first(rows, rng):
    return written(_dated("%m/%d/%Y %H:%M:%S")(rows))


def with_an_offset(rows, rng):
    return written(_each(0, lambda text: text.replace(" ", "T") + "+02:00")(rows))


def in_utc(rows, rng):
    return written(_each(0, lambda text: text.replace(" ", "T") + "Z")(rows))


def epoch_seconds(rows, rng):
    return written(_each(0, lambda text: f"{_seconds(text):.0f}")(rows))


def epoch_milliseconds(rows, rng):
    return written(_each(0, lambda text: f"{1000 * _seconds(text):.0f}")(rows))


def a_time_twice(rows, rng):
    i = _place(rng)
    rows[i][0] = rows[i - 1][0]
    return written(rows)


def a_row_twice(rows, rng):
    i = _place(rng)
    rows.insert(i, list(rows[i]))
    return written(rows)


def an_impossible_time(rows, rng):
    rows[_place(rng)][0] = "2024-02-31 05:00:00"
    return written(rows)


def a_time_missing(rows, rng):
    rows[_place(rng)][0] = ""
    return written(rows)


# Cells


def a_word_among_numbers(rows, rng):
    rows[_place(rng)][1] = "broken"
    return written(rows)


def a_number_too_large(rows, rng):
    rows[_place(rng)][1] = "1e999"
    return written(rows)


def a_feature_missing(rows, rng):
    rows[_place(rng)][1] = str(rng.choice(["", "NA", "nan", "null"]))
    return written(rows)


def a_target_missing(rows, rng):
    rows[_place(rng)][4] = ""
    return written(rows)


def one_decimal_comma(rows, rng):
    rows[_place(rng)][1] = '"15,5"'
    return written(rows)


def truth_values_in_capitals(rows, rng):
    return written(_each(2, str.upper)(rows))


def truth_values_as_words(rows, rng):
    return written(_each(2, lambda text: {"True": "yes", "False": "no"}[text])(rows))


def units_behind_numbers(rows, rng):
    return written(_each(1, lambda text: f"{text} C")(rows))


def counts_as_floats(rows, rng):
    return written(_each(3, lambda text: f"{text}.0")(rows))


def a_counter_beyond_float32(rows, rng):
    return written(_each(3, lambda text: str(10_000_000_000 + int(text)))(rows))


def a_column_twice(rows, rng):
    return written([[*row, row[1]] for row in rows], [*HEADER, "temp"])


def a_column_of_notes(rows, rng):
    return written([[*row, f"note {i}"] for i, row in enumerate(rows)], [*HEADER, "note"])


def an_empty_column(rows, rng):
    return written([[*row, ""] for row in rows], [*HEADER, "spare"])


CHANGES: dict[Callable[[Rows, np.random.Generator], bytes], str] = {
    newest_first: SAME,
    shuffled: SAME,
    two_rows_swapped: SAME,
    columns_in_another_order: SAME,
    stacked_twice: "E_INPUT_TIME",
    two_stores_below_each_other: "--series store",
    a_row_lost: "gap",
    a_day_lost: "gap",
    every_other_row_lost_from_the_middle_on: "gap|step",
    semicolons: SAME,
    tabs: SAME,
    semicolons_and_decimal_commas: SAME,
    german_thousands: SAME,
    american_thousands: SAME,
    everything_quoted: SAME,
    windows_line_ends: SAME,
    empty_lines_at_the_end: SAME,
    no_line_end_at_the_end: SAME,
    a_quote_left_open: "E_INPUT_",
    a_cell_too_many: "E_INPUT_RAGGED",
    a_cell_too_few: "E_INPUT_RAGGED",
    the_header_again_in_the_middle: "E_INPUT_",
    no_header: "no column 'load'",
    spaces_around_cells: SAME,
    a_byte_order_mark: SAME,
    utf_16: "E_INPUT_ENCODING",
    latin_1: "E_INPUT_ENCODING",
    a_zero_byte: "E_INPUT_",
    dotted_dates: SAME,
    day_first: SAME,
    month_first: SAME,
    with_an_offset: SAME,
    in_utc: SAME,
    epoch_seconds: SAME,
    epoch_milliseconds: SAME,
    a_time_twice: "E_INPUT_TIME",
    a_row_twice: "E_INPUT_TIME",
    an_impossible_time: "E_INPUT_",
    a_time_missing: "E_INPUT_",
    a_word_among_numbers: "E_INPUT_CELL",
    a_number_too_large: "E_INPUT_CELL",
    a_feature_missing: "E_INPUT_MISSING",
    a_target_missing: "E_INPUT_MISSING",
    one_decimal_comma: "E_INPUT_CELL",
    truth_values_in_capitals: SAME,
    truth_values_as_words: "open",
    units_behind_numbers: "temp",
    counts_as_floats: SAME,
    a_counter_beyond_float32: SAME,
    a_column_twice: "E_INPUT_HEADER",
    a_column_of_notes: SAME,
    an_empty_column: SAME,
}
