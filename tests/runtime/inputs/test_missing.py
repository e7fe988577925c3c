"""Missing values: NaN in x is treated by the policy in the file, and every law still holds."""

from __future__ import annotations

import numpy as np
import pytest

import seqrt
from seqrt.errors import InputError

FOLDER = "missing"
NAMES = ["rnn-forward", "lstm-forward", "gru-forward", "rnn-mean", "gru-indicator"]
FORWARD = [name for name in NAMES if "forward" in name]
BIDIRECTIONAL = "lstm-bidirectional-forward"
MEAN = (12.0, -1.0)  # of the nets' features
LENGTHS = [19, 1, 7, 18, 2, 19, 11]


@pytest.fixture(params=[*NAMES, BIDIRECTIONAL])
def net(request, load) -> seqrt.Model:
    return load(f"{FOLDER}/{request.param}")


@pytest.fixture(params=NAMES)
def streaming(request, load) -> seqrt.Model:
    return load(f"{FOLDER}/{request.param}")


@pytest.fixture(params=FORWARD)
def forward(request, load) -> seqrt.Model:
    return load(f"{FOLDER}/{request.param}")


@pytest.fixture
def gaps(x) -> np.ndarray:
    """Seven sequences of 19 steps, with gaps everywhere: at the start, long ones, whole steps."""
    holes = np.random.default_rng(5).random(x.shape) < 0.4
    holes[0, :5] = holes[1, 0] = holes[3, :, 1] = holes[4, 1:] = True
    return np.where(holes, np.float32(np.nan), x)


def by_hand(x, policy):
    """Fill x (B, T, D) in raw units, value by value."""
    filled = x.copy()
    for i, t, d in np.argwhere(np.isnan(x)):
        filled[i, t, d] = filled[i, t - 1, d] if policy == "forward" and t else MEAN[d]
    return filled


@pytest.mark.parametrize("name", [*FORWARD, BIDIRECTIONAL, "rnn-mean"])
def test_the_answers_are_those_to_data_filled_by_hand(load, gaps, name):
    model = load(f"{FOLDER}/{name}")
    filled = by_hand(gaps, model.manifest.missing)

    for got, want in zip(model.run(gaps, LENGTHS), model.run(filled, LENGTHS), strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(model.predict(gaps), model.predict(filled))


def test_an_indicator_tells_a_missing_value_from_one_at_the_mean(load, gaps):
    model = load(f"{FOLDER}/gru-indicator")

    at_the_mean = model.predict(by_hand(gaps, "mean"))

    assert np.abs(model.predict(gaps) - at_the_mean).max() > 1e-2


def test_every_value_may_be_missing(net):
    nothing = np.full((3, 4, 2), np.nan, np.float32)

    assert np.isfinite(net.predict(nothing)).all()


@pytest.mark.parametrize("cut", [1, 4, 9, 18])
def test_a_sequence_cut_in_a_gap_equals_one_pass(streaming, gaps, cut):
    whole, end = streaming.run(gaps)

    first, state = streaming.run(gaps[:, :cut])
    second, end_of_cut = streaming.run(gaps[:, cut:], None, state)

    joined = np.concatenate([first, second], axis=1) if whole.ndim == 3 else second
    np.testing.assert_array_equal(joined, whole)
    np.testing.assert_array_equal(end_of_cut, end)


def test_step_by_step_equals_the_whole(streaming, gaps):
    for row in gaps:
        whole = streaming.predict(row[None])[0]

        stream = streaming.stream()
        answers = [stream.push(step) for step in row]

        np.testing.assert_array_equal(np.stack(answers) if whole.ndim == 2 else answers[-1], whole)


def test_a_stream_saved_in_a_gap_goes_on_as_if_it_had_never_stopped(streaming, gaps):
    stopped, never = streaming.stream(), streaming.stream()
    for stream in (stopped, never):
        for step in gaps[0, :8]:
            stream.push(step)

    resumed = streaming.stream(stopped.save())

    for step in gaps[0, 8:]:
        np.testing.assert_array_equal(resumed.push(step), never.push(step))


def test_keyed_streams_answer_as_each_does_alone(streaming, gaps):
    streams = streaming.streams()
    alone = [streaming.stream() for _ in gaps]

    for start, stop in ((0, 1), (1, 6), (6, 7), (7, 19)):
        got = streams.push({i: row[start : stop - (i % 2)] for i, row in enumerate(gaps)})
        for i, stream in enumerate(alone):
            want = stream.push(gaps[i, start : stop - (i % 2)])
            np.testing.assert_array_equal(got[i], want)


@pytest.mark.parametrize("rubbish", [0.0, 1e30, np.nan, np.inf])
def test_padding_does_not_matter(net, gaps, rubbish):
    padded = gaps.copy()
    padded[np.arange(19) >= np.array(LENGTHS)[:, None]] = rubbish

    got = net.predict(padded, LENGTHS)

    for i, n in enumerate(LENGTHS):
        alone = net.predict(gaps[i : i + 1, :n])[0]
        np.testing.assert_array_equal(got[i, :n] if got.ndim == 3 else got[i], alone)


def test_a_ragged_list_equals_its_padded_batch(net, gaps):
    listed = net.predict([row[:n] for row, n in zip(gaps, LENGTHS, strict=True)])
    padded = net.predict(gaps, LENGTHS)

    for got, row, n in zip(listed, padded, LENGTHS, strict=True):
        np.testing.assert_array_equal(got, row[:n] if row.ndim == 2 else row)


def test_batch_mates_and_blocks_do_not_matter(net, gaps):
    many = np.resize(gaps, (200, 19, 2))

    together = net.predict(many)

    for i in (0, 6, 7, 99, 199):
        np.testing.assert_array_equal(together[i], net.predict(many[i : i + 1])[0])


def test_the_state_ends_in_the_last_value_of_each_feature_in_scaled_units(forward, gaps):
    _, state = forward.run(gaps, LENGTHS)

    filled = by_hand(gaps, "forward")
    last = np.stack([filled[i, n - 1] for i, n in enumerate(LENGTHS)])
    np.testing.assert_array_equal(state[:, -2:], (last - np.float32(MEAN)) / np.float32([4.0, 0.5]))
    assert forward.manifest.state_size == state.shape[1]


def test_a_row_of_no_steps_keeps_what_it_knew(forward, gaps):
    _, state = forward.run(gaps)

    _, kept = forward.run(gaps[:, :3], [0, 1, 0, 2, 3, 0, 0], state)

    np.testing.assert_array_equal(kept[[0, 2, 5, 6]], state[[0, 2, 5, 6]])


def test_inf_stays_an_error_that_names_it(net, gaps):
    gaps[4, 17, 1] = -np.inf

    with pytest.raises(InputError, match=r"x\[item 4, step 17, feature 1\] is -inf \(1 non-finite"):
        net.predict(gaps)
    with pytest.raises(InputError, match=r"x\[item 4, step 17, feature 1\] is -inf \(1 non-finite"):
        net.predict(list(gaps))


def test_inf_is_an_error_in_streams_and_leaves_them_where_they_were(streaming, gaps):
    stream, streams = streaming.stream(), streaming.streams()
    first = stream.push(gaps[0, 0])
    streams.push({"a": gaps[0, 0]})

    for push in (stream.push, lambda step: streams.push({"a": step})):
        with pytest.raises(InputError, match="is inf"):
            push(np.float32([np.inf, np.nan]))

    again = streaming.stream()
    np.testing.assert_array_equal(again.push(gaps[0, 0]), first)
    want = again.push(gaps[0, 1])
    np.testing.assert_array_equal(stream.push(gaps[0, 1]), want)
    np.testing.assert_array_equal(streams.push({"a": gaps[0, 1]})["a"], want)


def test_propagated_inf_spoils_and_missing_values_do_not(streaming, gaps):
    gaps[2, 10, 0] = np.inf

    y = streaming.predict(gaps, nonfinite="propagate")

    lost = np.isnan(y).reshape(7, -1)
    assert lost[2].any()
    assert not np.delete(lost, 2, axis=0).any()


def test_the_proof_has_missing_values_and_is_kept(net):
    from seqrt.runtime.proving.proof import decode

    assert all(
        np.isnan(case.x).any() for case in decode(net.proof, net.manifest) if case.x.shape[1] > 1
    )
    report = net.validate()
    assert report.ok
    assert report.exact


def test_a_file_without_the_word_has_no_answer_to_missing_values(lstm, gaps):
    assert lstm.manifest.missing == "error"
    with pytest.raises(InputError, match="E_INPUT_NONFINITE"):
        lstm.predict(gaps)
