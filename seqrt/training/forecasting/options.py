"""The options of a forecaster that a plan may give; the others are inferred from the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import UsageError

Method = Literal["auto", "forecaster", "plain"]
NO_FLOOR: Final = "none"
_WIDEST = 99.9


@dataclass(frozen=True)
class ForecastOptions:
    """Which network forecasts, and what it is told; None and () mean: infer it from the data.

    `method` is "forecaster" for the network with its own level, scale and season (see
    networks.forecasting), and "plain" for a stack of layers over windows. `season` and `context`,
    the rows that the forecaster reads at a time, are in rows. `levels` are those of the prediction
    intervals, in percent. No forecast is below `floor`; "none" is for none.
    """

    method: Method = "auto"
    season: int | None = None
    context: int | None = None
    levels: tuple[float, ...] = ()
    floor: float | Literal["none"] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError if an option is out of range; sort the levels."""
        if self.method not in get_args(Method):
            raise UsageError(
                f"recipe must be one of {', '.join(get_args(Method))}, got {self.method!r}."
            )
        for name in ("season", "context"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1 row, got {value}.")
        if isinstance(self.floor, str) and self.floor != NO_FLOOR:
            raise UsageError(f"floor must be a number, none or auto, got {self.floor!r}.")
        for level in self.levels:
            if not 0 < level <= _WIDEST:
                raise UsageError(
                    f"levels must be above 0 and at most {_WIDEST} percent, got {level:g}."
                )
        object.__setattr__(self, "levels", tuple(sorted({float(level) for level in self.levels})))

    def with_method(self, method: Method) -> ForecastOptions:
        """Return the options with the method decided."""
        return replace(self, method=method)

    def floor_of(self, values: NDArray[np.float64]) -> float | None:
        """Return the floor for the target's values in training: that given, or 0, or none.

        It is 0 where no value is negative and some are 0, as of counts and sales.
        """
        if self.floor is not None:
            return None if isinstance(self.floor, str) else float(self.floor)
        known = values[~np.isnan(values)]
        return 0.0 if len(known) and known.min() == 0 else None

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the levels ask for, with the median; () without levels."""
        if not self.levels:
            return ()
        tails = [round((100 - level) / 200, 9) for level in reversed(self.levels)]
        return (*tails, 0.5, *(round(1 - tail, 9) for tail in reversed(tails)))
