"""A table is written in pieces, and read back it has the same cells."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from seqrt.data.writers.writing import write_table

PIECES = [
    {
        "store": np.array(["north", 'a "b", c'], object),
        "day": np.array([1, 2]),
        "sales+1": np.array([0.1, 1e-5], np.float32),
    },
    {
        "store": np.array(["Malmö\nläge"], object),
        "day": np.array([3]),
        "sales+1": np.array([np.inf], np.float32),
    },
]


def written(suffix, pieces=PIECES):
    file = io.BytesIO()
    write_table(file, suffix, pieces)
    return file.getvalue()


def test_csv_has_a_line_of_names_and_quotes_where_they_are_needed():
    assert written(".csv").decode() == (
        'store,day,sales+1\nnorth,1,0.1\n"a ""b"", c",2,1e-05\n"Malmö\nläge",3,inf\n'
    )


def test_jsonl_has_an_object_per_row_and_null_for_what_json_has_not():
    rows = [json.loads(line) for line in written(".jsonl").decode().splitlines()]

    assert rows == [
        {"store": "north", "day": 1, "sales+1": 0.1},
        {"store": 'a "b", c', "day": 2, "sales+1": 1e-5},
        {"store": "Malmö\nläge", "day": 3, "sales+1": None},
    ]


def test_a_name_with_a_percent_sign_is_written_as_it_is():
    piece = {"100%": np.array([1]), "%s": np.array(["x"], object)}

    assert written(".jsonl", [piece]) == b'{"100%": 1, "%s": "x"}\n'


@pytest.mark.parametrize(("unit", "text"), [("s", "2024-02-28 23:00:00"), ("D", "2024-02-28")])
def test_a_time_is_a_timestamp_in_parquet_and_text_in_its_unit_elsewhere(unit, text):
    parquet = pytest.importorskip("pyarrow.parquet")
    days = np.array(["2024-02-28T23", "NaT"], f"datetime64[{unit}]")
    piece = {"day": days, "shop": np.array(["A", None], object)}

    stored = parquet.read_table(io.BytesIO(written(".parquet", [piece])))

    assert str(stored.schema.field("day").type) == "timestamp[us]"
    np.testing.assert_array_equal(stored["day"].to_numpy(), days)
    assert written(".csv", [piece]) == f"day,shop\n{text},A\n,\n".encode()
    assert written(".jsonl", [piece]).decode() == (
        f'{{"day": "{text}", "shop": "A"}}\n{{"day": null, "shop": null}}\n'
    )


def test_parquet_keeps_the_type_of_every_column():
    parquet = pytest.importorskip("pyarrow.parquet")

    table = parquet.read_table(io.BytesIO(written(".parquet")))

    assert [str(field.type) for field in table.schema] == ["string", "int64", "float"]
    assert table["store"].to_pylist() == ["north", 'a "b", c', "Malmö\nläge"]
    assert table["day"].to_pylist() == [1, 2, 3]
    np.testing.assert_array_equal(table["sales+1"], np.float32([0.1, 1e-5, np.inf]))


def test_the_digits_of_a_number_give_the_same_float32_again():
    bits = np.random.default_rng(0).integers(0, 1 << 32, 20_000, np.uint32)
    y = bits.view(np.float32)
    y = y[np.isfinite(y)]

    lines = written(".csv", [{"y": y}]).decode().splitlines()[1:]

    np.testing.assert_array_equal(np.array(lines, np.float32), y)
    digits = [re.sub(r"e.*|\D", "", line).strip("0") for line in lines]
    assert max(map(len, digits)) == 9


def test_without_pyarrow_writing_parquet_says_how_to_install_it():
    code = """
import sys
sys.modules["pyarrow"] = None
from seqrt.data.writers.parquet import check_pyarrow
try:
    check_pyarrow()
except ValueError as error:
    print(error)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("writing .parquet needs pyarrow. Install it with: pip install")
