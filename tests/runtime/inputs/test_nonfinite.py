"""Inputs of every kind: predicted correctly, or refused with one clear sentence."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt import InputError, UsageError
from seqrt.runtime.compute import predict
from seqrt.runtime.compute.workers import Workers
from seqrt.runtime.inputs.nonfinite import all_finite


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 10), r"x must have shape \(batch, time, 2\), got \(5, 10\)"),
        ((5, 10, 3), r"x must have shape \(batch, time, 2\), got \(5, 10, 3\)"),
        ((5, 2, 10), r"got \(5, 2, 10\)\. Did you swap axes\?"),
        ((2,), r"got \(2,\)"),
        ((), r"got \(\)"),
    ],
)
def test_a_wrong_shape_is_named(lstm, shape, message):
    with pytest.raises(InputError, match="E_INPUT_SHAPE: .*" + message):
        lstm.predict(np.zeros(shape, np.float32))


def test_an_empty_batch_is_answered_without_a_run(model):
    y = model.predict(np.zeros((0, 9, 2), np.float32))
    _, state = model.run(np.zeros((0, 9, 2), np.float32))

    assert y.shape in ((0, 2), (0, 9, 2))
    assert state.shape == (0, model.manifest.state_size)
    assert len(model.predict([])) == 0


def test_no_steps_answer_zeros_and_keep_the_state(model):
    state = np.full((4, model.manifest.state_size), 0.25, np.float32)

    y, end = model.run(np.zeros((4, 0, 2), np.float32), None, state)

    assert y.shape in ((4, 2), (4, 0, 2))
    assert not y.any()
    np.testing.assert_array_equal(end, state)
    assert end is not state


def test_a_row_of_no_steps_keeps_its_own_state(model, x):
    state = np.full((7, model.manifest.state_size), 0.25, np.float32)
    lengths = [19, 0, 7, 19, 0, 2, 19]

    y, end = model.run(x, lengths, state)

    for row in (1, 4):
        assert not y[row].any()
        np.testing.assert_array_equal(end[row], state[row])
    alone, alone_end = model.run(x[2:3, :7], None, state[2:3])
    np.testing.assert_array_equal(y[2:3, :7] if y.ndim == 3 else y[2:3], alone)
    np.testing.assert_array_equal(end[2:3], alone_end)


def test_an_empty_sequence_in_a_list_answers_zeros(model, x):
    y = model.predict([x[0], x[1, :0], x[2, :3]])

    assert not np.any(y[1])
    assert np.any(y[0])
    np.testing.assert_array_equal(y[2], model.predict([x[2, :3]])[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_nonfinite_value_is_refused_and_named(model, x, value):
    x[4, 17, 1] = value
    x[5, 3, 0] = value

    with pytest.raises(
        InputError,
        match=r"E_INPUT_NONFINITE: .*x\[item 4, step 17, feature 1\] is -?(nan|inf)"
        r" \(2 non-finite values in 2 items\)",
    ):
        model.predict(x)


def test_a_nonfinite_value_in_a_list_is_named_by_its_item(model, x):
    x[2, 5, 0] = np.nan

    with pytest.raises(InputError, match=r"x\[item 2, step 5, feature 0\] is nan"):
        model.predict(list(x))


def test_of_many_rows_the_first_is_named_whichever_block_it_is_in(model, engine_of):
    engine, workers = engine_of(model, thread=1), Workers(2)
    x = np.zeros((100, 40, 2))
    lengths = np.arange(1, 41).repeat(3)[:100]
    x[7, 1, 1] = np.nan
    x[95, 3, 0] = np.inf
    x[2, 30] = np.nan  # past the end of its row

    with pytest.raises(InputError, match=r"x\[item 7, step 1, feature 1\] is nan \(2 non-finite"):
        predict.predict_batch(engine, workers, x, lengths)
    x[9, 2, 0] = 1e300
    with pytest.raises(InputError, match=r"E_INPUT_RANGE: x\[item 9\]"):
        predict.predict_batch(engine, workers, x, lengths)


def test_a_value_that_was_found_is_refused_though_it_is_gone_by_now(lstm, x, monkeypatch):
    x[2, 5, 0] = np.nan
    find = predict.raise_for_first_item

    def late(batch, **options):
        x[2, 5, 0] = 0  # as another thread might
        find(batch, **options)

    monkeypatch.setattr(predict, "raise_for_first_item", late)

    with pytest.raises(InputError, match="E_INPUT_NONFINITE: x must be finite"):
        lstm.predict(list(x))


@pytest.mark.parametrize("place", [0, (1 << 20) + 1, -1])
def test_a_nonfinite_value_is_found_wherever_it_stands_in_a_long_sequence(place):
    x = np.zeros((1, (1 << 20) + 3, 1), np.float32)
    assert all_finite(x)

    x[0, place] = np.nan

    assert not all_finite(x)


def test_propagate_answers_nan_from_the_bad_step_on(causal, x):
    clean = causal.predict(x)
    x[4, 7, 1] = np.nan

    y = causal.predict(x, nonfinite="propagate")

    others = [0, 1, 2, 3, 5, 6]
    np.testing.assert_array_equal(y[others], clean[others])
    if y.ndim == 3:
        np.testing.assert_array_equal(y[4, :7], clean[4, :7])
        assert np.isnan(y[4, 7:]).all()
    else:
        assert np.isnan(y[4]).all()


def test_propagate_in_a_list_equals_propagate_in_a_batch(model, x):
    x[4, 7, 1] = np.inf

    listed = model.predict(list(x), nonfinite="propagate")

    np.testing.assert_array_equal(np.stack(listed), model.predict(x, nonfinite="propagate"))


def test_propagate_spoils_the_whole_row_when_both_ends_are_read(bidirectional, x):
    x[4, 7, 1] = np.nan

    y = bidirectional.predict(x, nonfinite="propagate")

    assert np.isnan(y[4]).all()
    assert np.isfinite(y[[0, 1, 2, 3, 5, 6]]).all()


def test_propagate_carries_nan_on_in_the_state(causal, x):
    x[4, 7, 1] = np.nan

    _, state = causal.run(x, nonfinite="propagate")
    y, end = causal.run(x[:, :3], None, state, nonfinite="propagate")

    assert np.isnan(state[4]).all()
    assert np.isnan(y[4]).all()
    assert np.isnan(end[4]).all()
    assert np.isfinite(y[3]).all()


def test_a_nonfinite_state_is_refused(causal, x):
    state = causal.zero_state(7)
    state[3, 1] = np.nan

    with pytest.raises(
        InputError, match=r"E_INPUT_NONFINITE: state must .*state\[item 3, number 1\] is nan"
    ):
        causal.run(x, None, state)


def test_a_nonfinite_state_goes_below_only_where_it_is_allowed(causal, x):
    state = causal.zero_state(7)
    state[3, 1] = np.nan
    clean, _ = causal.run(x)

    y, _ = causal.run(x, None, state, nonfinite="allow")

    np.testing.assert_array_equal(np.delete(y, 3, 0), np.delete(clean, 3, 0))


def test_an_unknown_answer_to_nonfinite_values_is_refused(lstm, x):
    with pytest.raises(UsageError, match="nonfinite must be 'error', 'propagate' or 'allow'"):
        lstm.predict(x, nonfinite="ignore")


@pytest.mark.parametrize("dtype", [">f4", "<f4", "f8", ">f8", "f2", "i1", "i8", "u2", ">i4", "?"])
def test_every_dtype_that_keeps_its_values_gives_the_same_answer(lstm, dtype):
    whole = np.random.default_rng(1).integers(0, 2, (3, 5, 2))

    np.testing.assert_array_equal(
        lstm.predict(whole.astype(dtype)), lstm.predict(whole.astype(np.float32))
    )


@pytest.mark.parametrize("dtype", ["c8", "U3", "O", "M8[s]", "V4"])
def test_what_holds_no_numbers_is_refused(lstm, dtype):
    with pytest.raises(InputError, match="E_INPUT_DTYPE: x must hold numbers, got dtype"):
        lstm.predict(np.zeros((3, 5, 2)).astype(dtype))


def test_numbers_too_large_for_float32_are_refused(lstm):
    x = np.zeros((3, 5, 2))
    x[2, 1, 0] = 1e300

    with pytest.raises(InputError, match=r"E_INPUT_RANGE: x .* at \[2, 1, 0\] is too large"):
        lstm.predict(x)


def test_integers_that_float32_rounds_are_refused(lstm):
    x = np.zeros((3, 5, 2), np.int64)
    x[1, 1, 1] = 2**24 + 1

    with pytest.raises(InputError, match=r"E_INPUT_RANGE: x .* at \[1, 1, 1\] is rounded by"):
        lstm.predict(x)
    x[1, 1, 1] = 2**24 + 2
    assert np.isfinite(lstm.predict(x)).all()


def test_a_masked_value_is_refused(lstm, x):
    masked = np.ma.masked_array(x, mask=x > 29)

    with pytest.raises(InputError, match=r"E_INPUT_TYPE: .* \d+ masked values"):
        lstm.predict(masked)
    np.testing.assert_array_equal(lstm.predict(np.ma.masked_array(x)), lstm.predict(x))


@pytest.mark.parametrize("value", [None, "x", 3.0, {"x": 1}, object(), b"12"])
def test_what_is_no_array_is_refused(lstm, value):
    with pytest.raises(InputError, match="E_INPUT_TYPE: x must be an array of numbers"):
        lstm.predict(value)


@pytest.mark.parametrize("item", [None, "x", [[1, 2], [3]], [["a", "b"]], np.zeros((3, 5))])
def test_a_wrong_item_in_a_list_is_named(lstm, x, item):
    with pytest.raises(InputError, match=r"E_INPUT_(TYPE|DTYPE|SHAPE): x\[item 1\]"):
        lstm.predict([x[0], item])


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([19, -1, 2, 3, 4, 5, 6], r"lengths\[item 1\] is -1"),
        ([19, 2, 20, 3, 4, 5, 6], r"lengths must be from 0 to 19, .*lengths\[item 2\] is 20"),
        ([19, 2], r"lengths must have shape \(7,\), got \(2,\)"),
        ([1.0, 2, 3, 4, 5, 6, 7], "lengths must be whole numbers, got float64"),
        ([True] * 7, "lengths must be whole numbers, got bool"),
    ],
)
def test_wrong_lengths_are_named(lstm, x, lengths, message):
    with pytest.raises(InputError, match=r"E_INPUT_(LENGTHS|SHAPE): .*" + message):
        lstm.predict(x, lengths)


def test_lengths_beside_a_list_are_refused(lstm, x):
    with pytest.raises(InputError, match="leave lengths out"):
        lstm.predict(list(x), [19] * 7)


def test_a_state_of_another_shape_is_refused(lstm, x):
    with pytest.raises(InputError, match=r"state must have shape \(7, 20\), got \(7, 3\)"):
        lstm.run(x, None, np.zeros((7, 3), np.float32))


@pytest.mark.parametrize("kind", ["fortran", "reversed", "strided", "broadcast", "unaligned"])
def test_the_layout_in_memory_does_not_matter(lstm, x, kind):
    array = _laid_out(x, kind)

    np.testing.assert_array_equal(lstm.predict(array), lstm.predict(np.array(array, order="C")))


@pytest.mark.parametrize("name", ["lstm-last", "rnn-sequence", "gru-bidirectional-sequence"])
def test_the_arrays_of_the_caller_are_never_written(load, name, x):
    model = load(name)
    x[3, 2:] = np.nan
    lengths = np.array([19, 0, 5, 2, 19, 19, 1], np.int32)
    state = model.zero_state(7)
    before = x.copy()
    for array in (x, lengths, state):
        array.setflags(write=False)

    model.predict(x, lengths)
    model.run(x, lengths, state)
    model.predict(x, nonfinite="propagate")

    np.testing.assert_array_equal(x, before)


def _laid_out(x, kind):
    if kind == "fortran":
        return np.asfortranarray(x)
    if kind == "reversed":
        return x[:, ::-1]
    if kind == "strided":
        return np.repeat(x, 2, axis=1)[:, ::2]
    if kind == "broadcast":
        return np.broadcast_to(x[:1], x.shape)
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    shifted[...] = x
    assert not shifted.flags.aligned
    return shifted
