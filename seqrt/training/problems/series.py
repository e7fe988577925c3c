"""Built-in series: given by name instead of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

ROWS: Final = 1200


def mackey_glass(seed: int, rows: int = ROWS, every: int = 6) -> Series:
    """Return Mackey and Glass's model of blood cells, chaotic at a delay of 17, in `rows` rows.

        dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)

    Euler's method with ten steps per unit of time, from a past drawn by `seed` around 1.2; the
    first 200 rows are dropped. A row is taken `every` units; six is the usual sampling, since with
    one a straight line through the last rows would forecast the next almost exactly.

    Mackey & Glass 1977, doi:10.1126/science.267326.
    """
    skipped, delay, steps = 200, 17, 10
    past = 1.2 + 0.1 * np.random.default_rng(seed).uniform(-1, 1, delay * steps)
    x = np.concatenate([past, np.empty((skipped + rows) * every * steps)])
    for t in range(len(past), len(x)):
        delayed = x[t - delay * steps]
        x[t] = x[t - 1] + (0.2 * delayed / (1 + delayed**10) - 0.1 * x[t - 1]) / steps
    return x[len(past) + skipped * every * steps :: every * steps]


def sine_mix(seed: int, rows: int = ROWS) -> Series:
    """Return three sines with incommensurable periods plus noise; `seed` draws phases and noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows, dtype=np.float64)
    waves = ((1.0, 12.0), (0.7, 12.0 * np.sqrt(5)), (0.4, 12.0 * np.pi))
    phases = rng.uniform(0, 2 * np.pi, len(waves))
    mix = sum(
        size * np.sin(2 * np.pi * t / period + phase)
        for (size, period), phase in zip(waves, phases, strict=True)
    )
    return np.asarray(mix) + 0.05 * rng.standard_normal(rows)


SERIES: Final[dict[str, Callable[[int, int], Series]]] = {
    "mackey-glass": mackey_glass,
    "sine-mix": sine_mix,
}
