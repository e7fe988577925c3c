"""The outputs of a forecast by step, target and quantile: points and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.contract.quantiles import interval_levels, pair_of
from seqrt.contract.strict_json import manifest_error
from seqrt.errors import UsageError

Array = NDArray[Any]


@dataclass(frozen=True)
class ForecastLayout:
    """How O outputs are H steps of K targets, each with Q quantiles, or 1 number without any."""

    horizon: int
    targets: tuple[str, ...]
    quantiles: tuple[float, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> ForecastLayout:
        """Return the layout of a model's outputs; ModelError if they do not fit its horizon."""
        horizon, quantiles = manifest.horizon or 1, manifest.quantiles
        medians = manifest.outputs[len(quantiles) // 2 :: len(quantiles) or 1]
        each, left = divmod(len(medians), horizon)
        if left or not each:
            raise manifest_error(
                f"needs an output for each of {horizon} steps, got {len(manifest.outputs)} outputs"
            )
        targets = manifest.targets
        if len(targets) != each:
            targets = tuple(column.name.removesuffix("+1") for column in medians[:each])
        return cls(horizon, targets, quantiles)

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the intervals, in percent, from the narrowest to the widest."""
        return interval_levels(self.quantiles)

    def split(self, y: Array) -> Array:
        """Return outputs (..., O) as (..., H, K, Q)."""
        return y.reshape(*y.shape[:-1], self.horizon, len(self.targets), len(self.quantiles) or 1)

    def point(self, y: Array) -> Array:
        """Return the point forecasts (..., H, K) in outputs (..., O): the medians."""
        return self.split(y)[..., len(self.quantiles) // 2]

    def interval(self, y: Array, level: float) -> tuple[Array, Array]:
        """Return the lower and upper ends (..., H, K) of the intervals of one of the `levels`."""
        lower, upper = pair_of(level, self.quantiles)
        return self.split(y)[..., lower], self.split(y)[..., upper]

    def chosen(self, levels: Sequence[float] | None, name: str = "levels") -> tuple[float, ...]:
        """Return the levels asked for, in order, or all of them; UsageError for any other."""
        if levels is None:
            return self.levels
        if not self.quantiles and levels:
            raise UsageError(
                f"{name} needs a model that forecasts intervals, but this one has no quantiles."
                " Train one with: seqrt train DATA --levels 80,95"
            )
        for level in levels:
            if level not in self.levels:
                offered = ", ".join(f"{each:g}" for each in self.levels)
                raise UsageError(
                    f"{name} must be among those of the model, {offered}, got {level:g}."
                )
        return tuple(sorted(set(map(float, levels))))


def check_forecasts(manifest: Manifest, what: str) -> None:
    """Raise UsageError unless a model forecasts; `what` begins the sentence."""
    if manifest.task != "forecast":
        raise UsageError(
            f"{what} needs a model that forecasts, but the task of {manifest.name!r} is"
            f" {manifest.task}. Use predict."
        )


def interval_names(target: str, levels: Sequence[float]) -> list[tuple[str, float, int]]:
    """Return the columns of intervals as statsforecast names them: name, level, and end.

    The end is 0 for the lower and 1 for the upper one::

        >>> [name for name, _, _ in interval_names("sales", [80, 95])]
        ['sales-lo-95', 'sales-lo-80', 'sales-hi-80', 'sales-hi-95']
    """
    lower = [(f"{target}-lo-{level:g}", level, 0) for level in reversed(levels)]
    return lower + [(f"{target}-hi-{level:g}", level, 1) for level in levels]


def named_outputs(manifest: Manifest) -> list[tuple[str, int]]:
    """Return the columns of a prediction, each with the place of its output.

    Of a forecast with quantiles, they are the point forecast of each step and target under its own
    name, followed by the ends of its intervals.
    """
    if not manifest.quantiles:
        return [(column.name, i) for i, column in enumerate(manifest.outputs)]
    count, levels = len(manifest.quantiles), interval_levels(manifest.quantiles)
    found = []
    for first in range(0, len(manifest.outputs), count):
        middle = first + count // 2
        name = manifest.outputs[middle].name
        found.append((name, middle))
        for column, level, end in interval_names(name, levels):
            found.append((column, first + pair_of(level, manifest.quantiles)[end]))
    return found
