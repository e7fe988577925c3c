"""Built-in series obey their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training.problems.series import SERIES, mackey_glass, sine_mix


def test_mackey_glass_obeys_its_equation():
    x = mackey_glass(seed=0, every=1)

    slope = (x[18:] - x[16:-2]) / 2
    delayed = x[:-18]
    right = 0.2 * delayed / (1 + delayed**10) - 0.1 * x[17:-1]
    assert np.abs(slope - right).max() < 0.02
    assert 0.2 < x.min() < 0.6 < 1.2 < x.max() < 1.5


def test_a_straight_line_does_not_forecast_mackey_glass():
    x = mackey_glass(seed=0)
    past = np.lib.stride_tricks.sliding_window_view(x[:-1], 10)

    a, *_ = np.linalg.lstsq(np.column_stack([past, np.ones(len(past))]), x[10:], rcond=None)

    error = x[10:] - np.column_stack([past, np.ones(len(past))]) @ a
    assert error.var() > 0.05 * x.var()


def test_the_sine_mix_has_three_periods():
    power = np.abs(np.fft.rfft(sine_mix(seed=0) * np.hanning(1200))) ** 2

    peaks = [i for i in range(1, 600) if power[i] == power[max(0, i - 3) : i + 4].max()]
    strongest = sorted(1200 / i for i in sorted(peaks, key=lambda i: power[i])[-3:])
    assert strongest == pytest.approx([12.0, 12 * np.sqrt(5), 12 * np.pi], rel=0.02)


@pytest.mark.parametrize("name", sorted(SERIES))
def test_a_seed_gives_the_same_series_and_another_gives_another(name):
    make = SERIES[name]

    np.testing.assert_array_equal(make(3), make(3))
    assert not np.array_equal(make(3), make(4))
    assert np.isfinite(make(3)).all()
