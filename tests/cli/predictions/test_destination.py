"""A table is answered by a table and an array by an array, unless -o names another format."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqrt.cli.predictions.destination import Destination, destination
from seqrt.errors import OutputError, UsageError


@pytest.mark.parametrize(
    ("data", "out"),
    [
        ("sales.csv", "sales.pred.csv"),
        ("old/sales.2024.CSV", "old/sales.2024.pred.csv"),
        ("sales.parquet", "sales.pred.parquet"),
        ("x.npy", "x.pred.npy"),
        ("x.npz", "x.pred.npy"),
    ],
)
def test_without_a_name_the_answer_is_beside_the_data_in_its_format(data, out):
    if out.endswith(".parquet"):
        pytest.importorskip("pyarrow")

    to = destination(None, Path(data))

    assert (to.path, to.suffix) == (Path(out), Path(out).suffix)


@pytest.mark.parametrize("name", ["y.csv", "y.Jsonl", "y.NPY"])
def test_the_extension_decides_in_any_case(name):
    assert destination(Path(name), Path("x.npz")) == Destination(
        Path(name), Path(name).suffix.lower()
    )


def test_a_dash_is_csv_on_stdout():
    assert destination(Path("-"), Path("x.npz")) == Destination(None, ".csv")


@pytest.mark.parametrize("name", ["y.xlsx", "csv", "y.npz", "y."])
def test_another_extension_is_an_error_with_the_list(name):
    with pytest.raises(UsageError, match=r"\.npy, \.csv, \.parquet or \.jsonl, or be - for CSV"):
        destination(Path(name), Path("x.npz"))


def test_a_file_that_cannot_be_written_is_named_before_the_work(tmp_path):
    with pytest.raises(OutputError, match="E_OUTPUT_FOLDER"):
        destination(tmp_path / "gone" / "y.csv", Path("x.npz")).check()
