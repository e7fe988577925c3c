"""The options of a forecaster: which horizon, season and quantiles it is made for."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Final

from seqrt.contract.manifest import Cell, Missing
from seqrt.errors import UsageError

# Options that older versions did not have: written only where they differ from these.
LATER: Final[dict[str, Any]] = {"knots": (), "floor": None}


@dataclass(frozen=True)
class ForecasterConfig:
    """The arguments of a Forecaster; sizes are in steps.

    `features` counts the columns of x, of which number `target` is forecast, `horizon` steps ahead.
    The network reads the last `seasons` seasons of `season` steps; level and scale are those of the
    last `level_window` steps. `quantiles` are the probabilities that it learns, ascending and
    symmetric around 0.5, and `answers` those that its outputs have. `noise` is added to the
    normalised lags in training, in units of their scale. With `one_chain`, a batch learns from one
    step in each season, drawn anew, and not from every step: that is enough for many series.
    `knots` are the numbers of known lags at which the widths of the first forecasts are given, see
    early; without any, the first intervals are too narrow. No answer is below `floor`, which is in
    raw units.
    """

    features: int = 1
    target: int = 0
    horizon: int = 1
    season: int = 1
    seasons: int = 14
    level_window: int = 14
    cell: Cell = "gru"
    units: int = 32
    dropout: float = 0.1
    noise: float = 0.0
    one_chain: bool = False
    quantiles: tuple[float, ...] = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    answers: tuple[float, ...] = (0.5,)
    missing: Missing = "error"
    knots: tuple[int, ...] = ()
    floor: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError if an option is out of range."""
        for name in ("features", "horizon", "season", "seasons", "level_window", "units"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.target < self.features:
            raise UsageError(
                f"target must be one of the {self.features} features, got number {self.target}."
            )
        if self.level_window > self.lags:
            raise UsageError(
                f"level_window must be at most the {self.lags} steps that are read, got"
                f" {self.level_window}."
            )
        if self.missing == "mean":
            raise UsageError(
                "a forecaster reads missing values as forward or indicator, got mean. Values before"
                " the first known one have no mean to be replaced by."
            )
        if self.knots and (
            self.lags == 1 or self.knots != tuple(sorted({1, *self.knots, self.lags}))
        ):
            raise UsageError(
                f"knots must ascend from 1 to the {self.lags} steps that are read, got"
                f" {self.knots}."
            )
        if self.floor is not None and not math.isfinite(self.floor):
            raise UsageError(f"floor must be a finite number, got {self.floor}.")
        _check_probabilities("quantiles", self.quantiles)
        _check_probabilities("answers", self.answers)
        if not set(self.answers) <= set(self.quantiles):
            raise UsageError(
                f"answers must be among the quantiles that are learnt, got {self.answers}."
            )

    @property
    def lags(self) -> int:
        """L, the number of steps that the network reads at a time."""
        return self.season * self.seasons

    @property
    def median(self) -> int:
        """The place of the median among the quantiles."""
        return len(self.quantiles) // 2


def _check_probabilities(name: str, quantiles: tuple[float, ...]) -> None:
    """Raise UsageError unless probabilities are ascending and symmetric around 0.5."""
    middle = len(quantiles) // 2
    pairs = zip(quantiles, reversed(quantiles), strict=True)
    symmetric = all(abs(low + high - 1) < 1e-9 for low, high in pairs)
    ascending = all(0 < a < b < 1 for a, b in itertools.pairwise(quantiles))
    if len(quantiles) % 2 == 0 or not symmetric or not (ascending or len(quantiles) == 1):
        raise UsageError(
            f"{name} must be ascending, symmetric around 0.5, and contain it, got"
            f" {', '.join(map(str, quantiles)) or 'none'}."
        )
    assert quantiles[middle] == 0.5
