"""Reading .jsonl: an object in each line, its keys the columns."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import read
from seqrt.errors import InputError


def written(tmp_path, content, name="rows.jsonl"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson"])
def test_keys_name_the_columns_and_lines_the_rows(tmp_path, name):
    path = written(tmp_path, '{"a": 1.5, "b": "x, \\"y\\"\\nz"}\n\n{"b": "w", "a": 2}\n', name)

    table = read(path)

    assert table.names == ("a", "b")
    assert table.columns["a"].values.tolist() == [1.5, 2]
    assert list(table.columns["b"].cells) == ['x, "y"\nz', "w"]
    assert np.asarray(table.lines).tolist() == [1, 3]


def test_cells_are_read_as_those_of_a_csv_file(tmp_path):
    rows = '{"t": "2024-01-01", "n": 9007199254740993, "b": true}\n'
    rows += '{"t": "2024-01-02", "n": 1, "b": false}\n'

    table = read(written(tmp_path, rows))

    assert table.time == "t"
    assert table.columns["n"].exact.tolist() == [9007199254740993, 1]
    assert table.columns["b"].kind == "boolean"


def test_a_key_that_a_row_lacks_and_null_are_missing(tmp_path):
    table = read(written(tmp_path, '{"a": 1}\n{"b": 2.5}\n{"a": null, "b": NaN}\n'))

    np.testing.assert_array_equal(table.columns["a"].values, [1, np.nan, np.nan])
    np.testing.assert_array_equal(table.columns["b"].values, [np.nan, 2.5, np.nan])


def test_lists_of_numbers_and_of_texts_are_columns_of_lists(tmp_path):
    rows = '{"x": [1, 2.5], "w": ["a", "b"], "y": 0}\n{"x": [], "w": ["c"], "y": 1}\n'

    table = read(written(tmp_path, rows))

    assert [table.columns[name].kind for name in "xwy"] == ["list", "list", "number"]
    assert [cell.tolist() for cell in table.columns["x"].lists] == [[1, 2.5], []]
    assert table.columns["w"].lists == [["a", "b"], ["c"]]


def test_rows_beyond_a_block_are_all_there(tmp_path):
    rows = "".join(
        f'{{"i": {i}, "late": "t{i}"}}\n' if i > 5000 else f'{{"i": {i}}}\n' for i in range(9000)
    )

    table = read(written(tmp_path, rows))

    assert table.columns["i"].values.tolist() == list(range(9000))
    assert table.columns["late"].cells[5000] == ""
    assert table.columns["late"].cells[8999] == "t8999"


def test_a_mark_at_the_start_of_the_file_is_no_part_of_it(tmp_path):
    assert read(written(tmp_path, b'\xef\xbb\xbf{"a": 1}\n')).names == ("a",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n{"a": 1\n', r"E_INPUT_FORMAT: .*, line 2: a line must be a JSON object \("),
        ("[1, 2]\n", r"E_INPUT_FORMAT: .*, line 1: .* with keys, got \[1, 2\]"),
        (
            '{"a": {"b": 1}}\n',
            r"E_INPUT_FORMAT: .*, line 1: 'a' must hold numbers, text, .*Flatten",
        ),
        ('{"a": [[1], [2]]}\n', r"E_INPUT_FORMAT: .*, line 1: 'a' must hold .*Flatten"),
        ('{"a": 1}\n{"a": [1]}\n', r"E_INPUT_FORMAT: .*, line 1: 'a' must hold a list in each row"),
        (b'{"a": "\xff"}\n', r"E_INPUT_ENCODING: .* must be UTF-8 text, but line 1 is not"),
        ('{"a": "\\ud83d"}\n', r"E_INPUT_ENCODING: .*, line 1: 'a' .* half a surrogate pair"),
        ("[" * 100_000, r"E_INPUT_FORMAT: .*, line 1: a line must be a JSON object \("),
        ("\n\n", r"E_INPUT_EMPTY: .* must contain rows, but is empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, content, said):
    with pytest.raises(InputError, match=said):
        read(written(tmp_path, content))


def test_rows_with_hardly_a_key_in_common_are_refused(tmp_path):
    rows = "".join(f'{{"k{i}": 1}}\n' for i in range(4096))

    with pytest.raises(InputError, match="rows must have about the same keys"):
        read(written(tmp_path, rows))
