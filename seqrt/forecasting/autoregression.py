"""A ridge autoregression: the strong baseline, linear in the last values of each series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqrt.forecasting.naive import persistence
from seqrt.forecasting.origins import Origins

Numbers = NDArray[np.float64]

_MOST_LAGS = 400
LEAST_LAGS = 12
_ROWS_PER_LAG = 6

# The penalty of a lag, for a history with a standard deviation of 1.
_RIDGE = 1.0


def autoregression(origins: Origins, season: int) -> Numbers:
    """Return forecasts (N, H, K).

    For each series and target, y_t = c + a_1 y_(t-1) + ... + a_p y_(t-p) is fitted once, to the
    rows before the first origin, as a network is; every forecast then reads the last p values. A
    series with fewer than `least_rows` there is persisted.
    """
    found = persistence(origins)
    for group in range(len(origins.judged)):
        for k in range(found.shape[2]):
            history = known_history(origins, group, k)
            if len(history) < least_rows(season):
                continue
            mean, scale = history.mean(), history.std() or 1.0
            weights = fit_autoregression((history - mean) / scale, most_lags(len(history), season))
            part = origins.slice_of(group)
            last = _last_values(origins, part, k, len(weights) - 1)
            found[part, :, k] = iterated((last - mean) / scale, weights, origins.horizon)
            found[part, :, k] = found[part, :, k] * scale + mean
    return found


def least_rows(season: int) -> int:
    """Return the fewest rows of history that a baseline is fitted to: two seasons, or 24."""
    return 2 * max(season, LEAST_LAGS)


def known_history(origins: Origins, group: int, k: int) -> Numbers:
    """Return the last run (t,) of a target before the first origin of a series, from a value on."""
    history = origins.before_first(group, k)
    return history[np.isfinite(history)]


def most_lags(rows: int, season: int) -> int:
    """Return the most lags to fit to so many rows: two seasons and 2, at most a sixth of them."""
    return max(1, min(max(2 * season + 2, LEAST_LAGS), rows // _ROWS_PER_LAG, _MOST_LAGS))


def fit_autoregression(history: Numbers, most: int) -> Numbers:
    """Return the weights (p + 1,) of a standardised history (T,): a_p, ..., a_1 and the constant.

    The order p, up to `most`, is that with the smallest AIC (Akaike 1974,
    doi:10.1109/TAC.1974.1100705) of a least-squares fit to the same rows. The weights of the order
    are then fitted to all rows with a penalty of 1 on the squares of a (Hoerl & Kennard 1970,
    doi:10.1080/00401706.1970.10488634).
    """
    x, y = _lagged(history, most)
    order = order_of(x, y)
    x, y = _lagged(history, order)
    penalty = _RIDGE * np.eye(order + 1)
    penalty[0, 0] = 0
    solved = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    return np.append(solved[:0:-1], solved[0])


def iterated(last: Numbers, weights: Numbers, horizon: int) -> Numbers:
    """Return forecasts (N, H) that continue the last values (N, p), each from those before it."""
    order = len(weights) - 1
    values = np.empty((len(last), order + horizon))
    values[:, :order] = last
    for step in range(horizon):
        values[:, order + step] = values[:, step : order + step] @ weights[:-1] + weights[-1]
    return values[:, order:]


def _lagged(history: Numbers, order: int) -> tuple[Numbers, Numbers]:
    """Return a constant and the last values, the newest first, (n, p + 1), and the next (n,)."""
    windows = np.lib.stride_tricks.sliding_window_view(history, order + 1)
    return np.column_stack([np.ones(len(windows)), windows[:, -2::-1]]), windows[:, -1]


def order_of(x: Numbers, y: Numbers) -> int:
    """Return the number of lags in x (n, P + 1) with the smallest AIC.

    The triangular factor of [x y] has the residuals of every order in its last column: those of p
    lags are the entries below row p.
    """
    factor: Numbers = np.asarray(np.linalg.qr(np.column_stack([x, y]), mode="r"))
    squares = np.cumsum(factor[::-1, -1] ** 2)[::-1]
    residuals = squares[2 : x.shape[1] + 1]  # after the constant and one lag, two, ...
    orders = np.arange(1, x.shape[1])
    smallest = np.finfo(np.float64).tiny
    aic = len(y) * np.log(np.maximum(residuals / len(y), smallest)) + 2 * orders
    return int(orders[aic.argmin()])


def _last_values(origins: Origins, part: slice, k: int, order: int) -> Numbers:
    """Return the last `order` values (N, p) before each origin; before a run, its first value."""
    rows = origins.rows[part, None] - order + np.arange(order)
    first = origins.begin[origins.rows[part] - 1][:, None]
    values: Numbers = origins.filled[np.maximum(rows, first), k]
    last: Numbers = origins.filled[origins.rows[part] - 1, k]
    return np.where(np.isnan(values), last[:, None], values)
