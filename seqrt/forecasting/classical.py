"""AutoETS, AutoARIMA, AutoTheta and MSTL of the package statsforecast, as further baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import MissingExtraError
from seqrt.forecasting.autoregression import known_history, least_rows
from seqrt.forecasting.naive import longer_season, persistence
from seqrt.forecasting.origins import Origins

Numbers = NDArray[np.float64]

NAMES: Final = ("AutoETS", "AutoARIMA", "AutoTheta", "MSTL")

# AutoETS has no longer seasons, and AutoARIMA takes minutes for one series with them.
_LONGEST_SEASON = 24


def check_statsforecast() -> None:
    """Raise MissingExtraError if statsforecast is not installed; call it before the work."""
    try:
        import statsforecast  # noqa: F401 - only its presence matters
    except ImportError:
        raise MissingExtraError(
            "AutoETS, AutoARIMA, AutoTheta and MSTL need statsforecast. Install it with:"
            " pip install 'seqrt[baselines]'"
        ) from None


def classical(
    origins: Origins, season: int, advance: Callable[[int], object] = lambda _: None
) -> Iterator[tuple[str, Numbers]]:
    """Yield the name and the forecasts (N, H, K) of each model.

    A model is chosen and fitted once, on the rows before the first origin of each series, as a
    network is; for later origins the fitted model reads on. Seasons of more than 24 rows are
    ignored by AutoETS and AutoARIMA. MSTL (Bandara, Hyndman & Bergmeir 2021, arXiv:2107.13462) also
    takes a longer season, the week beside the day, and is left out where there is no season. A
    series with too few rows is persisted. `advance` is called with the number of forecasts made.
    """
    from statsforecast import models

    short = season if season <= _LONGEST_SEASON else 1
    longer = longer_season(origins, season) if season > 1 else None
    seasons = [season, longer] if longer else [season]
    for name, m in zip(NAMES, (short, short, season, seasons), strict=True):
        if name == "MSTL" and season == 1:
            advance(len(origins) * origins.values.shape[1])
            continue
        new_model = partial(getattr(models, name), season_length=m)
        least = least_rows(max(seasons) if name == "MSTL" else season)
        yield name, _forecasts(new_model, origins, least, advance)


def _forecasts(
    new_model: Callable[[], Any], origins: Origins, least: int, advance: Callable[[int], object]
) -> Numbers:
    """Return the forecasts of a model; it is fitted to a history of at least so many rows."""
    found = persistence(origins)
    for group in range(len(origins.judged)):
        part = range(len(origins))[origins.slice_of(group)]
        for k in range(found.shape[2]):
            history = known_history(origins, group, k)
            if len(history) < least:
                advance(len(part))
                continue
            model = new_model()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(history)
                for place in part:
                    row = origins.rows[place]
                    so_far = origins.filled[origins.begin[row - 1] : row, k]
                    so_far = so_far[np.isfinite(so_far)]
                    found[place, :, k] = model.forward(so_far, origins.horizon)["mean"]
                    advance(1)
    return found
