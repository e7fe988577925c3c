"""The texts of a table with their targets, read once for all splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Task
from seqrt.contract.text import Text, TokenKind
from seqrt.data import Table
from seqrt.data.ragged import Ragged
from seqrt.data.understanding.accounting import KINDS, ColumnUse
from seqrt.text.interned import Interned
from seqrt.training.problems.labels import Classes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """The texts of a table that are not blank, with the targets of their rows.

    Texts of words are `interned`; those of bytes are ids at once, in `x`. y is (B,) or (B, O), or
    for labels of words a list of arrays (T_i,). `known` is how an earlier network, which is trained
    further, reads text. `marks` (B,) tells different texts apart.
    """

    task: Task
    column: str
    target: tuple[str, ...]
    kind: TokenKind
    y: Array | list[Array]
    classes: Classes
    marks: NDArray[np.int64]
    interned: Interned | None
    x: Ragged | None
    known: Text | None
    notes: tuple[str, ...]
    columns: tuple[ColumnUse, ...]

    def __len__(self) -> int:
        return len(self.marks)

    @property
    def truth(self) -> Array:
        """All targets in one array."""
        return np.concatenate(self.y) if isinstance(self.y, list) else self.y


def uses_of(table: Table, text: str, target: Sequence[str]) -> tuple[ColumnUse, ...]:
    """Return the use of each column of a table that is read as texts."""
    uses = []
    for name, column in table.columns.items():
        if name == text:
            uses.append(ColumnUse(name, column.kind, ("text",)))
        elif name in target:
            uses.append(ColumnUse(name, column.kind, ("target",)))
        else:
            uses.append(ColumnUse(name, column.kind, (), f"{KINDS[column.kind]}, beside the text"))
    return tuple(uses)
