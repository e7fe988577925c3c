"""Which output of a forecasting model is the point forecast, and which a quantile, of which step.

Outputs are named after the target and the step, as `sales+1`; a quantile also has its level, as
`sales+1@0.1`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import ModelError

_NAME = re.compile(r"(?P<target>.*)\+(?P<step>[1-9]\d*)(?:@(?P<level>0?\.\d+))?\Z", re.DOTALL)
_MEDIAN = 0.5


@dataclass(frozen=True, eq=False)
class ForecastOutputs:
    """The places of a model's outputs: `points` (H, K), and `quantiles` (Q, H, K) at `levels` (Q,).

    The levels rise. A model without a point forecast has the median in its place.
    """

    points: NDArray[np.int64]
    levels: tuple[float, ...]
    quantiles: NDArray[np.int64]

    @classmethod
    def of(cls, names: Sequence[str], horizon: int) -> ForecastOutputs:
        """Find the outputs by their names; without levels they are in order, step by step.

        Raises ModelError if the outputs of a step or a level are incomplete.
        """
        found = [_NAME.match(name) for name in names]
        leveled = [match["level"] for match in found if match and match["level"]]
        if not leveled:
            if len(names) % horizon:
                raise _incomplete(names, horizon)
            points = np.arange(len(names)).reshape(horizon, -1)
            return cls(points, (), np.empty((0, *points.shape), np.int64))
        places = {}
        for place, match in enumerate(found):
            if match:
                level = float(match["level"]) if match["level"] else None
                places[match["target"], int(match["step"]), level] = place
        targets = tuple(dict.fromkeys(target for target, _, _ in places))
        levels = tuple(sorted({float(level) for level in leveled}))
        try:
            grid = [[[places[t, h + 1, level] for t in targets] for h in range(horizon)]
                    for level in levels]  # fmt: skip
            middle = None if any(level is None for _, _, level in places) else _MEDIAN
            steps = [[places[t, h + 1, middle] for t in targets] for h in range(horizon)]
        except KeyError:
            raise _incomplete(names, horizon) from None
        return cls(np.array(steps), levels, np.array(grid))

    @property
    def intervals(self) -> tuple[tuple[int, int, float], ...]:
        """The places of the lower and the upper end among the levels, and the share between."""
        pairs = []
        for low, level in enumerate(self.levels):
            high = next(
                (i for i, other in enumerate(self.levels) if abs(level + other - 1) < 1e-9), None
            )
            if level < _MEDIAN and high is not None:
                pairs.append((low, high, round(1 - 2 * level, 9)))
        return tuple(pairs)


def _incomplete(names: Sequence[str], horizon: int) -> ModelError:
    shown = ", ".join(names[:6])
    return ModelError(
        f"E_MODEL_MANIFEST: a model that forecasts {horizon} steps must have an output for each"
        f" target and step, as sales+1, and at each level, as sales+1@0.1; got {shown}."
    )
