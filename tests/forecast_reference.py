"""The reference implementation of a forecaster, in plain float64 numpy, one step at a time.

Like reference.py it follows the equations, uses neither torch nor ONNX, and judges both. Shapes: T
time, D features, U units, H horizon, A answers, Q quantiles, L = n m lags of n seasons of m steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import reference
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Lags(NamedTuple):
    """The last L values, whether each is known, and the units in which `z` has them."""

    z: Array
    known: Array
    level: float
    scale: float
    size: float


def forecaster(
    arrays: dict[str, NDArray[Any]], options: dict[str, Any], x: Array, state: Array
) -> tuple[Array, Array]:
    """Run a forecaster over one sequence x (T, D): return y (T, H A) and the state (S,).

    `arrays` is its state dict in numpy, `options` are the arguments it was made with. The state
    holds h of the last m steps, oldest first, for an LSTM then their C, L - 1 values, whether each
    is known, and with `forward` the last known value of each feature.
    """
    w = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    m, units, missing = options["season"], options["units"], options["missing"]
    parts, before = reference.state_size(options["cell"], units) // units, _length(options) - 1
    ring, values, known, last = np.split(state, np.cumsum([parts * m * units, before, before]))
    chains = list(ring.reshape(parts, m, units).swapaxes(0, 1).reshape(m, -1))
    head = "layer.cells.0."
    cell = {k.removeprefix(head).removesuffix("_l0"): w[k] for k in w if k.startswith(head)}
    y = []
    for x_t in x:
        u = (x_t - w["x_mean"]) / w["x_scale"]
        (filled,), last = reference.fill(u[None], missing, last if len(last) else 0 * u)
        values, known = np.append(values, filled[options["target"]]), np.append(known, 1.0)
        if missing == "indicator":
            known[-1] = 1 - filled[len(u) + options["target"]]
        others = np.delete(filled[: len(u)], options["target"]).clip(-10, 10)
        lags = normalised(values, known, options)
        inputs = [lags.z.clip(-20, 20), statistics(lags, m), others]
        e = np.maximum(w["embed.weight"] @ np.concatenate(inputs) + w["embed.bias"], 0)
        _, end = reference.cell(options["cell"], e[None], chains[0], cell)
        chains = [*chains[1:], end]
        q = quantiles(w, options, lags, end[:units], others)
        places = [options["quantiles"].index(each) for each in options["answers"]]
        y_t = q[:, places].reshape(-1) * w["y_scale"] + w["y_mean"]
        y.append(np.maximum(y_t, options.get("floor", -np.inf)))
        values, known = values[1:], known[1:]
    ring = np.array(chains).reshape(m, parts, units).swapaxes(0, 1).reshape(-1)
    carried = last if missing == "forward" else np.zeros(0)
    return np.array(y), np.concatenate([ring, values, known, carried])


def normalised(values: Array, known: Array, options: dict[str, Any]) -> Lags:
    """level = mean x, scale = mean |x - level| + 0.001 mean |x| + 1e-8, of the known values."""
    there = known == 1
    recent = values[-options["level_window"] :][there[-options["level_window"] :]]
    level = recent.mean() if len(recent) else 0.0
    size = np.abs(recent).mean() if len(recent) else 0.0
    spread = np.abs(recent - level).mean() if len(recent) else 0.0
    scale = spread + 1e-3 * size + 1e-8
    return Lags(np.where(there, (values - level) / scale, 0), known, level, scale, size)


def statistics(lags: Lags, season: int) -> list[float]:
    """scale / (scale + mean |x|), and d / (1 + d) of the mean seasonal difference d of z."""
    z, known = lags.z, lags.known
    apart = [
        abs(z[t] - z[t - season]) for t in range(season, len(z)) if known[t] and known[t - season]
    ]
    d = float(np.mean(apart)) if apart else 0.0
    return [lags.scale / (lags.scale + lags.size), d / (1 + d)]


def base(w: reference.Weights, options: dict[str, Any], lags: Lags, h: Array) -> Array:
    """sum_i (p_i + b_i) z_i + b_i (mean z_n - mean z_i), for each season ahead: (H,)."""
    n, m, horizon = options["seasons"], options["season"], options["horizon"]
    z, known = lags.z.reshape(n, m), lags.known.reshape(n, m)
    mean = [z[i][known[i] == 1].mean() if known[i].any() else 0.0 for i in range(n)]
    absent = np.tile(20 * (known.mean(1) - 1), 2)
    logits = (w["base.weigh.weight"] @ h + w["base.weigh.bias"]).reshape(-1, 2 * n)
    out = []
    for row in logits:
        p, b = np.split(reference.softmax(row + w["base.start"] + absent), 2)
        out.append(sum((p[i] + b[i]) * z[i] + b[i] * (mean[-1] - mean[i]) for i in range(n)))
    return np.concatenate(out)[:horizon]


def quantiles(
    w: reference.Weights, options: dict[str, Any], lags: Lags, h: Array, others: Array
) -> Array:
    """level + scale (mid ± sums of gaps), all quantiles of each step ahead: (H, Q)."""
    horizon, middle = options["horizon"], len(options["quantiles"]) // 2
    r = w["correct.weight"] @ np.concatenate([h, others]) + w["correct.bias"]
    r = r.reshape(horizon, -1)
    mid = base(w, options, lags, h) + r[:, middle]
    linear = lags.z @ w["linear"] + w["linear_offset"]
    linear = linear + (lags.level * w["linear_level"] + w["linear_start"]) / lags.scale
    mid = w["share"] * mid + (1 - w["share"]) * linear
    gaps = (np.maximum(r, 0) + np.exp(np.minimum(r, 0))) * w["widen"]
    q = np.zeros(r.shape)
    for j in range(q.shape[1]):
        offset = gaps[:, middle + 1 : j + 1].sum(1) - gaps[:, j:middle].sum(1)
        q[:, j] = lags.level + lags.scale * (mid + offset)
    return q + (early(w["early.gaps"], options, lags) if options.get("knots") else 0)


def early(gaps: Array, options: dict[str, Any], lags: Lags) -> Array:
    """Amounts (H, Q) beyond the quantiles: gaps (K, U, H, Q) between two knots, summed."""
    knots, middle = options["knots"], gaps.shape[-1] // 2
    flat = np.clip(2 - lags.scale / (1e-3 * lags.size + 1e-8), 0, 1)
    tables = [*gaps[:-1], flat * gaps[-1]]
    units = np.array([1, lags.size, lags.scale])[:, None, None]
    each = np.array([(units * table).sum(0) for table in tables])
    found = np.zeros(gaps.shape[2:])
    for place in np.ndindex(*found.shape):
        found[place] = np.interp(lags.known.sum(), knots, each[:, *place])
    below = -found[:, :middle][:, ::-1].cumsum(1)[:, ::-1]
    above = found[:, middle + 1 :].cumsum(1)
    return np.hstack([below, np.zeros((len(found), 1)), above])


def batch(
    arrays: dict[str, NDArray[Any]],
    options: dict[str, Any],
    x: NDArray[Any],
    lengths: NDArray[Any],
    state: NDArray[Any],
) -> tuple[Array, Array]:
    """Run a forecaster over x (B, T, D), each row for its own length; y is 0 past it."""
    x, ends = np.asarray(x, np.float64), np.asarray(state, np.float64).copy()
    y = np.zeros((*x.shape[:2], options["horizon"] * len(options["answers"])))
    for row, steps in enumerate(lengths):
        y[row, :steps], ends[row] = forecaster(arrays, options, x[row, :steps], ends[row])
    return y, ends


def _length(options: dict[str, Any]) -> int:
    return int(options["season"] * options["seasons"])
