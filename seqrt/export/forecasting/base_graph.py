"""The nodes of the base of a forecast, a mix of the seasons before it.

The equations are those of seqrt.training.networks.forecasting.seasonal_base.
"""

from __future__ import annotations

import numpy as np

from seqrt.export.forecasting.forecaster_graph import ForecasterGraph
from seqrt.export.forecasting.lags_graph import LagNodes
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.forecasting.seasonal_base import ABSENT, SeasonalBase


def append_base(graph: ForecasterGraph, base: SeasonalBase, h: str, read: LagNodes) -> str:
    """Append the base (T, B, H) in the units of z, from h (T, B, U) and the lags."""
    g, n, m, ahead = graph, base.seasons, base.season, base.ahead
    count, mean = _append_means(g, base, read)
    lacking = g.add("Sub", [count, g.scalar(float(m))], "season_lacking")
    absent = g.add("Mul", [lacking, g.scalar(ABSENT / m)], "absent")
    both = g.add("Concat", [absent, absent], "absent_twice", axis=2)
    weight = float32_array(base.weigh.weight).T
    bias = float32_array(base.weigh.bias) + float32_array(base.start.repeat(ahead))
    logits = g.reshaped(
        g.affine(h, weight, bias, "season_logits_flat"), (ahead, 2 * n), "season_rows"
    )
    present = g.add("Add", [logits, g.reshaped(both, (1, 2 * n), "absent_row")], "season_logits")
    weights = g.add("Softmax", [present], "season_weights", axis=-1)
    # the seasons as they were, and moved to the level of the last one
    as_it_was = g.reshaped(read.z, (n, m), "as_it_was")
    rise = g.add("Sub", [g.part(mean, n - 1, n, "last_mean"), mean], "rise_of_seasons")
    moved = g.add("Add", [as_it_was, g.reshaped(rise, (n, 1), "rise_column")], "moved")
    candidates = g.add("Concat", [as_it_was, moved], "candidates", axis=2)
    mixed = g.add("MatMul", [weights, candidates], "mixed")
    whole = g.reshaped(mixed, (ahead * m,), "base_steps")
    return g.part(whole, 0, base.horizon, "base") if ahead * m > base.horizon else whole


def _append_means(graph: ForecasterGraph, base: SeasonalBase, read: LagNodes) -> tuple[str, str]:
    """Append how many values of each season are known, (T, B, n), and their mean."""
    if base.season == 1:
        return read.known, read.z
    g, seasons = graph, np.eye(base.seasons).repeat(base.season, axis=0)
    sums = g.floats("season_sums", seasons)
    count = g.add("MatMul", [read.known, sums], "season_count")
    total = g.add("MatMul", [read.z, sums], "season_total")
    return count, g.add("Div", [total, g.at_least_one(count, "season_count_least")], "season_mean")
