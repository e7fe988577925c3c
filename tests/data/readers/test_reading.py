"""What each kind of file is read as, and errors for paths that are not files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from seqrt.data import Sequences, Table, digest, read
from seqrt.errors import InputError, ResourceError, UsageError

SHARED = Path(__file__).parents[4] / "shared" / "data"
needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real data is not beside this checkout"
)


@pytest.mark.parametrize(
    ("x", "names"),
    [
        (np.arange(5.0), ("x0",)),
        (np.arange(10, dtype=np.int32).reshape(5, 2), ("x0", "x1")),
        (np.zeros((0, 2), np.float32), ("x0", "x1")),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".NPY"])
def test_an_array_of_one_or_two_axes_alone_is_a_table(tmp_path, x, names, suffix):
    path = tmp_path / f"x{suffix}"
    with path.open("wb") as file:
        np.savez(file, x=x) if suffix == ".npz" else np.save(file, x)

    table = read(path)

    assert isinstance(table, Table)
    assert (table.names, table.numeric, table.time) == (names, names, None)
    np.testing.assert_array_equal(table.numbers(names), x.reshape(len(x), len(names)))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_an_array_of_three_axes_is_sequences(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    x = np.arange(24.0).reshape(2, 4, 3)
    np.save(path, x) if suffix == ".npy" else np.savez(path, x=x)

    data = read(path)

    assert isinstance(data, Sequences)
    np.testing.assert_array_equal(np.stack(data.x), x)


def test_nan_in_an_array_is_not_judged_before_it_is_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0], [np.nan]]))

    table = read(tmp_path / "x.npy")

    with pytest.raises(
        InputError, match=r"^E_INPUT_MISSING: .*x\.npy, row 2, column 'x0': .* is NaN"
    ):
        table.numbers(["x0"])


def test_a_single_number_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array(3.0))

    with pytest.raises(InputError, match=r"^E_INPUT_SHAPE: .*x\.npy must have shape \(time,\)"):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["data.dat", "data", "csv", "data.npy.gz"])
def test_an_unknown_kind_of_file_is_told_those_that_are_known(name):
    with pytest.raises(UsageError, match=r"must be a \.csv, \.tsv, .*\.npz or \.txt file, got"):
        read(name)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "npy", "npz", "txt"])
def test_a_missing_file_is_named(tmp_path, suffix):
    with pytest.raises(InputError, match=rf"^E_INPUT_FILE: .*x\.{suffix} does not exist"):
        read(tmp_path / f"x.{suffix}")


def test_a_folder_and_a_pipe_are_no_files(tmp_path):
    (tmp_path / "x.npy").mkdir()
    os.mkfifo(tmp_path / "y.npy")

    with pytest.raises(InputError, match=r"^E_INPUT_FILE: .* must be a file, not a folder\."):
        read(tmp_path / "x.npy")
    with pytest.raises(
        InputError, match=r"^E_INPUT_FILE: .* must be a file, not a device or a pipe\."
    ):
        read(tmp_path / "y.npy")


@pytest.mark.parametrize("name", ["n" * 5000 + ".csv", "a\0b.csv"])
def test_an_impossible_name_is_refused(name):
    with pytest.raises(InputError, match=r"^E_INPUT_FILE: .* cannot be read \("):
        read(name)


def test_a_file_larger_than_memory_is_told_as_that(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros(10))

    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)

    with pytest.raises(ResourceError, match=r"^E_MEMORY: .*x\.npy does not fit into memory"):
        read(tmp_path / "x.npy")


def test_a_digest_is_the_sha_256_of_the_file(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a\n1\n" * 100_000)

    assert digest(tmp_path / "x.csv") == hashlib.sha256(b"a\n1\n" * 100_000).hexdigest()
    with pytest.raises(InputError, match=r"^E_INPUT_FILE"):
        digest(tmp_path / "y.csv")


@needs_shared_data
def test_the_sunspots_are_a_series_by_year():
    table = read(SHARED / "sunspots.csv")

    assert (table.names, table.time) == (("YEAR", "SUNACTIVITY"), "YEAR")
    assert table.numeric == ("SUNACTIVITY",)
    assert table.span("1700", "1920").rows == 221
    assert table.span("1921", "1955").numbers(["SUNACTIVITY"]).shape == (35, 1)


@needs_shared_data
def test_the_gaps_of_the_co2_record_are_named_and_its_dates_are_dates():
    table = read(SHARED / "co2.csv")

    assert (table.rows, table.time) == (2284, "date")
    with pytest.raises(InputError, match=r"line 8, column 'co2': .* \(59 of 2,284 rows"):
        table.numbers(["co2"])
    assert table.span("1990", "1990").numbers(["co2"]).shape == (52, 1)


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "steps", "features", "classes"),
    [("basic_motions_train", {100}, 6, 4), ("pickup_gesture_test", range(29, 362), 1, 10)],
)
def test_recorded_gestures_are_ragged_sequences_with_labels(name, steps, features, classes):
    data = read(SHARED / f"{name}.npz")

    assert isinstance(data, Sequences)
    assert {len(item) for item in data.x} <= set(steps)
    assert all(item.shape[1] == features for item in data.x)
    assert len(set(data.y.tolist())) == classes
    assert not data.per_step
