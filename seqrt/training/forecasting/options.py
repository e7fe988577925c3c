"""The options of a forecaster that a plan may give; the others are inferred from the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from seqrt.errors import UsageError

Method = Literal["auto", "forecaster", "plain"]
_WIDEST = 99.9


@dataclass(frozen=True)
class ForecastOptions:
    """Which network forecasts, and what it is told; None and () mean: infer it from the data.

    `method` is "forecaster" for the network with its own level, scale and season (see
    networks.forecasting), and "plain" for a stack of layers over windows. `season` and `context`,
    the rows that the forecaster reads at a time, are in rows. `levels` are those of the prediction
    intervals, in percent.
    """

    method: Method = "auto"
    season: int | None = None
    context: int | None = None
    levels: tuple[float, ...] = ()

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
        for level in self.levels:
            if not 0 < level <= _WIDEST:
                raise UsageError(
                    f"levels must be above 0 and at most {_WIDEST} percent, got {level:g}."
                )
        object.__setattr__(self, "levels", tuple(sorted({float(level) for level in self.levels})))

    def with_method(self, method: Method) -> ForecastOptions:
        """Return the options with the method decided."""
        return replace(self, method=method)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the levels ask for, with the median; () without levels."""
        if not self.levels:
            return ()
        tails = [round((100 - level) / 200, 9) for level in reversed(self.levels)]
        return (*tails, 0.5, *(round(1 - tail, 9) for tail in reversed(tails)))
