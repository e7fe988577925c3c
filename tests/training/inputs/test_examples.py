"""Examples share the memory of the data they are made from, and read it correctly."""

from __future__ import annotations

import mmap
from dataclasses import asdict

import numpy as np
import pytest
import torch

from seqrt.data import read, windows
from seqrt.data.limits import ReadLimits
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.training import Plan, fit, prepare
from seqrt.training.inputs.batches import batch
from seqrt.training.inputs.check import as_ragged
from seqrt.training.inputs.examples import examples, unlabelled
from seqrt.training.problems.from_sequences import from_sequences
from seqrt.training.problems.split import Fold


def test_batches_of_windows_are_cut_from_the_series_itself(rng):
    series = rng.standard_normal((50, 2)).astype(np.float32)
    x = windows(series, 7)

    data = unlabelled(as_ragged(x, None, 2), "last")

    assert np.shares_memory(data.x.numpy(), series)
    rows = data.lengths.new_tensor([40, 3, 3])
    np.testing.assert_array_equal(batch(data, rows).x.numpy(), x[[40, 3, 3]])


@pytest.fixture
def gappy_csv(tmp_path):
    """A hundred rows of a and b, with some cells empty."""
    lines = [f"{i % 7 or ''},{'' if i % 11 == 4 else i}" for i in range(100)]
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join(["a,b", *lines]) + "\n")
    return path


def test_folds_and_gaps_copy_no_window(gappy_csv, network):
    problem = prepare(gappy_csv, target="b", window=8, val=Fold(2, 3), missing="forward")
    net = network("gru", 2, (4,), 1, missing="forward")
    net.metadata = problem.metadata

    parts = [(part.x, part.y) for part in (problem.train, problem.validation)]
    read_by_loop = examples(net, *parts)

    assert problem.train.left_out
    assert problem.train.x.values.shape == (100, 2)
    for x in (problem.validation.x.values, *(data.x.numpy() for data in read_by_loop)):
        assert np.shares_memory(x, problem.train.x.values)


def test_ragged_sequences_are_checked_as_lists_are(ragged):
    x = Ragged.of(ragged[0])

    with pytest.raises(InputError, match=r"E_INPUT_SHAPE: x\[0\] must have shape \(time, 5\)"):
        as_ragged(x, None, 5)
    with pytest.raises(InputError, match=r"E_INPUT_LENGTH: x\[3\] has no steps"):
        as_ragged(Ragged(x.values, x.starts, np.where(np.arange(len(x)) == 3, 0, 1)), None, 2)
    x.values[-1] = np.nan
    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: x must be finite"):
        as_ragged(x, None, 2)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("tbptt", [None, 4])
def test_what_stays_in_its_file_trains_the_same_network(tmp_path, ragged, per_step, tbptt):
    x, y = ragged
    y = np.concatenate(x)[:, 0] > 0 if per_step else y
    path = tmp_path / "ragged.npz"
    np.savez(path, x=np.concatenate(x), y=y, lengths=[len(row) for row in x])
    plan = Plan(str(path), units=(4,), epochs=2, tbptt=tbptt)

    def trained(limits):
        problem = from_sequences(read(path, limits=limits), None, 0.2, plan.seed)
        net, train, val = plan.network(problem), problem.train, problem.validation
        for _ in fit(net, train.x, train.y, val=(val.x, val.y), **asdict(plan.recipe)):
            pass
        return train.x.values, net.state_dict()

    _, in_memory = trained(ReadLimits())
    values, mapped = trained(ReadLimits(mapped=1))

    assert isinstance(values.base, mmap.mmap)
    assert all(torch.equal(in_memory[name], value) for name, value in mapped.items())


def test_arrays_in_fortran_order_are_read_as_they_are(rng):
    x = np.asfortranarray(rng.standard_normal((6, 5, 3)).astype(np.float32))

    for given in (x, list(x)):
        data = unlabelled(as_ragged(given, None, 3), "last")

        np.testing.assert_array_equal(batch(data, torch.arange(6)).x.numpy(), x)
