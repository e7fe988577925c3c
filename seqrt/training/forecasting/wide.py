"""Several targets of a table: each becomes a series of its own, through one forecaster."""

from __future__ import annotations

from dataclasses import replace

from seqrt.data import Timeline
from seqrt.data.understanding.accounting import account
from seqrt.data.wide.melt import check_filled, melted, new_names
from seqrt.errors import UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.from_table import TableRows
from seqrt.training.problems.labels import table_task
from seqrt.training.problems.options import DataOptions


def rows_of_targets(
    data: Timeline, options: DataOptions, earlier: Metadata | None = None
) -> TableRows:
    """Read a table as TableRows.of does; several targets of a forecast are melted before.

    Nothing is melted for a task or a policy that a forecaster does not have, or if the features are
    named without all of the targets.
    """
    targets = tuple(dict.fromkeys(options.target))
    if len(targets) < 2 or not _can_be_melted(data, targets, options):
        return TableRows.of(data, options, earlier)
    if known := [name for name in options.future if name in targets]:
        raise UsageError(
            f"--future must name columns that are known ahead, but {known[0]!r} is a target."
        )
    check_filled(data.table, targets)
    added = (earlier.series[-1], earlier.targets[0]) if earlier else new_names(data.table)
    value = added[1]
    named = {*options.features, *options.categories, *options.future} - {*targets}
    kept = {*data.table.numeric, *named} - {*targets}
    made = melted(
        data,
        targets,
        added,
        kept,
        missing=options.missing != "error",
        planned=bool(options.future),
    )
    features = [value if each in targets else each for each in options.features]
    long = replace(options, target=(value,), features=tuple(dict.fromkeys(features)))
    rows = TableRows.of(made, long, earlier)
    uses = account(
        data.table,
        series=data.series,
        targets=targets,
        inputs=[
            replace(each, column=own)
            for each in rows.features.inputs
            for own in (targets if each.column == value else (each.column,))
        ],
        chosen=bool(options.features),
    )
    return replace(rows, features=rows.features._replace(columns=uses))


def _can_be_melted(data: Timeline, targets: tuple[str, ...], options: DataOptions) -> bool:
    if table_task(data.table, targets, options.task) != "forecast" or options.missing == "mean":
        return False
    numbers = all(data.table.column(name).kind == "number" for name in targets)
    return numbers and (not options.features or {*targets} <= {*options.features})
