"""One column of a table: its cells as numbers, and the text they were read from."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import (
    FIRST_INEXACT,
    MISSING_STAMP,
    is_missing,
    is_plain,
    number_text,
    stamp_texts,
)
from seqrt.encoding.text.contents import Content, Fault, Kind, contents
from seqrt.encoding.text.number_style import Mark
from seqrt.encoding.text.texts import NumberTexts

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_MICROSECONDS_A_DAY = 86_400_000_000
_LARGEST = 2**63 - 1


@dataclass(frozen=True, eq=False)
class TableColumn:
    """The cells of one column: float64 values, NaN where a cell is not a number, and their text.

    `kind` is what most of its cells are: numbers, booleans (as 1 and 0), dates, text, or lists.
    `cells` has the text as written, and is None for a column that was never text. `exact` has the
    whole numbers of a column of which some are 2**53 or more, where float64 rounds some (0
    where `values` is NaN). A column of native timestamps has `stamps`, the instants, and `wall`,
    what a clock on the spot showed: microseconds since 1970, the smallest int64 where one is
    missing. `lists` has a sequence per row. `style` says how the numbers are written, where it is
    not with a decimal point alone. A column with a `fault` is an error where it is used; its values
    are all NaN.
    """

    values: Numbers
    cells: Sequence[str] | None = None
    kind: Kind = "number"
    exact: Integers | None = None
    stamps: Integers | None = None
    wall: Integers | None = None
    lists: Sequence[Any] | None = None
    style: str = ""
    fault: Fault | None = None

    @classmethod
    def of_text(cls, cells: Sequence[str]) -> TableColumn:
        """Parse `cells`: numbers, True and False, dates or other text."""
        return cls._of(cells, contents({"": cells})[""])

    @classmethod
    def of_texts(
        cls, columns: Mapping[str, Sequence[str]], mark: Mark | None = None
    ) -> dict[str, TableColumn]:
        """Parse the columns of one file, of which one may show how the numbers are written.

        `mark` is the decimal mark of the file, where other data shows it.
        """
        found = contents(columns, mark)
        return {name: cls._of(columns[name], content) for name, content in found.items()}

    @classmethod
    def _of(cls, cells: Sequence[str], content: Content) -> TableColumn:
        values, kind, exact, style, fault = content
        return cls(values, cells, kind, exact, style=style, fault=fault)

    @classmethod
    def of_booleans(cls, values: Numbers) -> TableColumn:
        """Return a column of 1, 0 and NaN, which stand for True, False and missing."""
        return cls(values, None, "boolean" if np.isfinite(values).any() else "text")

    @classmethod
    def of_stamps(cls, stamps: Integers, wall: Integers | None = None) -> TableColumn:
        """Return a column of native timestamps; without `wall` the clock shows UTC."""
        return cls(
            np.full(len(stamps), np.nan),
            None,
            "time",
            stamps=stamps,
            wall=stamps if wall is None else wall,
        )

    @classmethod
    def of_floats(cls, values: Numbers) -> TableColumn:
        """Return a column of numbers that were never text; without any number it is no such."""
        return cls(values, None, "text" if len(values) and np.isnan(values).all() else "number")

    @classmethod
    def of_lists(cls, lists: Sequence[Any], of: str) -> TableColumn:
        """Return a column with a sequence in each row; `of` is its type in the file."""
        return cls(np.full(len(lists), np.nan), None, "list", lists=lists, fault=_no_cells(of))

    @classmethod
    def of_nothing(cls, rows: int, of: str) -> TableColumn:
        """Return a column of a type that has no use; `of` is its type in the file."""
        return cls(np.full(rows, np.nan), None, "text", fault=_no_cells(of))

    @property
    def numeric(self) -> bool:
        """Whether this is a column of numbers or booleans: whether most of its cells are.

        A stray word in such a column is then an error at that cell, rather than a reason to drop
        the column silently.
        """
        return self.kind in ("number", "boolean")

    def text(self, row: int) -> str:
        """Return the cell as written in the file; a value that was never text is formatted."""
        if self.cells is not None:
            return self.cells[row]
        if self.wall is not None:
            return stamp_texts(self.wall[row : row + 1], days=self._days)[0]
        if self.fault is not None:
            return "?" if self.lists is None else str(self.lists[row])
        value = float(self.values[row])
        if self.kind == "boolean":
            return "" if math.isnan(value) else str(bool(value))
        if self.exact is not None and math.isfinite(value):
            return str(self.exact[row])
        return number_text(value)

    def filled(self, rows: Sequence[int]) -> list[int]:
        """Return those of some rows whose cell is not missing, even if it is not a number."""
        plain = self.cells is None and self.wall is None and self.fault is None
        if plain or isinstance(self.cells, NumberTexts):
            return [row for row in rows if not math.isnan(self.values[row])]
        return [row for row in rows if not is_missing(self.text(row))]

    def texts(self) -> list[str]:
        """Return each cell as a label, "" where it is missing: the same from every format.

        Numbers are written by their value, so that 1.0 in a file of text and 1 in another are one
        label. Where a cell of the column would come back as another text (007), all stay text.
        """
        if self.kind == "number" and self._by_value:
            whole = self._whole()
            if whole is not None:
                texts = list(map(str, whole.tolist()))
            else:
                texts = list(map(number_text, self.values.tolist()))
            return self._blanked(texts)
        if self.kind == "boolean":
            words = self._blanked(["True" if value else "False" for value in self.values.tolist()])
            for row in self.filled(np.flatnonzero(np.isnan(self.values)).tolist()):
                words[row] = self.text(row).strip()
            return words
        if self.wall is not None:
            return stamp_texts(self.wall, days=self._days)
        if self.cells is None:
            return [self.text(row) for row in range(len(self.values))]
        return [cell.strip() for cell in self.cells]

    def distinct(self) -> tuple[list[str], Integers]:
        """Return the different texts of `texts`, and for each row the place of its text there.

        >>> TableColumn.of_text(["b", "a ", "b"]).distinct()
        (['b', 'a'], array([0, 1, 0]))
        """
        if self.kind == "number" and self._by_value:
            whole = self._whole()
            numbers: NDArray[Any] = self.values if whole is None else whole
            present = ~np.isnan(self.values)
            found, inverse = np.unique(numbers[present], return_inverse=True)
            texts = [str(n) if isinstance(n, int) else number_text(n) for n in found.tolist()]
            places = np.full(len(numbers), len(texts))
            places[present] = inverse
            return [*texts, ""], places
        cells = self.texts()
        numbered: dict[str, int] = {}
        rows = (numbered.setdefault(cell, len(numbered)) for cell in cells)
        places = np.fromiter(rows, np.int64, len(cells))
        return list(numbered), places

    def labels(self) -> list[int | str]:
        """Return the cells as class labels: whole numbers if all are, their text otherwise.

        Text such as 007 does not count as a whole number: it would come back as 7.
        """
        if self.kind == "number" and self._by_value and np.isfinite(self.values).all():
            whole = self._whole()
            if whole is not None:
                return list(whole.tolist())
        texts = self.texts()
        if self.kind != "number" and texts and all(_WHOLE.fullmatch(text) for text in texts):
            return [int(text) for text in texts]
        return list(texts)

    def first_rounded(self) -> int | None:
        """Return the first row with a whole number that float64 does not hold, None if all are."""
        if self.exact is None:
            return None
        floats = self.exact.astype(np.float64)
        inside = np.abs(floats) < _LARGEST  # the cast back is undefined outside
        same = np.where(inside, floats, 0.0).astype(np.int64) == self.exact
        lost = np.flatnonzero(~np.isnan(self.values) & ~(inside & same))
        return int(lost[0]) if len(lost) else None

    def part(self, start: int, stop: int) -> TableColumn:
        """Return the rows `start` to `stop`, as a slice."""
        return self._each(lambda held: held[start:stop])

    def take(self, rows: Integers) -> TableColumn:
        """Return some rows in the order of their numbers `rows`."""
        return self._each(lambda held: _taken(held, rows))

    def _each(self, select: Callable[[Any], Any]) -> TableColumn:
        names = ("values", "cells", "exact", "stamps", "wall", "lists")
        held = {name: getattr(self, name) for name in names}
        return replace(
            self, **{name: select(each) for name, each in held.items() if each is not None}
        )

    @property
    def _by_value(self) -> bool:
        """Whether no cell loses anything when its number is written again."""
        if self.fault is not None:
            return False
        if self.cells is None or self.style or isinstance(self.cells, NumberTexts):
            return True
        return all(is_plain(cell) or is_missing(cell) for cell in self.cells)

    @property
    def _days(self) -> bool:
        """Whether every native timestamp is a midnight, which is then written as a date."""
        assert self.wall is not None
        present = self.wall[self.wall != MISSING_STAMP]
        return not (present % _MICROSECONDS_A_DAY).any()

    def _whole(self) -> Integers | None:
        """Return the values as whole numbers, 0 where one is missing; None if some are not."""
        if self.exact is not None:
            return self.exact
        values = np.nan_to_num(self.values, nan=0.0)
        if (np.abs(values) >= FIRST_INEXACT).any() or (values != np.rint(values)).any():
            return None
        return values.astype(np.int64)

    def _blanked(self, texts: list[str]) -> list[str]:
        """Return `texts` with "" where the value is missing."""
        for row in np.flatnonzero(np.isnan(self.values)).tolist():
            texts[row] = ""
        return texts


def _no_cells(of: str) -> Fault:
    return Fault(
        "E_INPUT_DTYPE",
        f"the cells must be numbers, booleans, text or dates here, got {of:.60}."
        " Leave the column out.",
    )


def _taken(held: Any, rows: Integers) -> Any:
    if isinstance(held, np.ndarray):
        return held[rows]
    take = getattr(held, "take", None)
    return [held[row] for row in rows.tolist()] if take is None else take(rows)
