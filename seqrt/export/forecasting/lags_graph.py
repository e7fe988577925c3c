"""The nodes that read a series: its last values at each step, their level, scale and statistics.

The equations are those of seqrt.training.networks.forecasting.lags.
"""

from __future__ import annotations

from typing import NamedTuple

from seqrt.contract import idioms
from seqrt.export.forecasting.forecaster_graph import ForecasterGraph
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.lags import LEAST_SCALE, LEAST_SHARE

# From this many lags on one node picks them all; fewer are cut out one by one, which is faster.
_WINDOWS_FROM = 16


class LagNodes(NamedTuple):
    """The names of what `normalised` returns in torch; `statistics` has one name or two."""

    z: str
    known: str
    level: str
    scale: str
    statistics: list[str]
    size: str
    least: str


class AppendedLags(NamedTuple):
    """The names of the lags of the values, and of those that are known, both (T, B, L).

    `carried` are the next pieces of the state.
    """

    values: str
    known: str
    carried: list[str]

    @classmethod
    def of(cls, graph: ForecasterGraph, now: str, known: str, count: int) -> AppendedLags:
        """Append the last `count` values at each step, oldest first, of two channels (T, B, 1)."""
        if count == 1:
            return cls(now, known, [])
        write = idioms.windows if count >= _WINDOWS_FROM else idioms.taps
        found = [
            write(number, channel, 1, count, start=start)
            for number, (channel, start) in enumerate(
                zip((now, known), graph.starts_of_lags, strict=True)
            )
        ]
        values, there = map(graph.idiom, found)
        return cls(values, there, [each.carried for each in found])


def append_normalised(
    graph: ForecasterGraph, now: str, lags: AppendedLags, config: ForecasterConfig
) -> LagNodes:
    """Append the nodes for the level, scale and statistics of lags (T, B, L), and for z.

    The sums are of differences from the current value `now` (T, B, 1), so that they are as precise
    for a series that is high above 0 as for one around it.
    """
    g, width, first = graph, config.lags, config.lags - config.level_window
    values, known, _ = lags
    count = g.count(known, width, "recent_count", first)
    apart = g.add("Sub", [values, g.add("Mul", [now, known], "now_known")], "apart")
    rise = g.mean(apart, width, count, "rise_to_level", first)
    level = g.add("Add", [now, rise], "level")
    centred = g.add("Sub", [apart, g.add("Mul", [rise, known], "rise_known")], "centred")
    distance = g.add("Abs", [centred], "distance")
    spread = g.mean(distance, width, count, "spread", first)
    size = g.mean(g.add("Abs", [values], "sizes"), width, count, "size", first)
    share = g.add("Mul", [size, g.scalar(LEAST_SHARE)], "size_share")
    least = g.add("Add", [share, g.scalar(LEAST_SCALE)], "least_scale")
    scale = g.add("Add", [spread, least], "scale")
    z = g.add("Div", [centred, scale], "z")
    both = g.add("Add", [scale, size], "scale_and_size")
    statistics = [g.add("Div", [scale, both], "scale_share")]
    if config.lags > config.season:
        statistics.append(_append_seasonal_difference(g, z, known, config))
    return LagNodes(z, known, level, scale, statistics, size, least)


def _append_seasonal_difference(
    graph: ForecasterGraph, z: str, known: str, config: ForecasterConfig
) -> str:
    """Append d / (1 + d), d the mean size of the seasonal differences of known values."""
    g, cut = graph, config.lags - config.season

    def late_and_early(value: str, name: str) -> list[str]:
        late = g.part(value, config.season, config.lags, f"{name}_late")
        return [late, g.part(value, 0, cut, f"{name}_early")]

    pairs = g.add("Mul", late_and_early(known, "known"), "pairs")
    apart = g.add("Sub", late_and_early(z, "z"), "seasons_apart")
    distance = g.add("Abs", [apart], "seasonal_distance")
    counted = g.add("Mul", [distance, pairs], "seasonal_distance_known")
    d = g.mean(counted, cut, g.count(pairs, cut, "pair_count"), "seasonal_difference")
    more = g.add("Add", [d, g.scalar(1.0)], "seasonal_difference_more")
    return g.add("Div", [d, more], "seasonal_share")
