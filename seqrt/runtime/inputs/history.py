"""The past of several series, as a program passes it to `Model.forecast`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.ahead.following import Following, farthest, following, known_ahead, unplanned
from seqrt.ahead.wide import are_wide, of_target
from seqrt.encoding.clock import wall_times
from seqrt.encoding.encoder import encode
from seqrt.encoding.given import column_of
from seqrt.errors import InputError
from seqrt.numbers import checked_cast
from seqrt.runtime.inputs.arrays import as_array
from seqrt.runtime.inputs.columns import cells_of, encode_columns, inputs_given

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.contract import Manifest


class History(NamedTuple):
    """One series: its features x (T, D), and what is known of the M rows after it.

    `planned` (M, D) has the features of a plan, and `wall` (M + A,) the times on the clock.
    """

    x: Any
    planned: NDArray[np.float64] | None = None
    wall: NDArray[np.int64] | None = None


def histories(
    manifest: Manifest, given: Any, targets: Sequence[str], rows: int
) -> tuple[list[Any], Following | None]:
    """Return the features (T_i, D) of each series, and those of the `rows` after each if any.

    Raises InputError for what is no series, and for features that cannot be continued.
    """
    series = _as_list(given, len(manifest.features))
    found = [each for one in series for each in _histories(manifest, one, targets, rows)]
    x = [each.x for each in found]
    if not rows or not x or any(len(item) == 0 for item in x):
        return x, None
    planned, walls = [each.planned for each in found], [each.wall for each in found]
    plan = None if any(each is None for each in planned) else np.array(planned)
    wall = None if any(each is None for each in walls) else np.array(walls)
    return x, following(manifest, targets, x, rows, planned=plan, wall=wall)


def _as_list(given: Any, features: int) -> list[Any]:
    """Return the series that are given, one or several."""
    if _is_table(given):
        return [given]
    if isinstance(given, list | tuple):
        return [np.asarray(given)] if _is_one(given, features) else list(given)
    array = as_array(given, "history")
    return list(array) if array.ndim == len("BTD") else [array]


def _is_one(given: Sequence[Any], features: int) -> bool:
    """Whether a list is one series: of numbers, or of rows that are lists of its features."""
    if not given or isinstance(given[0], Mapping | np.ndarray):
        return False
    if np.ndim(given[0]) == 0:
        return True
    return all(isinstance(row, list | tuple) and len(row) == features for row in given)


def wide_histories(manifest: Manifest, given: Any) -> bool:
    """Return whether all histories have the wide columns of a model.

    Raises InputError (E_INPUT_COLUMN) if only some do.
    """
    series = _as_list(given, len(manifest.features)) if manifest.wide else []
    wide = {_is_table(each) and are_wide(manifest, each) for each in series}
    if len(wide) > 1:
        raise InputError(
            "E_INPUT_COLUMN: histories must all have the wide columns of the model,"
            f" {', '.join(manifest.wide)!s:.80}, or none of them. Pass the others on their own."
        )
    return wide == {True}


def _histories(
    manifest: Manifest, given: Any, targets: Sequence[str], rows: int
) -> Iterator[History]:
    """Yield a history, or that of each target in wide columns, from its first value on."""
    if not (_is_table(given) and are_wide(manifest, given)):
        yield _history(manifest, given, targets, rows)
        return
    for name in manifest.wide:
        known = ~np.isnan(column_of(given[name], f"columns[{name!r}]").values)
        first = int(known.argmax()) if known.any() else len(known)
        yield _of_columns(of_target(manifest, name), given, manifest.wide, rows, first)


def _is_table(given: Any) -> bool:
    return isinstance(given, Mapping) or hasattr(given, "columns")


def _history(manifest: Manifest, given: Any, targets: Sequence[str], rows: int) -> History:
    if _is_table(given):
        return _of_columns(manifest, given, targets, rows)
    array = as_array(given, "history")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != len("TD") or array.shape[1] != len(manifest.features):
        names = ", ".join(column.name for column in manifest.features)
        raise InputError(
            f"E_INPUT_SHAPE: a history must have shape (time, {len(manifest.features)}), with the"
            f" features {names!s:.80}, got {as_array(given, 'history').shape}. Pass a list for"
            " several series, or the columns of a table as a mapping."
        )
    return History(checked_cast("history", array, np.float32))


def _of_columns(
    manifest: Manifest,
    columns: Mapping[str, Any],
    targets: Sequence[str],
    rows: int,
    first: int = 0,
) -> History:
    """Return the history in columns from row `first` on.

    It ends where the targets do if some columns are known ahead.
    """
    known = [name for name in known_ahead(manifest) if name in columns]
    ends = [name for name in targets if name in columns]
    if not rows and not (known and ends):
        return History(encode_columns(manifest, columns, first))
    inputs = inputs_given(manifest, columns)
    cells = cells_of(inputs, columns)
    ahead = max(each.ahead for each in inputs)
    steps = _known_rows(columns, ends) if known and ends else cells.rows - ahead
    if ends and known and steps + ahead > cells.rows:
        raise unplanned(known[0], 0, ahead)
    if steps < 1:
        return History(encode_columns(manifest, columns, first))  # which says what is missing
    dated = any(each.kind == "calendar" for each in inputs) and manifest.time is not None
    wall = wall_times(cells, manifest.time) if dated and manifest.time else None
    reach = np.array([cells.rows])
    read = encode(
        inputs, cells, wall, np.array([[first, steps]]), reach, missing=manifest.takes_missing
    )
    x = checked_cast("columns", read[first:steps], np.float32)
    planned = None
    if rows and known and steps + rows + ahead <= cells.rows:
        after = encode(inputs, cells, wall, np.array([[steps, steps + rows]]), reach, missing=True)
        planned = after[steps : steps + rows]
    return History(
        x, planned, None if wall is None else _walls(wall, steps, rows + farthest(manifest))
    )


def _known_rows(columns: Mapping[str, Any], targets: Sequence[str]) -> int:
    """Return the number of rows up to the last one that has a target."""
    values = [column_of(columns[name], f"columns[{name!r}]").values for name in targets]
    return 1 + max(int(np.flatnonzero(~np.isnan(each)).max(initial=-1)) for each in values)


def _walls(wall: NDArray[np.int64], steps: int, rows: int) -> NDArray[np.int64] | None:
    """Return the times of the `rows` after the first `steps`, or None if there is no step."""
    if len(wall) >= steps + rows:
        return wall[steps : steps + rows]
    between = np.diff(wall)
    if not len(between) or (between != between[0]).any():
        return None
    times: NDArray[np.int64] = wall[steps - 1] + between[0] * np.arange(1, rows + 1)
    return times
