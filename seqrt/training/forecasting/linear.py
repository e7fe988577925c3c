"""Linear forecasts from the lags: autoregressions in closed form, and the naive ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# How much the weights of an autoregression are drawn towards zero: as one more row of standard
# size for each of them would do.
_RIDGE = 1.0
_MOST_ORDER = 40
_MOST_ROWS = 100_000
_ROWS_A_WEIGHT = 6


class Linear(NamedTuple):
    """A forecast that is linear in the lags w (L,): y = w A + start, (H,).

    `name` is for people. With `relative`, w is normalised, and y is in the same units.
    """

    name: str
    weights: Doubles
    start: Doubles
    relative: bool = False

    def forecast(self, windows: Doubles) -> Doubles:
        """Return the forecasts (N, H) from lags (N, L)."""
        return windows @ self.weights + self.start


def naive_forecasts(lags: int, horizon: int, seasons: Sequence[int]) -> Iterator[Linear]:
    """Yield persistence, and the value a season ago for each of some seasons up to `lags`."""
    for season in dict.fromkeys((1, *seasons)):
        if season > lags:
            continue
        weights = np.zeros((lags, horizon))
        for step in range(horizon):
            weights[lags - season + step % season, step] = 1
        name = "persistence" if season == 1 else f"the value {season} steps before"
        yield Linear(name, weights, np.zeros(horizon), relative=True)


def autoregressions(
    windows: Doubles, following: Doubles, horizon: int, season: int, *, relative: bool
) -> Iterator[Linear]:
    """Yield autoregressions fitted to lags (N, L) and the values that follow them (N,).

    One has the order with the lowest AIC. With a season, a second one has the lags around it as
    well. Both are ridge regressions; steps ahead are forecast one after the other, each from those
    before it. Akaike 1974, doi:10.1109/TAC.1974.1100705; Hoerl & Kennard 1970,
    doi:10.1080/00401706.1970.10488634.
    """
    if len(windows) > _MOST_ROWS:
        chosen = np.linspace(0, len(windows) - 1, _MOST_ROWS).astype(np.int64)
        windows, following = windows[chosen], following[chosen]
    count, lags = windows.shape
    most = max(1, min(max(2 * season + 2, 12), count // _ROWS_A_WEIGHT, _MOST_ORDER, lags))
    if count <= _ROWS_A_WEIGHT:
        return
    order = _best_order(windows, following, most)
    near = list(range(1, order + 1))
    yield _iterated("autoregression", windows, following, near, horizon, relative)
    around = [lag for n in (1, 2) for lag in range(n * season - 1, n * season + 2)]
    both = sorted({*near, *(lag for lag in around if 0 < lag <= lags)})
    if season > 1 and len(both) > len(near) and count > _ROWS_A_WEIGHT * len(both):
        yield _iterated("seasonal autoregression", windows, following, both, horizon, relative)


def _best_order(windows: Doubles, following: Doubles, most: int) -> int:
    """Return the order with the lowest AIC."""
    design = np.concatenate([windows[:, -most:][:, ::-1], np.ones((len(windows), 1))], axis=1)
    gram, moment = design.T @ design, design.T @ following
    total, count = float(following @ following), len(windows)

    def criterion(order: int) -> float:
        used = [*range(order), most]
        square = gram[np.ix_(used, used)]
        weights = np.linalg.lstsq(square, moment[used], rcond=None)[0]
        left = total - 2 * weights @ moment[used] + weights @ square @ weights
        return count * math.log(max(left / count, 1e-300)) + 2 * order

    return min(range(1, most + 1), key=criterion)


def _iterated(
    name: str,
    windows: Doubles,
    following: Doubles,
    orders: list[int],
    horizon: int,
    relative: bool,
) -> Linear:
    """Fit the weights of some lags; return the forecasts of all steps, each linear in the lags."""
    lags = windows.shape[1]
    read = windows[:, [lags - lag for lag in orders]]
    centre, middle = read.mean(0), following.mean()
    spread = max(float(following.std()), 1e-12)
    z = (read - centre) / spread
    square = z.T @ z + _RIDGE * np.eye(len(orders))
    weights = np.linalg.solve(square, z.T @ ((following - middle) / spread))
    start = middle - centre @ weights
    # each value as a linear form of the lags and 1
    forms = list(np.eye(lags + 1)[:lags])
    for _ in range(horizon):
        step = sum(w * forms[-lag] for w, lag in zip(weights, orders, strict=True))
        forms.append(step + start * np.eye(lags + 1)[lags])
    ahead = np.array(forms[lags:]).T
    return Linear(name, ahead[:lags], ahead[lags], relative)
