"""The sizes of a forecaster, chosen by the number, the length and the season of the series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.steps.step import Step
from seqrt.data.understanding.season import common_season, multiple_of_season, typical_length
from seqrt.training.forecasting.options import ForecastOptions
from seqrt.training.forecasting.sequences import MOST_ROWS
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.early import knots_for

# From this many values on, a network alone learns more than a linear autoregression beside it.
MANY_VALUES = 10_000

# From this many series on, or this many numbers in a layer, each batch learns from one chain of
# every sequence, not from all: the first has examples enough, the second too many for memory.
MANY_SERIES = 32
_MOST_NUMBERS = 1 << 24
_BATCH = 32

_SEASONS = 14
_MOST_LAGS = 1_024
_LEVEL_SEASONS = 7
_NOISE = 0.3
_DROPOUT = 0.1
_LEARNT = ForecasterConfig.quantiles


# The lengths of natural cycles, in the units of a step: the day and the week in microseconds, the
# week and the year in days, in business days, and the year in months.
_DAY = 86_400_000_000
_CYCLES: dict[str, tuple[float, ...]] = {
    "instant": (_DAY, 7 * _DAY),
    "day": (7, 365.25),
    "business day": (5, 261),
    "month": (12,),
}

# A season so near to a natural cycle is that cycle: noise moves its peak by a row.
_NEAR = 0.04


def natural_season(found: int, step: Step | None) -> int:
    """Return the natural cycle near the season that was `found`, or that season.

    >>> natural_season(51, Step("day", 7))
    52
    """
    if step is None or not step.regular:
        return found
    cycles = (round(cycle / step.size) for cycle in _CYCLES.get(step.unit, ()))
    near = [cycle for cycle in cycles if abs(found - cycle) <= _NEAR * cycle]
    return near[0] if near else found


def sizes(
    series: Sequence[NDArray[Any]], options: ForecastOptions, step: Step | None = None
) -> dict[str, Any]:
    """Return season, seasons, level_window and units for the known values of some series.

    With many series the network reads up to 14 seasons and takes its level from the last 7; of a
    single series there are fewer examples, so it reads 3 to 14 seasons, the more the longer it is,
    and at least two more than a longer season has, such as the week beside the day.
    Units grow with the square root of the number of values, from 16 to 128.
    """
    lengths = np.array([len(values) for values in series])
    typical = typical_length(lengths.tolist())
    season = options.season or natural_season(common_season(series) or 1, step)
    season = min(season, max(1, typical // 2))
    many = len(series) > 1
    most = max(2, min(_SEASONS, _MOST_LAGS // season))
    if options.context:
        seasons = -(-options.context // season)
    elif many:
        seasons = int(np.clip(0.6 * typical // season, 2, most))
    else:
        seasons = int(np.clip(typical // (7 * season), 3, most))
        longer = multiple_of_season(series, season) or season
        seasons = min(max(seasons, longer // season + 2), max(seasons, _MOST_LAGS // season))
    if season == 1:
        level = seasons
    else:
        level = season * (_LEVEL_SEASONS if many and seasons >= _LEVEL_SEASONS else min(seasons, 2))
    units = 2 ** int(np.clip(round(math.log2(max(lengths.sum(), 1) ** 0.5 / 2.5)), 4, 7))
    return {"season": season, "seasons": seasons, "level_window": level, "units": units}


def config_for(
    series: Sequence[NDArray[Any]],
    options: ForecastOptions,
    step: Step | None = None,
    *,
    horizon: int,
    **given: Any,
) -> ForecasterConfig:
    """Return the configuration of a forecaster for the known values of some series.

    `given` are fields that the data or the user fixes; None and "auto" leave them to the rules.
    """
    values = sum(map(len, series))
    few = values < MANY_VALUES
    learnt = tuple(sorted({*_LEARNT, *options.quantiles}))
    found = sizes(series, options, step)
    lags = found["season"] * found["seasons"]
    width = 2 * lags + horizon * len(learnt)
    large = min(values, _BATCH * MOST_ROWS) * width > _MOST_NUMBERS
    inferred = {
        **found,
        "horizon": horizon,
        "noise": _NOISE if few else 0.0,
        "dropout": _DROPOUT,
        "one_chain": len(series) >= MANY_SERIES or large,
        "quantiles": learnt,
        "answers": options.quantiles or (0.5,),
        "knots": knots_for(lags, found["season"]) if options.quantiles else (),
    }
    return ForecasterConfig(
        **inferred | {name: value for name, value in given.items() if value is not None}
    )
