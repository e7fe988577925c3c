"""Columns of lists: each row of a table is a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import read
from seqrt.data.list_columns import sequences_of
from seqrt.errors import InputError, UsageError
from seqrt.training import Plan, load_run, start

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def saved(tmp_path):
    """Save columns as a Parquet file; return its path."""

    def save(**columns):
        path = tmp_path / "beats.parquet"
        parquet.write_table(pyarrow.table(columns), path)
        return path

    return save


def test_each_row_is_a_sequence_of_its_lists(saved):
    table = read(saved(ecg=[[1.0, 2.0], [3.0]], skin=[[7, 8], [9]], beat=["N", "V"]))

    found = sequences_of(table, ("ecg", "skin"), ("beat",))

    assert [x.tolist() for x in found.x] == [[[1, 7], [2, 8]], [[3, 9]]]
    assert found.y.tolist() == ["N", "V"]
    assert (found.names, found.targets) == (("ecg", "skin"), ("beat",))


def test_a_list_as_the_target_has_a_value_for_each_step(saved):
    table = read(saved(ecg=[[1.0, 2.0], [3.0]], wave=[[0, 1], [1]]))

    found = sequences_of(table, ("ecg",), ("wave",))

    assert found.per_step
    assert [y.ravel().tolist() for y in found.y] == [[0, 1], [1]]


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"b": [[1.0], []]}, InputError, r"E_INPUT_LENGTH: .*row 2, column 'b': a list must have"),
        ({"b": [[1.0], None]}, InputError, r"E_INPUT_LENGTH: .*row 2, column 'b'"),
        ({"b": [["x"], ["y"]]}, InputError, r"E_INPUT_DTYPE: .*row 1, column 'b': a list must"),
        ({"b": [1.0, 2.0]}, UsageError, r"column 'b' of .* has one value in each row"),
    ],
)
def test_what_is_not_a_list_of_numbers_is_named(saved, columns, error, words):
    path = saved(a=[[1.0], [2.0]], **columns)

    with pytest.raises(error, match=words):
        sequences_of(read(path), ("b", "a"), ())


def test_lists_of_one_row_must_have_one_length(saved):
    path = saved(a=[[1.0], [2.0, 3.0]], b=[[1.0], [2.0]])

    with pytest.raises(InputError, match=r"E_INPUT_SHAPE: .*row 2, column 'b': the lists"):
        sequences_of(read(path), ("a", "b"), ())


def beats():
    rng = np.random.default_rng(3)
    kinds = [("N", "V")[i % 2] for i in range(24)]
    return [rng.normal(i % 2, 1, 5 + i % 3).tolist() for i in range(24)], kinds


def trained(path, **options):
    run = start(Plan(str(path), units=(4,), epochs=2, threads=1, **options), f"{path}.run")
    for _ in run:
        pass
    run.finish()
    return load_run(run.path)


def test_the_weights_are_those_of_the_same_sequences_in_an_archive(saved, tmp_path):
    lists, kinds = beats()
    archive = tmp_path / "beats.npz"
    flat = np.concatenate([np.array(x)[:, None] for x in lists])
    np.savez(archive, x=flat, lengths=[len(x) for x in lists], y=np.array(kinds))

    net = trained(saved(ecg=lists, beat=kinds), features=("ecg",), target=("beat",))

    for name, value in trained(archive).state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name], value)
    assert [column.name for column in net.metadata.features] == ["ecg"]


def test_without_a_target_the_option_is_named(saved):
    with pytest.raises(UsageError, match="Name its column with --target, such as --target beat"):
        Plan(str(saved(ecg=[[1.0], [2.0]], beat=["N", "V"])), features=("ecg",)).problem()
