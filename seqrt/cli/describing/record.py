"""A description as a record for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seqrt.cli.describing.report import ends_of_time, feature_ranges, label_counts
from seqrt.cli.describing.suggested_command import train_command
from seqrt.cli.describing.texts import record_of_texts
from seqrt.cli.run_record import number_or_null
from seqrt.wording import series_name

if TYPE_CHECKING:
    from seqrt.data import Sequences, Timeline
    from seqrt.training.problems.description import Description

_MOST_GAPS = 1_000


def record(description: Description) -> dict[str, Any]:
    """Return everything that was understood, and the command that trains on it."""
    found: dict[str, Any] = {"data": description.name}
    if description.timeline is not None:
        found |= _table(description, description.timeline)
    elif description.sequences is not None:
        found |= _sequences(description.sequences)
    elif description.texts is not None:
        found |= record_of_texts(description, description.texts)
    return found | {
        "problem": description.fault or None,
        "suggested": None if description.fault else _suggested(description),
    }


def _table(description: Description, data: Timeline) -> dict[str, Any]:
    sizes = data.bounds[1:] - data.bounds[:-1]
    profiles = description.profiles or {}
    return {
        "kind": "table",
        "rows": data.table.rows,
        "series": {
            "columns": list(data.series),
            "count": len(data.keys),
            "shortest": int(sizes.min()),
            "longest": int(sizes.max()),
            "names": [series_name(key) for key in data.keys],
        },
        "time": _time(data),
        "notes": list(data.notes),
        "columns": {
            each.name: each.record() | _without_kind(asdict(profiles[each.name]))
            for each in description.columns
        },
    }


def _without_kind(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if name != "kind"}


def _time(data: Timeline) -> dict[str, Any] | None:
    from seqrt.training.problems.description import gaps_of

    table = data.table
    if table.time is None or data.times is None:
        return None
    first, last = ends_of_time(data)
    column, gaps = table.columns[table.time], gaps_of(data)
    return {
        "column": table.time,
        "written": data.times.written,
        "first": first,
        "last": last,
        "step": data.step or None,
        "gaps": len(gaps),
        "gaps_after": [
            {"time": column.text(row).strip(), table.place: int(table.lines[row])}
            for row in gaps[:_MOST_GAPS].tolist()
        ],
    }


def _sequences(data: Sequences) -> dict[str, Any]:
    import numpy as np

    lengths = np.asarray(data.x.lengths)
    names = ("low", "high", "mean", "missing")
    return {
        "kind": "sequences",
        "sequences": len(data.x),
        "steps": {
            "shortest": int(lengths.min()) if len(lengths) else 0,
            "median": float(np.median(lengths)) if len(lengths) else None,
            "longest": int(lengths.max(initial=0)),
        },
        "features": {
            name: dict(zip(names, map(number_or_null, values), strict=True))
            for name, *values in feature_ranges(data)
        },
        "targets": _targets(data),
    }


def _targets(data: Sequences) -> dict[str, Any] | None:
    if data.y is None:
        return None
    per = "step" if data.per_step else "sequence"
    return {"per": per, "labels": dict(label_counts(data)) or None}


def _suggested(description: Description) -> dict[str, Any]:
    problem, options = description.problem, description.suggestion.options
    metadata = problem.metadata if problem else None
    return {
        "task": metadata.task if metadata else options.task,
        "target": list(metadata.targets if metadata else options.target),
        "window": options.window,
        "season": description.suggestion.season,
        "classes": list(metadata.classes) if metadata else [],
        "reasons": list(description.suggestion.reasons),
        "more": list(description.suggestion.more),
        "command": train_command(description),
    }
