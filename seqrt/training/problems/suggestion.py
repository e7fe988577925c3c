"""Options for a table whose user has named none: target, window, and what to do about gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from seqrt.contract.columns import MOST_LEVELS
from seqrt.data import Table, Timeline
from seqrt.data.understanding.accounting import quoted
from seqrt.data.understanding.profile import Profile
from seqrt.data.understanding.season import season_of
from seqrt.training.problems.from_table import WINDOW
from seqrt.training.problems.options import DataOptions

Profiles = Mapping[str, Profile]

_TARGETS: Final = ("y", "target", "label", "class")
_MOST_CLASSES = 20
_SHORTEST = 8
_ON_WINDOW = "window "
_LONGEST = 400

_HOUR, _DAY, _WEEK, _YEAR = 3_600, 86_400, 7 * 86_400, 366 * 86_400
_SECOND = 1_000_000


@dataclass(frozen=True)
class Suggestion:
    """Options for training on a table, and why: sentences on the choice of target and window.

    `more` are options that may help, each with what it does. `season` is that of the target.
    """

    options: DataOptions
    reasons: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    season: int | None = None

    def for_forecaster(self) -> Suggestion:
        """Return the same for a forecaster, which has no window and finds the season by itself."""
        options = replace(self.options, window=None)
        reasons = tuple(each for each in self.reasons if not each.startswith(_ON_WINDOW))
        if self.season:
            reasons += (f"season {self.season}: rows after which {options.target[0]} repeats",)
        return replace(self, options=options, reasons=reasons)


def suggest(data: Timeline, options: DataOptions, profiles: Profiles) -> Suggestion:
    """Return `options` with target, window, known columns and the policy for gaps filled in.

    What is given stays. There is no target if no column could be one.
    """
    target, guessed = options.target, False
    if not target:
        target, guessed = _target(data, profiles)
    chosen, reasons, season = replace(options, target=target), [], None
    if guessed:
        reasons.append(f"{target[0]} is a guess at the target: name another with --target")
    columns, rows = _plan(data, target, profiles)
    if columns and options.horizon is None and options.task in (None, "forecast"):
        chosen = replace(chosen, future=options.future or columns, horizon=rows)
        known = ", ".join(chosen.future)
        reasons.append(f"the last {rows:,} rows have {known} but no {target[0]}: a plan ahead")
    if options.window is None:
        planned = rows if chosen.future else 0
        window, why, season = _window(data, target, chosen.horizon or 1, planned)
        chosen = replace(chosen, window=window)
        reasons += [why] if target else []
    used = (*target, *(chosen.features or data.table.numeric), *chosen.categories)
    if not chosen.future:
        chosen = _with_policy(chosen, used, profiles)
    return Suggestion(chosen, tuple(reasons), tuple(_more(data, chosen, profiles)), season)


def _target(data: Timeline, profiles: Profiles) -> tuple[tuple[str, ...], bool]:
    """Return the column that looks most like a target, if any, and whether that is a guess.

    One that is called a target comes first. Without a name it is the first column of numbers in a
    table with times, as in exports of measurements, and in others the last column of numbers or
    labels.
    """
    table = data.table
    free = [name for name in table.names if name != table.time and name not in data.series]
    usable = [name for name in free if _can_be_target(table, name, profiles[name])]
    called = [name for name in usable if name.lower() in _TARGETS]
    if called:
        return (called[0],), False
    numbers = [name for name in usable if profiles[name].kind == "number"]
    likely = numbers[:1] if table.time and numbers else usable[-1:]
    return tuple(likely), len(usable) > 1


def _plan(
    data: Timeline, target: tuple[str, ...], profiles: Profiles
) -> tuple[tuple[str, ...], int]:
    """Return the columns that are known in the last rows of every series, and how many rows.

    These rows are a plan: their target is empty, and no other row's is.
    """
    table = data.table
    if len(target) != 1 or not table.columns[target[0]].numeric or not profiles[target[0]].missing:
        return (), 0
    empty = np.isnan(table.columns[target[0]].values)
    ends = data.bounds[1:]
    last = np.maximum.accumulate(np.where(empty, 0, np.arange(table.rows) + 1))[ends - 1]
    rows = int((ends - last).min())
    planned = np.concatenate([np.arange(a, b) for a, b in zip(last, ends, strict=True)])
    if not rows or len(planned) != empty.sum():
        return (), 0
    others = [name for name in table.numeric if name not in (*target, *data.series)]
    known = [name for name in others if np.isfinite(table.columns[name].values[planned]).all()]
    return tuple(known), rows


def _can_be_target(table: Table, name: str, profile: Profile) -> bool:
    if table.columns[name].numeric:
        return profile.low != profile.high
    return profile.kind == "text" and 1 < profile.distinct <= min(_MOST_CLASSES, table.rows // 2)


def _window(
    data: Timeline, target: tuple[str, ...], horizon: int, planned: int
) -> tuple[int, str, int | None]:
    """Return a window in rows, at most what fits twice into the longest run, why, and the season.

    The last `planned` rows of a run have no target.
    """
    runs = data.runs - np.array([0, planned])
    longest = runs[(runs[:, 1] - runs[:, 0]).argmax()] if len(runs) else np.array([0, 0])
    most = max(1, int(longest[1] - longest[0]) // 2 - horizon)
    season = None
    if target and data.table.columns[target[0]].numeric:
        season = season_of(data.table.columns[target[0]].values[slice(*longest)])
    if season is None or season > min(most, _LONGEST):
        if most < WINDOW:
            rows = int(longest[1] - longest[0])
            why = f"the longest run has {rows:,} row{'s' * (rows != 1)}"
            return most, f"{_ON_WINDOW}{most}: {why}", season
        return WINDOW, f"{_ON_WINDOW}{WINDOW}: the usual one, since no season was found", season
    cycles = min(-(-_SHORTEST // season), most // season)
    words = f"{cycles} seasons of" if cycles > 1 else "one season of"
    why = f"{_ON_WINDOW}{cycles * season}: {words} {season} rows in {target[0]}"
    return cycles * season, why, season


def _with_policy(options: DataOptions, used: tuple[str, ...], profiles: Profiles) -> DataOptions:
    """Return options with a policy for missing values, if one of the `used` columns has some."""
    if options.missing == "error" and any(profiles[name].missing for name in used):
        return replace(options, missing="forward")
    return options


def _more(data: Timeline, options: DataOptions, profiles: Profiles) -> Iterator[str]:
    """Yield options that make features of what is otherwise left out."""
    named = (*options.target, *options.features, *options.categories, *data.series)
    known = {*named, data.table.time, *data.table.clocks}
    words = [
        name
        for name, profile in profiles.items()
        if name not in known
        and profile.kind == "text"
        and data.table.columns[name].fault is None
        and 1 < profile.distinct <= min(MOST_LEVELS, data.table.rows / 2)
    ]
    if words:
        yield f"--categories {quoted(*words)} to make features of text"
    cycles = [] if options.calendar else list(_cycles(data))
    if cycles:
        yield f"--calendar {','.join(cycles)} to make features of the time"


def _cycles(data: Timeline) -> Iterator[str]:
    """Yield the cycles of the calendar that the data shows at least a few times."""
    times = data.times
    if times is None or not times.dated or data.table.rows < 2:
        return
    instants = np.asarray(times.instant, np.float64) / _SECOND
    length, steps = float(np.ptp(instants)), np.diff(instants)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else length
    for cycle, longest_step, least in (
        ("hour", 6 * _HOUR, 7 * _DAY),
        ("weekday", _DAY, 6 * _WEEK),
        ("month", 31 * _DAY, 2 * _YEAR),
    ):
        if step <= longest_step and length >= least:
            yield cycle
