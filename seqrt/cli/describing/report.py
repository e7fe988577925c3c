"""A description as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqrt.cli.describing.suggested_command import train_command
from seqrt.cli.describing.texts import lines_of_texts
from seqrt.cli.run_report import labelled_note, listed, task_text
from seqrt.wording import counted, on_one_line, series_name

if TYPE_CHECKING:
    from seqrt.data import Sequences, Timeline
    from seqrt.data.understanding.accounting import ColumnUse
    from seqrt.training.problems.description import Description

_MOST_FEATURES = 20
_COLUMN, _USE = 28, 20

Lines = Iterator[tuple[str, str]]


def report(description: Description) -> Iterator[str]:
    """Yield the lines of a description: the data, its columns, and what to type."""
    for label, text in _data(description):
        yield f"{label:12}{text}"
    if description.columns:
        yield ""
        yield from _table_of_columns(description)
        yield ""
    for label, text in _advice(description):
        yield f"{label:12}{text}"


def _data(description: Description) -> Lines:
    if description.timeline is not None:
        data = description.timeline
        rows, columns = data.table.rows, len(data.table.columns)
        yield (
            "data",
            f"{description.name}: a table of {counted(rows, 'row')}, {counted(columns, 'column')}",
        )
        yield from _series(data)
        yield from _time(data)
        yield from map(labelled_note, data.notes)
    elif description.sequences is not None:
        yield from _sequences(description, description.sequences)
    elif description.texts is not None:
        yield from lines_of_texts(description, description.texts)


def _series(data: Timeline) -> Lines:
    if not data.series:
        return
    sizes = data.bounds[1:] - data.bounds[:-1]
    names = listed([series_name(key) for key in data.keys])
    rows = counted(int(sizes.max()), "row")
    if sizes.min() < sizes.max():
        rows = f"{sizes.min():,} to {rows}"
    yield (
        "series",
        f"{len(data.keys):,} told apart by {', '.join(data.series)} ({names}), of {rows}",
    )


def _time(data: Timeline) -> Lines:
    name = data.table.time
    if name is None:
        yield "time", "none: rows are taken in the order of the file, at equal steps"
        return
    first, last = ends_of_time(data)
    step = f", step {data.step}" if data.step else ", without a regular step"
    yield "time", f"{name}: from {first} to {last}{step}"


def ends_of_time(data: Timeline) -> tuple[str, str]:
    """Return the first and the last time of all series, as the data writes them."""
    times = data.times
    if times is None or not data.table.rows:
        return "", ""
    column = data.table.columns[str(data.table.time)]
    order = times.instant.argsort(kind="stable")
    return column.text(int(order[0])).strip(), column.text(int(order[-1])).strip()


def _sequences(description: Description, data: Sequences) -> Lines:
    import numpy as np

    lengths = np.asarray(data.x.lengths)
    if not len(lengths):
        yield "data", f"{description.name}: no sequences"
        return
    short, middle, long = int(lengths.min()), float(np.median(lengths)), int(lengths.max())
    steps = counted(short, "step")
    if short < long:
        steps = f"{short:,} to {long:,} steps (median {middle:,g})"
    yield (
        "data",
        f"{description.name}: {counted(len(data.x), 'sequence')} of {steps},"
        f" {counted(data.features, 'feature')}",
    )
    for name, low, high, mean, missing in feature_ranges(data)[:_MOST_FEATURES]:
        gaps = f", {missing:,} missing" if missing else ""
        digits = 12 if data.offsets else 6
        yield name, f"from {low:.{digits}g} to {high:.{digits}g}, mean {mean:.{digits}g}{gaps}"
    if data.features > _MOST_FEATURES:
        yield "", f"and {data.features - _MOST_FEATURES:,} more features"
    yield "targets", targets_text(data)


def feature_ranges(data: Sequences) -> list[tuple[str, float, float, float, int]]:
    """Return for each feature its name, lowest and highest value, mean and missing values."""
    import numpy as np

    count = data.features
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    total, known, steps = np.zeros(count), np.zeros(count, np.int64), 0
    for i in range(len(data.x)):
        x = np.asarray(data.x[i], np.float64)
        low, high = (
            np.fmin(low, x.min(axis=0, initial=np.inf)),
            np.fmax(high, x.max(axis=0, initial=-np.inf)),
        )
        total, known, steps = total + np.nansum(x, 0), known + (~np.isnan(x)).sum(0), steps + len(x)
    taken_off = np.array(data.offsets or [0] * count, np.float64)
    mean = total / np.maximum(known, 1)
    rows = zip(*(each + taken_off for each in (low, high, mean)), steps - known, strict=True)
    return [
        (data.names[i] if data.names else f"x{i}", float(a), float(b), float(mean), int(missing))
        for i, (a, b, mean, missing) in enumerate(rows)
    ]


def targets_text(data: Sequences) -> str:
    """Return what y holds, in words."""
    import numpy as np

    if data.y is None:
        return "none: there is no y in the file"
    per = "step" if data.per_step else "sequence"
    labels = label_counts(data)
    if labels:
        shown = listed([f"{label} ({count:,})" for label, count in labels])
        return f"y per {per}: {counted(len(labels), 'label')}: {shown}"
    y = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    columns = y.shape[1] if y.ndim > 1 else 1
    numbers = "a number" if columns == 1 else f"{columns:,} numbers"
    return f"y is {numbers} per {per}, from {np.nanmin(y):.6g} to {np.nanmax(y):.6g}"


def label_counts(data: Sequences) -> list[tuple[str, int]]:
    """Return the labels of y in order, and how often each comes; none if y holds quantities.

    Of one-hot rows the labels are the numbers of the columns.
    """
    import numpy as np

    from seqrt.data.labels import is_one_hot

    y = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    if y is None or not y.size:
        return []
    if is_one_hot(y):
        y = y.argmax(axis=1)
    y = y[:, 0] if y.ndim > 1 and y.shape[1] == 1 else y
    if y.ndim > 1 or (y.dtype.kind == "f" and not (y == np.round(y)).all()):
        return []
    labels, counts = np.unique(y, return_counts=True)
    if y.dtype.kind != "U" and len(labels) > _MOST_FEATURES:
        return []
    names = [f"{label:g}" if y.dtype.kind == "f" else f"{label}" for label in labels.tolist()]
    return list(zip(names, counts.tolist(), strict=True))


def _table_of_columns(description: Description) -> Iterator[str]:
    """Yield a line for each column: its name, its use, what it holds, and what it lacks."""
    rows: list[Sequence[str]] = [("column", "use", "content")]
    profiles = description.profiles or {}
    for each in description.columns:
        profile = profiles[each.name]
        lacks = f"; {profile.missing:,} missing" if profile.missing else ""
        lacks += f"; {profile.unreadable:,} not numbers" if profile.unreadable else ""
        use = " and ".join(each.uses) or "left out"
        rows.append(
            (on_one_line(each.name, _COLUMN - 2), use, f"{profile.text()}{lacks}{_how(each)}")
        )
    first = min(max(len(row[0]) for row in rows) + 2, _COLUMN)
    second = max(max(len(row[1]) for row in rows) + 2, 10)
    for name, use, content in rows:
        yield f"{name:{first}}{use:{second}}{content}"


def _how(column: ColumnUse) -> str:
    """Return what the reason says beyond the content: why a column is left out, and the option."""
    _, _, option = column.reason.partition(": ")
    _, _, rest = column.reason.partition(", ")
    return f"; {option or rest}" if option or rest else ""


def _advice(description: Description) -> Lines:
    if description.problem is not None:
        problem = description.problem
        windows = description.suggestion.options.window is not None
        yield "task", task_text(problem, windows=windows)
        known = description.timeline.notes if description.timeline is not None else ()
        yield from (labelled_note(note) for note in problem.notes if note not in known)
    for why in description.suggestion.reasons:
        yield "note", why
    if description.fault:
        yield "problem", description.fault
        return
    yield "train", train_command(description)
    for more in description.suggestion.more:
        yield "also", more
