"""Model.forecast: what comes after each history, alone or among others, and beyond the horizon."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import seqrt
from seqrt.errors import InputError, UsageError

DAYS = [f"2024-03-{day:02}" for day in range(1, 13)]


@pytest.fixture
def persistence(load):
    return load("forecast/persistence")


@pytest.fixture
def shop(load):
    return load("forecast/shop")


def columns(rows=8, more=1):
    """Columns of the shop: rows with sales, and `more` rows of a plan."""
    rng = np.random.default_rng(3)
    count = rows + more
    return {
        "day": DAYS[:count],
        "sales": [*rng.normal(10, 1, rows), *[None] * more],
        "size": [4.0] * count,
        "store": ["B"] * count,
        "promo": rng.integers(0, 2, count).tolist(),
    }


def quietly(call, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **options)


def test_a_forecast_has_points_and_the_ends_of_each_interval(persistence):
    found = persistence.forecast([4.0, 5.0])

    np.testing.assert_array_equal(found.point, np.full((1, 3, 1), 5, np.float32))
    reach = 1.2815516 * np.sqrt([1, 2, 3])
    np.testing.assert_allclose(found.lower[80][0, :, 0], 5 - reach, rtol=1e-6)
    np.testing.assert_allclose(found.upper[80][0, :, 0], 5 + reach, rtol=1e-6)
    assert (found.levels, found.targets, found.direct) == ((80.0, 95.0), ("sales",), 3)


def test_steps_and_levels_may_be_fewer(persistence):
    found = persistence.forecast([4.0, 5.0], steps=2, levels=[95])

    assert (found.point.shape, found.levels) == ((1, 2, 1), (95.0,))


def test_series_of_any_lengths_have_the_forecasts_that_each_has_alone(load):
    forecaster = load("forecast/shop")
    rng = np.random.default_rng(0)
    features = len(forecaster.manifest.features)
    series = [rng.random((t, features)) for t in (1, 300, 7, 50, 2, 300)]

    together = forecaster.forecast(series)

    for i, x in enumerate(series):
        np.testing.assert_array_equal(together.point[i, :, 0], forecaster.predict([x])[0][-1])


def test_memory_for_the_outputs_is_bounded_by_cutting_in_time(persistence, monkeypatch):
    series = [np.cumsum(np.random.default_rng(i).normal(size=40 + i)) for i in range(9)]
    whole = persistence.forecast(series)

    monkeypatch.setattr("seqrt.runtime.compute.forecast._MOST", 1)

    np.testing.assert_array_equal(persistence.forecast(series).upper[95], whole.upper[95])


def test_a_series_is_given_in_many_forms(persistence):
    x = np.array([[1.0], [2.0]])
    wanted = persistence.forecast(x).point

    for form in (x[:, 0], x.tolist(), x[:, 0].tolist(), [x], x[None], {"sales": [1, 2]}):
        np.testing.assert_array_equal(persistence.forecast(form).point, wanted)
    assert len(persistence.forecast([[1.0, 2.0], [3.0, 4.0, 5.0]]).point) == 2


def test_beyond_the_horizon_the_medians_are_fed_back(load):
    model = load("forecast/windowed")
    x = np.linspace(0, 1, 9)

    with pytest.warns(UserWarning, match="steps 3 to 5 are forecast from the forecasts before"):
        found = model.forecast(x, steps=5)

    window = [*x[-4:]]
    for _ in range(3):
        window += model.predict(np.array(window[-4:])[None, :, None])[0].tolist()
    np.testing.assert_allclose(found.point[0, :, 0], window[4:9], rtol=1e-6)


def test_beyond_the_horizon_a_stream_would_be_fed_the_same(load):
    model = load("forecast/two-targets")
    x = np.random.default_rng(0).random((5, 2)).astype(np.float32)

    found = quietly(model.forecast, [x, x[:3]], steps=7)

    for i, rows in enumerate((x, x[:3])):
        stream, y = model.stream(), []
        stream.push(rows[:-1])
        given = rows[-1:]
        for _ in range(3):
            medians = stream.push(given)[-1].reshape(3, 2, 3)[:, :, 1]
            y.append(medians)
            given = medians
        np.testing.assert_array_equal(found.point[i], np.concatenate(y)[:7])
    assert np.isnan(found.lower[80][:, 3:]).all()


def test_columns_are_continued_by_calendar_plan_and_constants(shop):
    table = columns(rows=6, more=3)

    found = quietly(shop.forecast, table, steps=4)

    stream = shop.stream()
    known = {name: cells[:7] for name, cells in table.items()}
    first = stream.push(shop.encode(known))[-1]
    filled = {**table, "sales": [*table["sales"][:6], *first, 0.0]}
    second = stream.push(shop.encode(filled)[6:8])[-1]
    np.testing.assert_allclose(found.point[0, :, 0], [*first, *second], rtol=1e-6)


def test_history_ends_with_the_last_target_where_a_plan_follows(shop):
    short, long = columns(more=1), columns(more=3)
    long["promo"][:9] = short["promo"]

    np.testing.assert_array_equal(shop.forecast(long).point, shop.forecast(short).point)


def test_what_cannot_be_continued_is_named(shop):
    with pytest.raises(InputError, match=r"E_INPUT_FUTURE: .* needs promo for 3 rows after"):
        shop.forecast(columns(), steps=4)
    with pytest.raises(InputError, match=r"E_INPUT_FUTURE: .* needs promo for 1 row after"):
        shop.forecast(columns(more=0))
    varying = columns(more=3)
    varying["size"][0] = 5.0
    with pytest.raises(InputError, match=r"E_INPUT_FUTURE: .* values of size in the rows between"):
        shop.forecast(varying, steps=4)
    x = shop.encode(columns())
    with pytest.raises(InputError, match=r"E_INPUT_FUTURE: .* weekday that the model reads"):
        shop.forecast(x, steps=4)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([np.zeros(0)], r"history\[0\] has 0"),
        (np.zeros((3, 2)), r"shape \(time, 1\), with the features sales, got \(3, 2\)"),
        ([1.0, np.nan], r"history\[item 0, step 1, feature 0\] is nan .* Fill or drop"),
        ({"price": [1]}, "must have 'sales'"),
    ],
)
def test_a_history_that_does_not_fit_is_refused(persistence, history, message):
    with pytest.raises(InputError, match=message):
        persistence.forecast(history)


def test_a_short_history_is_refused_only_by_a_model_with_a_window(load, persistence):
    assert persistence.forecast([1.0]).point.shape == (1, 3, 1)
    with pytest.raises(InputError, match=r"E_INPUT_SHORT: .* 4 rows, .*; history\[1\] has 3"):
        load("forecast/windowed").forecast([np.zeros(4), np.zeros(3)])


def test_options_that_do_not_fit_are_usage_errors(load, persistence):
    with pytest.raises(UsageError, match="among those of the model, 80, 95, got 99"):
        persistence.forecast([1.0], levels=[99])
    with pytest.raises(UsageError, match="steps must be a whole number from 1, got 0"):
        persistence.forecast([1.0], steps=0)
    with pytest.raises(UsageError, match="needs a model that forecasts"):
        load("gru-last").forecast(np.zeros((2, 2)))


def test_a_forecast_shows_its_sizes(persistence):
    assert repr(persistence.forecast([1.0])) == (
        "<Forecast: 1 series, 3 steps of sales, levels 80, 95>"
    )
    assert isinstance(persistence, seqrt.Model)
