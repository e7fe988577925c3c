"""Zones: offsets from UTC before and after the clocks change."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.encoding.notation.zones import HOUR, is_zone, offset_at_instant, offset_at_wall


def micros(*times):
    return np.array(times, "datetime64[us]").astype(np.int64)


@pytest.mark.parametrize(
    ("wall", "hours"),
    [
        ("2024-01-15T12:00", 1),
        ("2024-07-15T12:00", 2),
        ("2024-03-31T01:59", 1),
        ("2024-03-31T03:00", 2),
        ("2024-10-27T02:30", 2),
        ("2024-10-27T03:00", 1),
        ("1970-07-01T12:00", 1),
    ],
)
def test_the_clock_of_berlin_has_the_offset_of_its_season(wall, hours):
    assert offset_at_wall("Europe/Berlin", micros(wall)).tolist() == [hours * HOUR]


def test_the_clock_shows_an_hour_twice_but_each_instant_has_one_offset():
    instants = micros("2024-10-27T00:30", "2024-10-27T01:30")

    assert offset_at_instant("Europe/Berlin", instants).tolist() == [2 * HOUR, HOUR]


def test_an_abbreviation_with_one_meaning_is_an_offset():
    assert offset_at_wall("CEST", micros("2024-01-15T12:00")).tolist() == [2 * HOUR]
    assert [is_zone(name) for name in ("UTC", "Z", "EDT", "Asia/Tokyo")] == [True] * 4


@pytest.mark.parametrize("name", ["CST", "Mars/Olympus", "Berlin", "../etc/passwd", "/"])
def test_another_name_is_no_zone(name):
    assert not is_zone(name)
