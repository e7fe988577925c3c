"""Calendar features: the documented formula, held against Python's own calendar."""

from __future__ import annotations

import calendar
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrt.encoding.calendar import calendar_features

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(*moments: datetime) -> np.ndarray:
    return np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments])


def position(cycle: str, moment: datetime) -> tuple[int, int]:
    days = calendar.monthrange(moment.year, moment.month)[1]
    return {
        "minute": (60 * moment.minute + moment.second, 3600),
        "hour": (3600 * moment.hour + 60 * moment.minute + moment.second, 86400),
        "weekday": (moment.weekday(), 7),
        "monthday": (moment.day - 1, days),
        "month": (moment.month - 1, 12),
        "yearday": (moment.timetuple().tm_yday - 1, 366 if calendar.isleap(moment.year) else 365),
    }[cycle]


@pytest.mark.parametrize("cycle", ["minute", "hour", "weekday", "monthday", "month", "yearday"])
@given(st.datetimes(timezones=st.just(UTC)))
def test_features_are_the_sine_and_cosine_of_the_place_in_the_cycle(cycle, moment):
    p, n = position(cycle, moment)

    found = calendar_features(cycle, microseconds(moment))

    angle = 2 * math.pi * p / n
    np.testing.assert_allclose(found, [[math.sin(angle), math.cos(angle)]], atol=1e-15)


@pytest.mark.parametrize("cycle", ["monthday", "month", "yearday"])
def test_every_day_of_two_cycles_of_leap_years_has_its_date(cycle):
    moments = [
        datetime(1599, 12, 31, tzinfo=UTC) + timedelta(days=day) for day in range(2 * 146097 + 2)
    ]
    expected = np.array([position(cycle, moment) for moment in moments[::7]])

    found = calendar_features(cycle, microseconds(*moments[::7]))

    angle = 2 * math.pi * expected[:, 0] / expected[:, 1]
    np.testing.assert_allclose(found, np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-15)


def test_a_moment_before_1970_is_in_the_day_that_it_belongs_to():
    last_second = microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))

    found = calendar_features("hour", last_second)

    angle = 2 * math.pi * 86399 / 86400
    np.testing.assert_allclose(found, [[math.sin(angle), math.cos(angle)]], atol=1e-15)


def test_the_ends_of_a_month_lie_beside_each_other_in_a_short_february():
    first, last = datetime(2023, 2, 1, tzinfo=UTC), datetime(2023, 2, 28, tzinfo=UTC)

    found = calendar_features("monthday", microseconds(first, last))

    np.testing.assert_allclose(found[0], [0, 1], atol=1e-15)
    np.testing.assert_allclose(found[1], [-math.sin(2 * math.pi / 28), math.cos(2 * math.pi / 28)])
