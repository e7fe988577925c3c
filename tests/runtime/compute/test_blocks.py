"""A large batch is cut into blocks for several threads, which does not change the outputs."""

from __future__ import annotations

import numpy as np
import pytest

import seqrt
from seqrt.runtime.compute.blocks import blocks, run_blocks
from seqrt.runtime.compute.cost import ROWS, Limits
from seqrt.runtime.compute.predict import predict_batch
from seqrt.runtime.compute.workers import Workers


@pytest.fixture
def many() -> list[np.ndarray]:
    """Some hundred sequences of 0 to 300 steps, enough work for several threads."""
    rng = np.random.default_rng(3)
    steps = rng.integers(0, 300, 900)
    return [rng.random((n, 2), dtype=np.float32) for n in steps]


@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence", "rnn-bidirectional-last"])
@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_does_not_change_the_answer(load, engine_of, many, name, threads):
    one = load(name, threads=1)

    several = predict_batch(engine_of(one, thread=1_000_000), Workers(threads), many)

    for got, want in zip(several, one.predict(many), strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_padded_batch_is_cut_in_the_same_way(load, engine_of, many):
    lengths = [len(row) for row in many]
    padded = np.zeros((len(many), 300, 2), np.float32)
    for row, sequence in zip(padded, many, strict=True):
        row[: len(sequence)] = sequence
    engine, workers = engine_of(load("gru-last"), thread=1_000_000), Workers(3)

    got = predict_batch(engine, workers, padded, lengths)

    np.testing.assert_array_equal(got, predict_batch(engine, workers, many))


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("rows", [0, 1, 23, 24, 25, 1000])
def test_every_row_is_in_one_block_and_the_longest_come_first(threads, rows):
    lengths = np.random.default_rng(rows).integers(0, 50, rows).astype(np.int32)

    parts = list(blocks(lengths, threads, operations=100_000))

    order = np.concatenate([*parts, np.zeros(0, np.intp)])
    assert sorted(order) == list(range(rows))
    assert (np.diff(lengths[order]) <= 0).all()
    assert max(map(len, parts), default=0) <= -(-rows // threads)


def test_short_rows_share_a_block_and_long_ones_do_not_wait():
    few_steps, many_steps = np.full(960, 1, np.int32), np.full(960, 1000, np.int32)

    short = list(blocks(few_steps, 2, operations=58_000))
    long = list(blocks(many_steps, 2, operations=58_000))

    assert {len(part) for part in short} == {480}
    assert {len(part) for part in long} == {ROWS}


def test_a_long_row_takes_no_short_ones_with_it_and_similar_ones_stay_together():
    one_long = np.array([1000, *[1] * 23], np.int32)
    similar = np.arange(1000, 976, -1, dtype=np.int32)

    assert [len(part) for part in blocks(one_long, 1, operations=58_000)] == [1, 23]
    assert [len(part) for part in blocks(similar, 1, operations=58_000)] == [24]


@pytest.mark.parametrize("operations", [8, 700, 58_000, 10**7])
def test_padding_costs_little_whatever_the_lengths(operations):
    lengths = np.random.default_rng(1).exponential(100, 2000).astype(np.int32)

    parts = list(blocks(lengths, 2, operations))

    padded = sum(len(part) * int(lengths[part].max()) for part in parts)
    assert sorted(np.concatenate(parts)) == list(range(2000))
    assert padded <= 1.25 * lengths.sum() + len(parts) * 1_000_000 / (operations + 15_000)


def test_an_error_in_a_block_comes_out_and_stops_the_rest():
    done = []

    def work(rows, stopped):
        done.append(len(rows))
        raise ValueError("in a block")

    with pytest.raises(ValueError, match="in a block"):
        run_blocks(np.full(10_000, 9, np.int32), Workers(2), 1000, work, Limits(thread=1))

    assert len(done) <= 2


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "<i2"])
def test_an_array_in_a_file_is_answered_as_one_in_memory(tagger, engine_of, tmp_path, dtype):
    x = np.random.default_rng(0).integers(-9, 9, (200, 30, 2)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    engine, workers = engine_of(tagger, thread=1), Workers(2)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")

    for rows in (slice(None), slice(1)):
        got = predict_batch(engine, workers, mapped[rows])
        want = predict_batch(engine, workers, x[rows].astype(np.float32))
        np.testing.assert_array_equal(got, want)


def test_the_first_bad_item_is_named_whichever_block_came_first(lstm, engine_of, many):
    engine = engine_of(lstm, thread=1)
    longest = max(range(900), key=lambda i: len(many[i]))
    short = next(i for i in range(900) if len(many[i]) == len(many[longest]) // 2)
    many[short][1, 0] = np.nan
    many[longest][2, 1] = np.inf
    first = min(short, longest)

    with pytest.raises(seqrt.InputError, match=rf"x\[item {first}, .*2 non-finite values in 2 it"):
        predict_batch(engine, Workers(2), many)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [100, 512, 1000, 1024, 4096])
def test_rows_of_one_length_are_cut_into_as_many_blocks_for_each_thread(threads, rows):
    parts = list(blocks(np.full(rows, 10, np.int32), threads, operations=57_856))

    sizes = [len(part) for part in parts]
    assert sum(sizes) == rows
    assert len(sizes) % threads == 0
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] < len(sizes) + 1
