"""Several files are one table, in which a column names the file and errors name its line."""

from __future__ import annotations

import hashlib

import pytest

from seqrt.data import arrange, digest, read
from seqrt.data.readers.source import name_of, shown
from seqrt.errors import InputError, UsageError


@pytest.fixture
def logs(tmp_path):
    """Two files of three days each, in the folder logs."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, first in (("b", 4), ("a", 1)):
        rows = [f"2024-01-{day:02},{day}" for day in range(first, first + 3)]
        (folder / f"{name}.csv").write_text("\n".join(["date,y", *rows]) + "\n")
    (folder / "notes.txt").write_text("no table")
    return folder


def test_a_folder_is_one_series_for_each_table(logs):
    timeline = arrange(read(logs))

    assert (timeline.series, timeline.keys) == (("file",), (("a",), ("b",)))
    assert timeline.table.numbers(["y"])[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert timeline.bounds.tolist() == [0, 3, 6]


def test_a_file_that_is_named_twice_is_refused(logs):
    with pytest.raises(UsageError, match=r"named once, got .*a\.csv twice"):
        read((str(logs / "a.csv"), str(logs / "a.csv")))


def test_predictions_beside_the_tables_are_no_series(logs):
    (logs / "a.pred.csv").write_text("date,y+1\n2024-01-04,4\n")

    assert read(logs).columns["file"].cells == ["a"] * 3 + ["b"] * 3


def test_files_by_name_are_the_same_as_their_folder(logs):
    files = (str(logs / "a.csv"), str(logs / "b.csv"))

    table = read(files)

    assert table.columns["file"].cells == ["a"] * 3 + ["b"] * 3
    assert digest(files) == digest(logs)
    assert (name_of(files), name_of(logs)) == ("logs", "logs")
    assert shown(files) == f"2 files, {files[0]} to {files[1]}"


def test_the_digest_is_that_of_the_digests_of_all_files(logs):
    every = "".join(digest(logs / name) for name in ("a.csv", "b.csv"))

    assert digest(logs) == hashlib.sha256(every.encode()).hexdigest()


def test_files_with_a_series_column_are_told_apart_by_it(logs):
    (logs / "a.csv").write_text("date,shop,y\n2024-01-01,x,1\n2024-01-02,x,2\n")
    (logs / "b.csv").write_text("date,shop,y\n2024-01-03,x,3\n2024-01-01,z,9\n")

    timeline = arrange(read(logs), series=["shop"])

    assert timeline.keys == (("x",), ("z",))
    assert timeline.table.names == ("date", "shop", "y")
    assert timeline.table.numbers(["y"])[:, 0].tolist() == [1, 2, 3, 9]


def test_columns_may_be_in_another_order_but_must_be_the_same(logs):
    (logs / "b.csv").write_text("y,date\n7,2024-01-04\n")
    assert read(logs).numbers(["y"])[:, 0].tolist() == [1, 2, 3, 7]

    (logs / "b.csv").write_text("date,z\n2024-01-04,7\n")
    with pytest.raises(InputError, match=r"^E_INPUT_COLUMN: .*b\.csv: .* has no column 'y'"):
        read(logs)
    (logs / "b.csv").write_text("date,y,z\n2024-01-04,7,8\n")
    with pytest.raises(InputError, match=r"b\.csv: .* also has 'z', unlike .*a\.csv"):
        read(logs)


def test_errors_name_the_file_and_its_line(logs):
    (logs / "b.csv").write_text("date,y\n2024-01-04,7\n2024-01-32,8\n")
    with pytest.raises(InputError, match=r"^E_INPUT_TIME: .*b\.csv, line 3, column 'date'"):
        arrange(read(logs))

    (logs / "b.csv").write_text("date,y\n2024-01-04,7\n2024-01-05,oops\n2024-01-06,1\n")
    with pytest.raises(InputError, match=r"^E_INPUT_CELL: .*b\.csv, line 3, column 'y'"):
        arrange(read(logs)).table.numbers(["y"])

    (logs / "a.csv").write_text("date,shop,y\n2024-01-01,x,1\n")
    (logs / "b.csv").write_text("date,shop,y\n2024-01-01,x,2\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2 and .*b\.csv, line 2: every time"):
        arrange(read(logs), series=["shop"])


def test_a_file_without_rows_is_left_out(logs):
    (logs / "a.csv").write_text("date,y\n")

    assert arrange(read(logs)).keys == (("b",),)


def test_a_folder_needs_a_table_and_arrays_are_read_one_by_one(tmp_path):
    with pytest.raises(InputError, match=r"^E_INPUT_FILE: .* is a folder, and must hold tables"):
        read(tmp_path)
    with pytest.raises(UsageError, match="several files must be tables"):
        read(("a.npz", "b.npz"))
