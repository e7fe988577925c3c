"""Each row judged by the forecast made at the row before: its p-value, and intervals that adapt.

The intervals of the next step adapt to how often they missed, by adaptive conformal inference
(Gibbs and Candes 2021, arXiv:2106.00543). The interval of level 1 - a is that of level 1 - a_t:

    a_(t+1) = a_t + rate (a - miss_t)        miss_t = 1 if row t is outside its interval, else 0

Over n rows, the share of misses is within (max(a, 1 - a) + rate) / (rate n) of a for any data.
Where a_t is 0 or less, the interval has no bounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.following import slots_of
from seqrt.ahead.layout import ForecastLayout
from seqrt.ahead.normal_scores import NormalScores, p_values, upper_scores
from seqrt.contract import Manifest
from seqrt.contract.quantiles import pair_of
from seqrt.errors import UsageError

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]


class JudgedRows(NamedTuple):
    """Outputs y, and for each row its p-value and whether it is an alarm.

    A p-value is NaN where nothing was forecast for the row, or its target is missing.
    """

    y: Any
    p: Any
    alarm: Any


class Watch:
    """Judges the rows of streams of one model; the memory (N, M) of N streams goes in and out.

    The memory of a new stream is zeros. It holds whether there was a row, the quantiles (K, Q)
    forecast for the next row, and how far the level of each interval (K, L) has moved.
    """

    def __init__(
        self, manifest: Manifest, adapt: float | None = None, alarm: float | None = None
    ) -> None:
        """Adapt the intervals of the next step by the rate `adapt`; flag rows with p < `alarm`.

        Raises UsageError for a rate outside 0 to 1, and for a model without what this needs.
        """
        for name, rate in (("adapt", adapt), ("alarm", alarm)):
            if rate is not None and not 0 < rate < 1:
                raise UsageError(f"{name} must be a rate between 0 and 1, got {rate!r}.")
        name = "adapt" if alarm is None else "alarm"
        layout = ForecastLayout.of(manifest)
        slots = slots_of(manifest, layout.targets)
        if manifest.task != "forecast" or not manifest.quantiles or manifest.head != "sequence":
            raise UsageError(
                f"{name} needs a model that forecasts intervals at every row, and"
                f" {manifest.name!r} does not. Train one with: seqrt train DATA --levels 80,95"
            )
        if {slot.target for slot in slots} != set(range(len(layout.targets))):
            raise UsageError(
                f"{name} compares each row with its forecast, but {manifest.name!r} does not read"
                f" its targets, {', '.join(layout.targets)!s:.60}, as features."
            )
        self.adapt, self.alarm = adapt, alarm
        self._layout = layout
        slots = tuple(sorted(slots, key=lambda slot: slot.target))
        self._features = [slot.feature for slot in slots]
        self._offsets = np.array([slot.offset for slot in slots], np.float64)
        self._scores = NormalScores(layout.quantiles)
        self._floor = manifest.floor
        self._nominal = 1 - np.array(layout.levels) / 100
        pairs = [pair_of(level, layout.quantiles) for level in layout.levels]
        self._ends = [lower for lower, _ in pairs] + [upper for _, upper in pairs]
        self.size = memory_size(manifest)

    def follow(self, memory: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Numbers]:
        """Return the next memory (N, M), outputs that adapt (N, T, O), and p-values (N, T).

        x (N, T, D) are the rows and y (N, T, O) the outputs of the model for them.
        """
        if not y.shape[1]:
            return memory, y, np.zeros(y.shape[:2])
        forecast = self._layout.split(y)[:, :, 0]
        seen, last, moved = self._parts(memory)
        before = np.concatenate([last[:, None], forecast[:, :-1]], axis=1)
        observed = x[:, :, self._features].astype(np.float64) + self._offsets
        p = p_values(self._scores.score(before, observed))
        p[~seen, 0] = np.nan
        if self.adapt is not None:
            levels, moved = self._adapted_levels(p, moved, self.adapt)
            y = self._adapted(y, forecast, levels)
        parts = np.ones((len(x), 1)), forecast[:, -1], moved
        flat = [part.reshape(len(x), -1).astype(np.float32) for part in parts]
        return np.concatenate(flat, axis=1), y, joined_p(p)

    def alarms(self, p: Numbers) -> NDArray[np.bool_]:
        """Return which rows are alarms."""
        assert self.alarm is not None
        with np.errstate(invalid="ignore"):
            return np.asarray(p < self.alarm)

    def _parts(self, memory: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Return whether there was a row (N,), quantiles (N, K, Q), and moves (N, K, L)."""
        targets, count = len(self._layout.targets), len(self._layout.quantiles)
        last = memory[:, 1 : 1 + targets * count].reshape(-1, targets, count)
        moved = memory[:, 1 + targets * count :].reshape(-1, targets, len(self._nominal))
        return memory[:, 0] > 0, last, moved

    def _adapted_levels(self, p: Numbers, moved: Floats, rate: float) -> tuple[Numbers, Floats]:
        """Return a_t for the row after each of T rows (N, T, K, L), and the last moves (N, K, L).

        They are rounded to float32 at every row, as the memory is, so that cuts change nothing.
        """
        used = self._levels_at(moved)
        found = np.empty((*p.shape, len(self._nominal)))
        for t in range(p.shape[1]):
            row = p[:, t, :, None]
            step = rate * (self._nominal - (row < used))
            moved = np.where(np.isnan(row), moved, moved + step).astype(np.float32)
            found[:, t] = used = self._levels_at(moved)
        return found, moved

    def _levels_at(self, moved: Floats) -> Numbers:
        """Return a_t (N, K, L); that of a wider interval is never larger."""
        levels = self._nominal + moved.astype(np.float64)
        return np.asarray(np.minimum.accumulate(levels, axis=-1))

    def _adapted(self, y: Floats, forecast: Floats, levels: Numbers) -> Floats:
        """Return y with the intervals of the next step at a_t; unchanged where a_t is a."""
        y = y.copy()
        z = upper_scores(levels)
        ends = self._scores.value(forecast[..., None, :], np.concatenate([-z, z], axis=-1))
        if self._floor is not None:
            ends = np.maximum(ends, self._floor)
        same = np.tile(levels == self._nominal, 2)
        following = self._layout.split(y)[:, :, 0]
        following[..., self._ends] = np.where(same, forecast[..., self._ends], ends)
        return y


def memory_size(manifest: Manifest) -> int:
    """Return M, the numbers that a watched stream of a model remembers besides its state."""
    count = len(manifest.quantiles)
    if not count:
        return 0
    targets = len(ForecastLayout.of(manifest).targets)
    return 1 + targets * (count + count // 2)


def joined_p(p: Numbers) -> Numbers:
    """Return the p-value of each row (N, T) from those of K targets (N, T, K), by Bonferroni."""
    known = (~np.isnan(p)).sum(axis=-1)
    least = np.where(np.isnan(p), np.inf, p).min(axis=-1)
    return np.where(known > 0, np.minimum(1.0, known * np.where(known > 0, least, 1.0)), np.nan)
