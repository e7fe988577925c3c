"""Sequences as stretches of one array: the same numbers, copied only where they must be."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
import torch

from seqrt.data import ragged, windows
from seqrt.data.ragged import Ragged
from seqrt.data.readers import npz
from seqrt.training import start, train
from seqrt.training.inputs.batches import batch
from seqrt.training.inputs.check import as_ragged
from seqrt.training.inputs.examples import unlabelled
from seqrt.training.runs.folder import load_run
from seqrt.training.runs.plan import Plan

LENGTHS, SHORT = np.array([4, 1, 3]), np.array([2, 1, 1])


@pytest.fixture
def block(rng):
    return rng.standard_normal((3, 4, 2)).astype(np.float32)


def cut(x, lengths=LENGTHS):
    return [row[:length] for row, length in zip(x, lengths, strict=True)]


def assert_same(got, want):
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: (Ragged.of_batch(x, LENGTHS), cut(x)),
        lambda x: (Ragged.of_batch(x[:, ::2][:, :1], LENGTHS[[1, 1, 1]]), list(x[:, :1])),
        lambda x: (Ragged.of_batch(x[:1], LENGTHS[:1]), [x[0]]),
        lambda x: (Ragged.of_batch(x[::2], LENGTHS[::2]), cut(x[::2], LENGTHS[::2])),
        lambda x: (Ragged.of_batch(windows(x[0], 3), np.array([3, 3])), [x[0, :3], x[0, 1:]]),
        lambda x: (
            Ragged.of_batch(x.reshape(3, 8)[:, :, None], np.array([8, 8, 8])),
            list(x.reshape(3, 8, 1)),
        ),
        lambda x: (Ragged.of(cut(x)), cut(x)),
        lambda x: (Ragged.of(cut(x)[::-1]), cut(x)[::-1]),
        lambda x: (Ragged.of([x[0, 1:], x[0, :3], x[2]]), [x[0, 1:], x[0, :3], x[2]]),
    ],
    ids=[
        "padded",
        "one-step",
        "alone",
        "every-second",
        "windows",
        "one-feature",
        "list",
        "backwards",
        "overlapping",
    ],
)
def test_what_lies_in_one_block_is_not_copied(block, read):
    got, want = read(block)

    assert_same(got, want)
    assert np.shares_memory(got.values, block)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: (Ragged.of_batch(x.mT, SHORT), cut(x.mT, SHORT)),
        lambda x: (Ragged.of_batch(x[..., :1], LENGTHS), cut(x[..., :1])),
        lambda x: (Ragged.of_batch(x[..., ::-1], LENGTHS), cut(x[..., ::-1])),
        lambda x: (Ragged.of([row.copy() for row in cut(x)]), cut(x)),
        lambda x: (Ragged.of([x[0], x[1, :, ::-1]]), [x[0], x[1, :, ::-1]]),
        lambda x: (Ragged.of([x[0], np.ones((2, 2), np.float32)]), [x[0], np.ones((2, 2))]),
    ],
    ids=["transposed", "some-features", "features-backwards", "own", "mixed", "of-two-blocks"],
)
def test_what_does_not_is_copied_and_the_same(block, read):
    got, want = read(block)

    assert_same(got, want)
    assert not np.shares_memory(got.values, block)


def test_several_are_picked_by_a_slice_or_by_their_numbers(block):
    got = Ragged.of_batch(block, LENGTHS)

    assert_same(got[1:], cut(block)[1:])
    assert_same(got[np.array([2, 0])], [block[2, :3], block[0]])
    assert got[np.array([2, 0])].values is got.values


@pytest.mark.parametrize("numbers", [1, 4, 6, 100])
def test_pieces_are_all_steps_below_each_other(block, monkeypatch, numbers):
    monkeypatch.setattr(ragged, "_NUMBERS", numbers)
    pieces = list(Ragged.of_batch(block, LENGTHS).pieces())

    np.testing.assert_array_equal(np.concatenate(pieces), np.concatenate(cut(block)))
    assert all(piece.size < numbers + block[0].size for piece in pieces)


def test_batches_of_windows_are_cut_from_the_series_itself(rng):
    series = rng.standard_normal((50, 2)).astype(np.float32)
    x = windows(series, 7)

    data = unlabelled(as_ragged(x, None, 2), "last")

    assert np.shares_memory(data.x.numpy(), series)
    rows = data.lengths.new_tensor([40, 3, 3])
    np.testing.assert_array_equal(batch(data, rows).x.numpy(), x[[40, 3, 3]])


def test_padding_is_never_looked_at(block):
    block[1, 1:], block[2, 3:] = np.nan, np.inf

    assert_same(as_ragged(block, LENGTHS, 2), cut(block))


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("tbptt", [None, 4])
def test_what_stays_in_its_file_trains_the_same_network(
    tmp_path, monkeypatch, ragged, per_step, tbptt
):
    x, y = ragged
    y = np.concatenate(x)[:, 0] > 0 if per_step else y
    path = tmp_path / "ragged.npz"
    np.savez(path, x=np.concatenate(x), y=y, lengths=[len(row) for row in x])
    plan = Plan(str(path), units=(4,), epochs=2, tbptt=tbptt)

    train(plan, tmp_path / "read")
    monkeypatch.setattr(npz, "_LARGE", 1)
    run = start(plan, tmp_path / "mapped")
    for _ in run:
        pass

    read = load_run(tmp_path / "read").state_dict()
    assert isinstance(run.problem.train.x.values.base.base, mmap.mmap)
    assert all(torch.equal(read[name], value) for name, value in run.net.state_dict().items())
