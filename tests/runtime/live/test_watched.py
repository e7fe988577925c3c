"""Streams that judge each row by the forecast before it: alarms, and intervals that adapt.

The forecaster is right for a random walk with normal steps of deviation 1.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from seqrt.errors import InputError, UsageError

ADAPT, ALARM = 0.02, 0.001


def walk(rows, seed=0, deviation=1.0):
    steps = np.random.default_rng(seed).normal(0, deviation, rows)
    return np.cumsum(steps).astype(np.float32)[:, None]


@pytest.fixture
def model(load):
    return load("forecast/persistence")


def cut(stream, x, sizes):
    """Return the outputs, p-values and alarms of pushes of these sizes, joined; 0 is a step."""
    parts, at = [], 0
    for size in sizes:
        parts.append(stream.push(x[at : at + size] if size else x[at]))
        at += size or 1
    return joined(parts)


def joined(parts):
    y = np.concatenate([np.atleast_2d(part.y) for part in parts])
    return y, *(np.concatenate([np.atleast_1d(part[i]) for part in parts]) for i in (1, 2))


def test_the_p_value_is_that_of_the_step_from_the_row_before(model):
    found = model.stream(alarm=0.05).push([[1.0], [1.5], [1.5], [3.6]])

    assert np.isnan(found.p[0])
    np.testing.assert_allclose(found.p[1:], [0.617075, 1.0, 0.035729], rtol=1e-4)
    assert found.alarm.tolist() == [False, False, False, True]
    np.testing.assert_array_equal(found.y, model.predict([[[1.0], [1.5], [1.5], [3.6]]])[0])


def test_a_step_gives_a_number_and_a_bool(model):
    stream = model.stream(alarm=0.05)

    first, second = stream.push([0.0]), stream.push([9.0])

    assert (type(second.p), type(second.alarm), second.y.shape) == (float, bool, (15,))
    assert (first.alarm, second.alarm) == (False, True)


def test_false_alarms_are_as_rare_as_asked_for(model):
    found = model.stream(alarm=ALARM).push(walk(200_000))

    assert 0.7 * ALARM < found.alarm.mean() < 1.4 * ALARM
    assert (found.p[1:] < 0.1).mean() == pytest.approx(0.1, rel=0.03)


def test_a_spike_is_an_alarm_on_its_row_and_on_the_way_back(model):
    x = walk(300)
    x[200] += 8

    found = model.stream(alarm=ALARM).push(x)

    assert np.flatnonzero(found.alarm).tolist() == [200, 201]


@pytest.mark.parametrize("sizes", [[0] * 60, [60], [1, 29, 0, 0, 28], [20, 20, 20]])
def test_nothing_depends_on_how_a_signal_is_cut(model, sizes):
    x = walk(60, deviation=3)
    whole = model.stream(adapt=ADAPT, alarm=ALARM).push(x)

    found = cut(model.stream(adapt=ADAPT, alarm=ALARM), x, sizes)

    for part, wanted in zip(found, whole, strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_streams_give_each_key_what_a_stream_alone_gives(model):
    x = {key: walk(40, seed, deviation=2) for seed, key in enumerate("abc")}
    alone = {key: model.stream(adapt=ADAPT, alarm=ALARM).push(rows) for key, rows in x.items()}
    streams = model.streams(adapt=ADAPT, alarm=ALARM)
    found = {key: [] for key in x}

    pushes = [
        {key: rows[:7] for key, rows in x.items()},
        {"a": x["a"][7:9], "b": x["b"][7]},
        {"a": x["a"][9], "b": x["b"][8], "c": x["c"][7]},
        {"a": x["a"][10:], "b": x["b"][9:], "c": x["c"][8:]},
    ]
    for push in pushes:
        for key, part in streams.push(push).items():
            found[key].append(part)

    for key, parts in found.items():
        for part, wanted in zip(joined(parts), alone[key], strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_intervals_adapt_to_noise_that_the_model_does_not_expect(model):
    x = walk(20_000, deviation=2)
    lower, upper = 0, 4  # of the next step, level 95

    y = model.stream(adapt=ADAPT).push(x)
    plain = model.stream().push(x)

    def missed(outputs):
        return ((x[1:, 0] < outputs[:-1, lower]) | (x[1:, 0] > outputs[:-1, upper])).mean()

    assert missed(plain) > 0.3
    assert missed(y) == pytest.approx(0.05, abs=0.96 / (ADAPT * len(x)) + 1e-9)
    np.testing.assert_array_equal(y[:, 5:], plain[:, 5:])
    np.testing.assert_array_equal(y[:, 2], plain[:, 2])
    assert (y[:, 0] <= y[:, 1]).all()
    assert (y[:, 3] <= y[:, 4]).all()


def test_the_first_interval_is_that_of_the_file_and_each_miss_widens_the_next(model):
    stream = model.stream(adapt=ADAPT)

    first, second = stream.push([0.0]), stream.push([9.0])

    np.testing.assert_array_equal(first, model.stream().push([0.0]))
    plain = model.stream().push([9.0])
    assert second[4] - 9 > plain[4] - 9
    after_a_miss = 0.05 + ADAPT * (0.05 - 1)
    wanted = NormalDist().inv_cdf(1 - after_a_miss / 2)
    np.testing.assert_allclose(second[4] - 9, wanted, rtol=1e-6)


def test_a_level_below_zero_has_no_bounds(model):
    stream = model.stream(adapt=0.1)
    stream.push([0.0])

    y = stream.push([9.0])

    assert (y[0], y[4]) == (-np.inf, np.inf)
    assert np.isfinite(y[1:4]).all()


def test_a_saved_state_goes_on_as_if_it_had_not_been_saved(model):
    x = walk(30, deviation=3)
    options = {"adapt": ADAPT, "alarm": ALARM}
    whole = model.stream(**options).push(x)
    stream = model.stream(**options)
    stream.push(x[:13])
    streams = model.streams(**options)
    streams.push({"a": x[:13]})

    continued = [
        model.stream(stream.save(), **options).push(x[13:]),
        stream.fork().push(x[13:]),
        model.streams(streams.snapshot(), **options).push({"a": x[13:]})["a"],
        model.stream(streams.save("a"), **options).push(x[13:]),
    ]

    for found in continued:
        np.testing.assert_array_equal(found.y, whole.y[13:])
        np.testing.assert_array_equal(found.p, whole.p[13:])


def test_states_move_between_watched_streams_and_plain_ones(model):
    x = walk(20)
    plain, watched = model.stream(), model.stream(alarm=ALARM)
    plain.push(x[:10])
    watched.push(x[:10])
    snapshot = model.streams()
    snapshot.push({"a": x[:10]})

    found = model.stream(plain.save(), alarm=ALARM).push(x[10:])

    assert np.isnan(found.p[0])
    assert not np.isnan(found.p[1:]).any()
    wanted = plain.push(x[10:])
    np.testing.assert_array_equal(found.y, wanted)
    np.testing.assert_array_equal(model.stream(watched.save()).push(x[10:]), wanted)
    many = model.streams(snapshot.snapshot(), alarm=ALARM).push({"a": x[10:]})["a"]
    np.testing.assert_array_equal(many.y, wanted)
    assert np.isnan(many.p[0])


def test_a_reset_stream_has_no_forecast_for_its_next_row(model):
    stream, streams = model.stream(alarm=ALARM), model.streams(alarm=ALARM)
    stream.push(walk(5))
    streams.push({"a": walk(5)})

    stream.reset()
    streams.reset("a")

    assert np.isnan(stream.push([9.0]).p)
    assert np.isnan(streams.push({"a": [9.0]})["a"].p)


def test_an_empty_chunk_judges_nothing(model):
    stream = model.stream(alarm=ALARM, adapt=ADAPT)
    stream.push([0.0])

    found = stream.push(np.zeros((0, 1)))

    assert [len(part) for part in found] == [0, 0, 0]
    assert stream.push([9.0]).alarm


def test_a_row_of_two_targets_has_the_smaller_p_value_twice(load):
    stream = load("forecast/two-targets").stream(alarm=ALARM)
    stream.push([0.0, 0.0])

    found = stream.push([0.5, 1.959964])

    assert found.p == pytest.approx(2 * 0.05, rel=1e-4)


def test_a_missing_row_is_not_judged_and_adapts_nothing(model):
    stream = model.stream(adapt=ADAPT, alarm=ALARM)
    stream.push([0.0])

    lost = stream.fork().push([np.nan], nonfinite="propagate")

    assert np.isnan(lost.p)
    assert lost.alarm is False
    assert np.isnan(lost.y).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gru-sequence", {"alarm": 0.01}, "alarm needs a model that forecasts intervals"),
        ("forecast/windowed", {"adapt": 0.01}, "adapt needs a model that forecasts intervals"),
        ("forecast/persistence", {"alarm": 0.0}, "alarm must be a rate between 0 and 1, got 0.0"),
        ("forecast/persistence", {"adapt": 1}, "adapt must be a rate between 0 and 1, got 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(load, name, options, message):
    for start in (load(name).stream, load(name).streams):
        with pytest.raises(UsageError, match=message):
            start(**options)


def test_a_saved_state_with_a_changed_length_is_damaged(model):
    from seqrt.runtime.live.saved_state import pack_state

    for size in (1, 3, 2 + 8 + 1):
        saved = pack_state(model.digest, 1, np.zeros(size, np.float32))
        with pytest.raises(InputError, match="E_STATE: the saved state is damaged"):
            model.stream(saved, alarm=ALARM)
