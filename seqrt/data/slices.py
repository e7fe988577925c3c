"""A model's input from a file, a slice at a time: N sequences of T steps, cut as in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.feature_cast import served_cast
from seqrt.data.padding import lengths_before_nan, padding_note
from seqrt.data.ragged import Ragged
from seqrt.data.readers.mapped import Mapped
from seqrt.data.readers.reading import check_has_axes
from seqrt.data.runs import starts_of
from seqrt.data.sequences import Sequences
from seqrt.data.serving import check_columns, check_width, feature_values
from seqrt.data.table import Table
from seqrt.data.texts.ids import TextIds
from seqrt.data.timeline import Timeline
from seqrt.data.windows import count_windows, windows
from seqrt.errors import InputError
from seqrt.numbers import checked_cast, nonfinite_mask
from seqrt.wording import counted

# How many numbers are looked at together.
_NUMBERS = 1 << 20

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slices:
    """N sequences of T steps, in a file that may be larger than memory.

    `part(rows, steps)` reads some of them as float32 (n, t, D). Values are finite, or NaN where a
    value is missing and the model has a policy for missing values; any other value raises an
    InputError that names the first one's place in the file. If the sequences have `lengths` (N,) of
    their own, `part` returns a list of whole sequences (T_i, D); T is then the longest. `notes` are
    sentences on how they were read. `place(item, step)` says where a step is, for a message.
    """

    sequences: int
    steps: int
    part: Callable[[slice, slice], Floats | list[Floats]]
    lengths: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    place: Callable[[int, int], str] = lambda item, step: f"item {item}, step {step}"

    def steps_of(self, rows: slice) -> int:
        """Return the total number of steps of some sequences."""
        if self.lengths is None:
            return len(range(self.sequences)[rows]) * self.steps
        return int(self.lengths[rows].sum())


def slices(data: Timeline | Sequences | Mapped | TextIds, manifest: Manifest) -> Slices:
    """Return the sequences that a model reads from a table, an archive or the array of a .npy file.

    The columns of a table are found by the names of the model's features. A model trained on
    windows reads a table, or an array of one series (T,) or (T, D), as overlapping windows, one
    ending at every row from row W of each run on; other models read each run as one sequence. An
    array (N, T, D) is N sequences. Texts are sequences of ids, as lists of (T_i,).
    """
    if isinstance(data, TextIds):
        return _texts(data)
    if isinstance(data, Sequences):
        return _ragged(data, manifest)
    if isinstance(data, Timeline):
        return replace(_table(data, manifest), notes=data.notes)
    if len(data.shape) == len("NTD"):
        return _sequences(data, manifest)
    check_has_axes(data.source, data.shape)
    check_columns(data.source, (data.shape[0], (*data.shape, 1)[1]), manifest)
    missing = manifest.takes_missing

    def rows(start: int, stop: int) -> Numbers:
        return _rows(data, start, stop, missing=missing)

    return _series(data.shape[0], rows, data, manifest)


def _table(data: Timeline, manifest: Manifest) -> Slices:
    """Return the windows of a table, or with a `sequence` head each of its runs."""
    numbers = feature_values(data, manifest)
    if len(data.runs) == 1 and len(numbers) == data.runs[0, 1] - data.runs[0, 0]:
        return _series(len(numbers), lambda start, stop: numbers[start:stop], data.table, manifest)
    x = checked_cast(data.table.source, numbers, np.float32)
    if manifest.window is None or manifest.head == "sequence":
        first, end = data.runs.T
        rows = Ragged(x, first, end - first)
        return Slices(
            len(rows),
            rows.longest,
            lambda some, _: list(rows[some]),
            rows.lengths,
            place=lambda item, step: data.table.row_place(int(first[item]) + step),
        )
    window = manifest.window
    starts = starts_of(data.runs, window)
    if not len(starts) and data.table.rows:
        raise _short(data.table.source, int(np.diff(data.runs).max(initial=0)), window)

    def part(some: slice, steps: slice) -> Floats:
        found: Floats = x[starts[some, None] + np.arange(window)[steps]]
        return found

    return Slices(
        len(starts),
        window,
        part,
        place=lambda item, step: data.table.row_place(int(starts[item]) + step),
    )


def _texts(data: TextIds) -> Slices:
    x, rows = data.x, data.rows

    def part(some: slice, _: slice) -> list[Floats]:
        return [ids[:, 0] for ids in x[some]]

    def place(item: int, step: int) -> str:
        return f"{data.table.row_place(int(rows[item]))}, token {step}"

    return Slices(len(x), x.longest, part, x.lengths, place=place)


def _ragged(data: Sequences, manifest: Manifest) -> Slices:
    check_width(data, manifest)
    x = data.x.checked(missing=manifest.takes_missing)
    return Slices(len(x), x.longest, lambda rows, _: list(x[rows]), x.lengths, data.notes)


def _sequences(data: Mapped, manifest: Manifest) -> Slices:
    batch, time, width = data.shape
    features, missing = len(manifest.features), manifest.takes_missing
    if width != features:
        swapped = data.shape[1] == features
        hint = " If it is (batch, features, time), use --channels-first." if swapped else ""
        raise InputError(
            f"E_INPUT_SHAPE: {data.source} must have shape (batch, time, {features}),"
            f" got {data.shape}.{hint}"
        )

    def part(rows: slice, steps: slice) -> Floats:
        origin = (rows.start, steps.start, 0)
        x = served_cast(data.source, data.part(rows, steps), manifest, origin)
        _check_finite(data.source, x, origin, missing=missing)
        return x

    lengths = _lengths_in(data)
    if lengths is None:
        return Slices(batch, time, part)

    def whole(rows: slice, _: slice) -> list[Floats]:
        x = served_cast(data.source, data.part(rows), manifest, (rows.start, 0, 0))
        items = [item[:end] for item, end in zip(x, lengths[rows].tolist(), strict=True)]
        for i, item in enumerate(items):
            _check_finite(data.source, item[None], (rows.start + i, 0, 0), missing=missing)
        return items

    note = padding_note(lengths, time)
    return Slices(batch, int(lengths.max()), whole, lengths, (note,))


def _lengths_in(data: Mapped) -> NDArray[np.int64] | None:
    """Return the lengths of sequences that end in NaN, as padding does; None if none does."""
    batch, time, features = data.shape
    if data.dtype.kind != "f" or not time * features:
        return None
    lengths, size = np.full(batch, time), max(1, _NUMBERS // features)
    for start in range(0, batch, size):
        last = data.part(slice(start, start + size), slice(time - 1, time))
        for item in (start + np.flatnonzero(np.isnan(last).all(axis=(1, 2)))).tolist():
            found = lengths_before_nan(data.part(slice(item, item + 1)), data.source, item)
            lengths[item] = time if found is None else found[0]
    return lengths if (lengths < time).any() else None


def _check_finite(source: str, x: Floats, origin: tuple[int, ...], *, missing: bool) -> None:
    """Raise InputError at the first value of x (n, t, D) that is not allowed."""
    place = _first(nonfinite_mask(x, missing=missing))
    if place:
        item, step, feature = (int(i) for i in np.add(place, origin))
        raise InputError(
            f"E_INPUT_NONFINITE: {source} must be finite;"
            f" x[item {item}, step {step}, feature {feature}] is {x[place]}."
            " Fill or drop it."
        )


def _series(
    rows: int,
    take: Callable[[int, int], Numbers],
    data: Table | Mapped,
    manifest: Manifest,
) -> Slices:
    """Return the slices of one series; `take` reads some of its rows (t, D)."""

    def floats(start: int, stop: int) -> Floats:
        return checked_cast(data.source, take(start, stop), np.float32, (start, 0))

    def place(item: int, step: int) -> str:
        row = item + step
        return data.row_place(row) if isinstance(data, Table) else f"{data.source}, row {row + 1}"

    if manifest.window is None or manifest.head == "sequence":
        return Slices(1, rows, lambda _, steps: floats(steps.start, steps.stop)[None], place=place)
    window = manifest.window
    if rows == 0:
        return Slices(0, window, lambda *_: np.empty((0, window, len(manifest.features)), "f4"))

    if rows < window:
        raise _short(data.source, rows, window)

    def part(some: slice, steps: slice) -> Floats:
        # the same steps of consecutive windows are the shorter windows of a shorter series
        series = floats(some.start + steps.start, some.stop - 1 + steps.stop)
        return windows(series, steps.stop - steps.start)

    return Slices(count_windows(rows, window), window, part, place=place)


def _rows(data: Mapped, start: int, stop: int, *, missing: bool) -> Numbers:
    """Read some rows (t, D) of a series (T,) or (T, D)."""
    found = data.part(slice(start, stop))
    found = found[:, None] if found.ndim == 1 else found
    numbers = checked_cast(data.source, found, np.float64, (start, 0))
    place = _first(nonfinite_mask(numbers, missing=missing))
    if place:
        raise InputError(
            f"E_INPUT_NONFINITE: {data.source} must be finite; row {start + place[0] + 1},"
            f" column 'x{place[1]}' is {numbers[place]}. Fill or drop it."
        )
    return numbers


def _short(source: str, rows: int, window: int) -> InputError:
    return InputError(
        f"E_INPUT_SHORT: {source} must have at least {counted(window, 'row')} without a gap, the"
        f" window of the model, but the longest run has {rows}. Use more data, or fill the gaps."
    )


def _first(bad: NDArray[np.bool_]) -> tuple[int, ...] | None:
    """Return the index of the first bad value, or None."""
    return tuple(int(i) for i in np.argwhere(bad)[0]) if bad.any() else None
