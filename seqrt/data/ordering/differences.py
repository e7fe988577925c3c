"""What a table has that the training data of a model had not, and what it lacks, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from seqrt.contract import Manifest
from seqrt.data.ordering.arrange import NO_TIME
from seqrt.data.timeline import Timeline
from seqrt.encoding.categories import unknown_note


def differences(data: Timeline, manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for a missing time column, and for each column with unknown categories."""
    table, trained = data.table, manifest.time
    if not table.named:
        return
    if table.time is None and trained is not None and trained.name not in (NO_TIME, *table.names):
        yield (
            f"there is no column {trained.name!r}, the time of the training data: rows are taken in"
            " the order of the file, at equal steps"
        )
    for each in {each.column: each for each in manifest.inputs if each.kind == "category"}.values():
        if each.column in table.columns:
            yield from unknown_note(each.column, table.columns[each.column], each.levels)
