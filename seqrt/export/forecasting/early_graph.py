"""The nodes that widen the first intervals of a series.

The equations are those of seqrt.training.networks.forecasting.early.
"""

from __future__ import annotations

import numpy as np

from seqrt.export.forecasting.forecaster_graph import ForecasterGraph
from seqrt.export.forecasting.lags_graph import LagNodes
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.forecasting.early import UNITS, EarlyGaps


def append_early(
    graph: ForecasterGraph, early: EarlyGaps, read: LagNodes, lags: int, places: list[int]
) -> str:
    """Append what to add to the answers, (T, B, H A), in scaled units.

    `places` are those of the answers among the quantiles.
    """
    g, hats = graph, _append_hats(graph, early, read, lags)
    sums = float32_array(early.sums().unflatten(-1, early.gaps.shape[2:])[..., places])
    sums = sums.reshape(len(early.gaps), len(UNITS), -1)
    sums = sums if early.gaps[-1].any() else sums[:-1]
    amounts = []
    for unit, name in enumerate(UNITS):
        if not sums[:, unit].any():
            continue
        table = g.floats(f"early_gaps_{unit}", sums[:, unit])
        amount = g.add("MatMul", [hats, table], f"early_{unit}")
        measure = {"size": read.size, "scale": read.scale}.get(name)
        amounts.append(g.add("Mul", [amount, measure], f"early_{name}") if measure else amount)
    total = amounts[0]
    for each in amounts[1:]:
        total = g.add("Add", [total, each], f"{each}_more")
    return total


def _append_hats(graph: ForecasterGraph, early: EarlyGaps, read: LagNodes, lags: int) -> str:
    """Append how near the number of known lags is to each knot, (T, B, K).

    Without gaps for flat lags, the last knot is left out.
    """
    g = graph
    starts, rises, ends, falls = (
        g.floats(f"hat_{name}", np.array(each)) for name, each in early.hats._asdict().items()
    )
    known = g.total(read.known, lags, "known_count")
    up = g.add("Div", [g.add("Sub", [known, starts], "past_start"), rises], "rising")
    down = g.add("Div", [g.add("Sub", [ends, known], "before_end"), falls], "falling")
    limits = [g.scalar(0.0), g.scalar(1.0)]
    hats = g.add("Clip", [g.add("Min", [up, down], "hats_raw"), *limits], "hats_of_few")
    if not early.gaps[-1].any():
        return hats
    times = g.add("Div", [read.scale, read.least], "times_least")
    flat = g.add("Clip", [g.add("Sub", [g.scalar(2.0), times], "flat_raw"), *limits], "flat")
    few = g.total(hats, len(early.gaps) - 1, "hats_total")
    last = g.add("Clip", [g.add("Sub", [flat, few], "flat_rest"), *limits], "flat_hat")
    return g.add("Concat", [hats, last], "hats", axis=2)
