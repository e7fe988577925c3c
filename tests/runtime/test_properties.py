"""The laws, for generated lengths, cuts, dtypes, memory layouts and keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqrt
from seqrt import InputError, ModelError
from seqrt.runtime.live.saved_state import unpack_state

NETS = Path(__file__).parent / "nets"
CAUSAL = st.sampled_from(["lstm-last", "lstm-sequence", "gru-last", "gru-sequence", "rnn-sequence"])
ANY = CAUSAL | st.sampled_from(["gru-bidirectional-last", "lstm-bidirectional-sequence"])

# The same examples in every run, however slow the machine; tools/promises.py draws others.
drawn = settings(derandomize=True, deadline=None, max_examples=40, database=None)


@cache
def opened(name: str) -> seqrt.Model:
    return seqrt.load(NETS / f"{name}.onnx", threads=2)


@cache
def numbers() -> np.ndarray:
    """Twelve sequences of 40 steps of 2 features, in the raw units of the nets."""
    noise = np.random.default_rng(0).random((12, 40, 2))
    return (noise * [30.0, 3.0] - [0.0, 2.5]).astype(np.float32)


def pieces(x: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    return np.split(x, sorted(cut % (len(x) + 1) for cut in cuts))


@drawn
@given(ANY, st.lists(st.integers(0, 40), max_size=12))
def test_rows_of_any_lengths_answer_as_each_alone(name, lengths):
    model, x = opened(name), numbers()[: len(lengths)]

    padded = model.predict(x, np.array(lengths, np.int64))
    listed = model.predict([row[:steps] for row, steps in zip(x, lengths, strict=True)])

    for row, item, whole, steps in zip(padded, listed, x, lengths, strict=True):
        alone = model.predict(whole[None, :steps])[0]
        np.testing.assert_array_equal(item, alone)
        np.testing.assert_array_equal(row[:steps] if row.ndim == 2 else row, alone)
        assert row.ndim == 1 or not row[steps:].any()


@drawn
@given(CAUSAL, st.integers(0, 40), st.lists(st.integers(0, 40), max_size=12), st.booleans())
def test_a_stream_cut_anywhere_saved_or_not_answers_as_the_whole(name, steps, cuts, saved):
    model, x = opened(name), numbers()[3, :steps]

    stream = model.stream()
    answers = []
    for piece in pieces(x, cuts):
        answers.append(stream.push(piece))
        if saved:
            stream = model.stream(stream.save())

    whole, end = model.run(x[None])
    if whole.ndim == 3:
        np.testing.assert_array_equal(np.concatenate(answers), whole[0])
    elif steps:
        last = [y for y, piece in zip(answers, pieces(x, cuts), strict=True) if len(piece)][-1]
        np.testing.assert_array_equal(last, whole[0])
    assert stream.steps == steps
    np.testing.assert_array_equal(unpack_state(stream.save(), model.digest, end.size)[0], end[0])


@drawn
@given(CAUSAL, st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 7)), max_size=6))
def test_streams_pushed_in_any_company_answer_as_each_alone(name, turns):
    model, x = opened(name), numbers()
    streams, alone = model.streams(), {}

    for turn in turns:
        chunks = {}
        for key, steps in turn.items():
            alone.setdefault(key, model.stream())
            chunks[key] = x[key, alone[key].steps :][:steps]
        answers = streams.push(chunks)
        assert list(answers) == list(chunks)
        for key, chunk in chunks.items():
            np.testing.assert_array_equal(answers[key], alone[key].push(chunk))

    for key, stream in alone.items():
        assert streams.save(key) == stream.save()


KINDS = st.sampled_from(list("?bBhHiIlLqQefdg")).flatmap(
    lambda letter: st.sampled_from(["<", ">"]).map(lambda order: order + letter)
)
LAYOUTS = st.tuples(
    st.permutations(range(3)),
    st.tuples(*[st.sampled_from([1, -1, 2, -2, 3])] * 3),
    st.integers(0, 7),
)


@drawn
@given(ANY, KINDS, LAYOUTS, st.integers(0, 5), st.integers(0, 9), st.booleans())
def test_numbers_of_any_kind_in_any_layout_mean_the_same(name, kind, layout, rows, steps, frozen):
    model = opened(name)
    plain = np.rint(numbers()[:rows, :steps]).clip(0, 1 if "?" in kind else 30)
    order, strides, offset = layout

    array = laid_out(plain.astype(kind), order, strides, offset)
    array.flags.writeable = not frozen
    before = array.tobytes()

    np.testing.assert_array_equal(array, plain)
    np.testing.assert_array_equal(model.predict(array), model.predict(plain))
    for got, want in zip(model.predict(list(array)), model.predict(list(plain)), strict=True):
        np.testing.assert_array_equal(got, want)
    assert array.tobytes() == before


def laid_out(x: np.ndarray, order, strides, offset: int) -> np.ndarray:
    """Return x in another memory layout: axes permuted, with gaps, reversed, unaligned."""
    turned = x.transpose(order)
    shape = [size * abs(stride) for size, stride in zip(turned.shape, strides, strict=True)]
    room = np.zeros(int(np.prod(shape)) * x.itemsize + offset, np.uint8)[offset:]
    view = room.view(x.dtype).reshape(shape)[tuple(slice(None, None, s) for s in strides)]
    view[...] = turned
    return view.transpose(np.argsort(order))


@drawn
@given(ANY, st.integers(0, 300), st.integers(1, 12), st.integers(1, 4))
def test_rows_shared_among_threads_answer_as_a_few_at_a_time(name, rows, some, threads):
    model = opened(name)
    x = np.resize(numbers(), (rows, 9, 2))

    together = seqrt.Model((NETS / f"{name}.onnx").read_bytes(), threads=threads).predict(x)

    for start in range(0, rows, 30 * some):
        part = slice(start, start + some)
        np.testing.assert_array_equal(together[part], model.predict(x[part]))


@drawn
@given(CAUSAL, st.binary(max_size=400), st.integers(0, 400))
def test_bytes_that_are_no_state_are_refused_as_such(name, rubbish, kept):
    model = opened(name)
    stream, streams = model.stream(), model.streams()
    streams.push({"a": numbers()[0]})

    for ask, saved in ((model.stream, stream.save()), (model.streams, streams.snapshot())):
        damaged = saved[:kept] + rubbish
        try:
            again = ask(damaged)
        except InputError as error:
            assert error.code in ("E_STATE", "E_STATE_MODEL")
        else:
            assert damaged == saved
            assert (again.save() if ask == model.stream else again.snapshot()) == saved


@drawn
@given(st.binary(max_size=300), st.integers(0, 12_000), st.integers(0, 300))
def test_bytes_that_are_no_model_are_refused_as_such(rubbish, at, left_out):
    content = (NETS / "lstm-last.onnx").read_bytes()
    damaged = content[:at] + rubbish + content[at + left_out :]

    if damaged != content:
        with pytest.raises(ModelError, match="E_MODEL"):
            seqrt.Model(damaged)
