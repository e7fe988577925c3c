"""What each column of a table is used for, or why it is left out."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from seqrt.contract.columns import MOST_LEVELS, Input
from seqrt.data.table import Table
from seqrt.encoding.cells import is_missing
from seqrt.encoding.column import TableColumn
from seqrt.wording import on_one_line

Use = Literal["series", "time", "target", "feature", "known ahead", "calendar", "text"]

# The words for a kind of column, after which "with ..." or "different" may follow.
KINDS: Final = {
    "number": "numbers",
    "boolean": "true or false",
    "time": "times",
    "text": "text",
    "list": "a list in each cell",
}


@dataclass(frozen=True)
class ColumnUse:
    """One column of a table: its kind, and its uses; without any, the reason why."""

    name: str
    kind: str
    uses: tuple[Use, ...]
    reason: str = ""

    @property
    def left_out(self) -> str:
        """The column and the reason why it is left out, as one text."""
        return f"{self.name} ({self.reason})"

    def record(self) -> dict[str, str]:
        """Return the kind, the use, and the reason if the column is left out, for JSON."""
        if self.uses:
            return {"kind": self.kind, "use": " and ".join(self.uses)}
        return {"kind": self.kind, "use": "left out", "reason": self.reason}


def account(
    table: Table,
    *,
    series: Sequence[str],
    targets: Sequence[str],
    inputs: Sequence[Input],
    chosen: bool = False,
) -> tuple[ColumnUse, ...]:
    """Return the use of every column, in the order of the file.

    `inputs` are those that become features. `chosen` says that the features were named, so that a
    column of numbers is left out because it is not among them.
    """
    uses = {name: tuple(_uses(name, table, series, targets, inputs)) for name in table.names}
    return tuple(
        ColumnUse(
            name,
            column.kind,
            uses[name],
            "" if uses[name] else _reason(name, column, table, chosen=chosen),
        )
        for name, column in table.columns.items()
    )


def _uses(
    name: str,
    table: Table,
    series: Sequence[str],
    targets: Sequence[str],
    inputs: Sequence[Input],
) -> Iterator[Use]:
    own = [each for each in inputs if each.column == name]
    if name in series:
        yield "series"
    if name == table.time or name in table.clocks:
        yield "time"
    if name in targets:
        yield "target"
    if any(each.kind != "calendar" and not each.ahead for each in own):
        yield "feature"
    if any(each.ahead for each in own):
        yield "known ahead"
    if any(each.kind == "calendar" for each in own):
        yield "calendar"


def _reason(name: str, column: TableColumn, table: Table, *, chosen: bool) -> str:
    """Return why a column is not used, and how it would be."""
    if column.fault is not None:
        return _faulty(name, column)
    if name == table.numbering and not chosen:
        return "it numbers the rows"
    if column.numeric:
        return f"{KINDS[column.kind]}, not among --features" if chosen else KINDS[column.kind]
    count = len(distinct_texts(column.texts()))
    if not count:
        return "no values"
    if column.kind == "time":
        return f"times, but the time is {table.time}" if table.time else "times"
    values = "1 value" if count == 1 else f"{count:,} values"
    if 1 < count <= MOST_LEVELS and count <= table.rows / 2:
        return f"text with {values}: --categories {quoted(name)} makes features of it"
    return f"text with {values}"


def _faulty(name: str, column: TableColumn) -> str:
    """Return what is wrong with a column of cells that are not numbers, and how to mend it."""
    assert column.fault is not None
    if column.lists is not None and _are_words(column.lists):
        return f"{KINDS['list']}: --text {name} reads them as words"
    if column.kind == "list":
        return f"{KINDS['list']}: --features {name} takes each as a sequence"
    if not column.fault.cell:
        return "its cells cannot be read as numbers"
    fix = column.fault.sentence.rpartition(". ")[2].removesuffix(".")
    return f"cells such as {on_one_line(column.fault.cell)!r}: {fix[0].lower()}{fix[1:]}"


def _are_words(lists: Sequence[Any]) -> bool:
    first = next((each[0] for each in lists if len(each)), None)
    return isinstance(first, str)


def distinct_texts(texts: Iterable[str]) -> dict[str, None]:
    """Return the distinct texts that are values, in the order in which they first come."""
    return {text: None for text in dict.fromkeys(texts) if not is_missing(text)}


def quoted(*names: str) -> str:
    """Return column names as they are typed in a shell, separated by commas.

    >>> print(quoted("kW", "wind speed"))
    'kW,wind speed'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return shlex.quote(line.getvalue())
