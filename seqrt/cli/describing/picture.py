"""The picture of a description: its columns over time, or its sequences and their targets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from seqrt.wording import series_name

if TYPE_CHECKING:
    from seqrt.data import Sequences, Timeline
    from seqrt.drawing.data import Chart
    from seqrt.training.problems.description import Description

_MOST_CHARTS = 5
_EXAMPLES = 24
_MOST_CLASSES = 12


def picture(description: Description) -> Any:
    """Draw what was described; return None if there is nothing to draw."""
    from seqrt.drawing.data import draw_table

    if description.sequences is not None:
        return _of_sequences(description, description.sequences)
    data = description.timeline
    if data is None:
        return None
    used = [each for each in description.columns if each.uses]
    targets = [each.name for each in used if "target" in each.uses]
    others = [each.name for each in used if "feature" in each.uses and each.name not in targets]
    charts = [_chart(data, name, "target") for name in targets]
    charts += [_chart(data, name, "") for name in others if data.table.columns[name].numeric]
    charts = charts or [_chart(data, name, "") for name in data.table.numeric]
    if not charts or not data.table.rows:
        return None
    series = f", {len(data.keys):,} series" if data.series else ""
    title = f"{description.name}: {data.table.rows:,} rows{series}"
    return draw_table(title, data.table.time or "row", charts[:_MOST_CHARTS], len(data.keys))


def _chart(data: Timeline, name: str, use: str) -> Chart:
    """Return the chart of a column, with a line for each series, the longest first."""
    import numpy as np

    from seqrt.drawing.data import MOST_LINES, Chart, Line

    column = data.table.columns[name]
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    values: Any = column.values
    if not column.numeric:
        texts = column.texts()
        found = Counter(texts)
        classes = tuple(sorted(found, key=lambda text: -found[text])[:_MOST_CLASSES])
        classes = tuple(sorted(classes))
        counts = tuple(found[each] for each in classes)
        places = {text: float(i) for i, text in enumerate(classes)}
        values = np.array([places.get(text, np.nan) for text in texts])
    when = data.table.times() if data.table.time else None
    sizes = np.diff(data.bounds)
    lines = []
    for i in np.argsort(-sizes, kind="stable")[:MOST_LINES].tolist():
        first, last = data.bounds[i], data.bounds[i + 1]
        runs = data.runs[(data.runs[:, 0] >= first) & (data.runs[:, 1] <= last)] - first
        own = np.arange(1, last - first + 1) if when is None else when[first:last]
        lines.append(Line(series_name(data.keys[i]), own, values[first:last], runs))
    return Chart(f"{name} ({use})" if use else name, tuple(lines), classes, counts)


def _of_sequences(description: Description, data: Sequences) -> Any:
    import numpy as np

    from seqrt.cli.describing.report import label_counts
    from seqrt.drawing.data import Chart, Line, draw_sequences

    if not len(data.x):
        return None
    step = max(1, len(data.x) // _EXAMPLES)
    shown = list(range(0, len(data.x), step))[:_EXAMPLES]
    examples = [np.asarray(data.x[i])[:, 0] for i in shown]
    y = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    counts, labels = label_counts(data), list[str]()
    if counts and y is not None:
        target = Chart("classes", (), *zip(*counts, strict=True))
        if not data.per_step and y.ndim == 1:
            labels = [f"{y[i]:g}" if y.dtype.kind == "f" else f"{y[i]}" for i in shown]
    else:
        values = np.zeros(0) if y is None else np.asarray(y, np.float64).reshape(-1)
        target = Chart("targets", (Line("", values, values, np.zeros((0, 2), np.int64)),))
    title = f"{description.name}: {len(data.x):,} sequences"
    return draw_sequences(title, examples, labels, np.asarray(data.x.lengths), target)
