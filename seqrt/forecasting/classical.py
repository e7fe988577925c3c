"""AutoETS, AutoARIMA and Theta of the package statsforecast, as further baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import MissingExtraError
from seqrt.forecasting.autoregression import known_history, least_rows
from seqrt.forecasting.naive import persistence
from seqrt.forecasting.origins import Origins

Numbers = NDArray[np.float64]

NAMES: Final = ("AutoETS", "AutoARIMA", "AutoTheta")

# AutoETS has no longer seasons, and AutoARIMA takes minutes for one series with them.
_LONGEST_SEASON = 24


def check_statsforecast() -> None:
    """Raise MissingExtraError if statsforecast is not installed; call it before the work."""
    try:
        import statsforecast  # noqa: F401 - only its presence matters
    except ImportError:
        raise MissingExtraError(
            "AutoETS, AutoARIMA and AutoTheta need statsforecast. Install it with:"
            " pip install 'seqrt[baselines]'"
        ) from None


def classical(
    origins: Origins, season: int, advance: Callable[[int], object] = lambda _: None
) -> Iterator[tuple[str, Numbers]]:
    """Yield the name and the forecasts (N, H, K) of each model.

    A model is chosen and fitted once, on the rows before the first origin of each series, as a
    network is; for later origins the fitted model reads on. Seasons of more than 24 rows are
    ignored by AutoETS and AutoARIMA. A series with too few rows is persisted. `advance` is called
    with the number of forecasts made.
    """
    from statsforecast import models

    short = season if season <= _LONGEST_SEASON else 1
    for name, m in zip(NAMES, (short, short, season), strict=True):
        new_model = partial(getattr(models, name), season_length=m)
        yield name, _forecasts(new_model, origins, season, advance)


def _forecasts(
    new_model: Callable[[], Any], origins: Origins, season: int, advance: Callable[[int], object]
) -> Numbers:
    found = persistence(origins)
    for group in range(len(origins.judged)):
        part = range(len(origins))[origins.slice_of(group)]
        for k in range(found.shape[2]):
            history = known_history(origins, group, k)
            if len(history) < least_rows(season):
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
