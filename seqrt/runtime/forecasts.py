"""Forecasts after the end of series, as `Model.forecast` returns them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqrt.ahead.forecast import Forecast, forecast_of
from seqrt.ahead.layout import ForecastLayout, check_forecasts
from seqrt.ahead.wide import outputs_of_targets, side_by_side
from seqrt.errors import UsageError
from seqrt.runtime.compute.forecast import forecast_ends
from seqrt.runtime.inputs.history import histories, wide_histories

if TYPE_CHECKING:
    from seqrt.ahead.following import Following
    from seqrt.contract import Manifest
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.workers import Workers


def forecast(
    engine: Engine,
    workers: Workers,
    manifest: Manifest,
    history: Any,
    steps: int | None = None,
    levels: Sequence[float] | None = None,
    after: Following | None = None,
) -> Forecast:
    """Return what comes after `history`; see Model.forecast."""
    check_forecasts(manifest, "forecast")
    if steps is not None and (type(steps) is not int or steps < 1):
        raise UsageError(f"steps must be a whole number from 1, got {steps!r}.")
    layout = ForecastLayout.of(manifest)
    chosen = layout.chosen(levels)
    steps = steps or layout.horizon
    blocks = -(-steps // layout.horizon)
    rows = 0 if after else (blocks - 1) * layout.horizon
    x, found = histories(manifest, history, layout.targets, rows)
    y = forecast_ends(engine, workers, manifest, x, blocks, layout, after or found)
    if wide_histories(manifest, history):
        each = y.reshape(-1, len(manifest.wide), *y.shape[1:]).swapaxes(1, 2)
        layout, y = ForecastLayout.of(side_by_side(manifest)), outputs_of_targets(manifest, each)
    if blocks > 1:
        warnings.warn(
            f"the horizon of the model is {layout.horizon}: steps {layout.horizon + 1} to {steps}"
            " are forecast from the forecasts before them, and have no intervals",
            stacklevel=4,
        )
    return forecast_of(layout, y, steps, chosen)
