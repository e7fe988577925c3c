"""The training sequences of a forecaster: whole runs of series, with the future of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.data.ragged import Floats, Ragged
from seqrt.data.runs import Runs
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.lags import lags, normalised

Doubles = NDArray[np.float64]

# A longer run is cut, so that a batch of pieces fits into memory. Each piece repeats the rows
# before it that it reads as lags.
MOST_ROWS = 1024


def pieces(runs: Runs, lead: int, readable: Runs) -> NDArray[np.int64]:
    """Cut runs into pieces (P, 3): the first row to read, the first to learn from, and the end.

    A piece reads at most `lead` rows before those it learns from, all in the same `readable` run.
    """
    owner = readable[np.searchsorted(readable[:, 0], runs[:, 0], side="right") - 1, 0]
    found = [
        (max(least, start - lead), start, min(start + MOST_ROWS, end))
        for (first, end), least in zip(runs.tolist(), owner.tolist(), strict=True)
        for start in range(first, end, MOST_ROWS)
    ]
    return np.array(found, np.int64).reshape(-1, 3)


def before_unknown(cut: NDArray[np.int64], x: Floats) -> NDArray[np.int64]:
    """End pieces (P, 3) before the first row of x (T, D) with a NaN that they would learn from.

    Such are the last rows of a run, for which values known ahead lie beyond the table.
    """
    unknown = np.append(np.flatnonzero(np.isnan(x).any(axis=1)), len(x))
    ends = np.minimum(cut[:, 2], unknown[np.searchsorted(unknown, cut[:, 1])])
    known = cut[:, 1] < ends
    found: NDArray[np.int64] = np.stack([*cut[:, :2].T, ends], axis=1)[known]
    return found


def targets_of(
    cut: NDArray[np.int64],
    runs: Runs,
    values: Doubles,
    among: NDArray[np.bool_],
    config: ForecasterConfig,
) -> list[Floats]:
    """Return for each piece its targets and their scale, a row per row of the table: (n, H + 1).

    `values` (T,) is the target in scaled units, NaN where it is missing. A row's targets are the
    next H values of its run `among` (T,) those that may be looked at, and NaN elsewhere; rows that
    a piece only reads, and those before there is a season to read, have none. The scale is that of
    the row's lags, see networks.forecasting.lags.
    """
    horizon, least = config.horizon, min(config.lags, max(config.season, 2))
    known = np.where(among, values, np.nan)
    ends = runs[np.searchsorted(runs[:, 0], cut[:, 1], side="right") - 1]
    found = []
    for (first, start, end), (run_first, run_end) in zip(cut.tolist(), ends.tolist(), strict=True):
        future = np.full((end - first, horizon), np.nan)
        begin = max(start, run_first + least - 1)
        if begin < end:
            ahead = np.full(end - begin + horizon, np.nan)
            there = known[begin + 1 : min(run_end, end + horizon)]
            ahead[: len(there)] = there
            future[begin - first :] = np.lib.stride_tricks.sliding_window_view(ahead, horizon)[
                : end - begin
            ]
        scale = scales(values[first:end], config)
        found.append(np.concatenate([future, scale[:, None]], axis=1).astype(np.float32))
    return found


def scales(values: Doubles, config: ForecasterConfig) -> Doubles:
    """Return the scale of the lags at each of some rows (n,) that begin a sequence."""
    there = ~np.isnan(values)
    rows = torch.from_numpy(np.stack([np.where(there, values, 0.0), there.astype(np.float64)]))
    read = lags(rows, config.level_window)
    scale: Doubles = normalised(read[0], read[1], config.level_window, config.level_window)[
        3
    ].numpy()[:, 0]
    return scale


def ragged(x: Floats, cut: NDArray[np.int64]) -> Ragged:
    """Return the rows of each piece as a sequence of x (T, D), without copying them."""
    return Ragged(np.ascontiguousarray(x), cut[:, 0], cut[:, 2] - cut[:, 0])


def origins(y: list[Any]) -> NDArray[np.bool_]:
    """Return which rows of all pieces have all of their targets (N,)."""
    complete: NDArray[np.bool_] = ~np.isnan(np.concatenate(y)).any(axis=1)
    return complete
