"""What the text of whole columns says: numbers and their style, booleans, dates, or other text.

The columns of a file are read together, since one column may show how the numbers of another are
written.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import BOOLEANS, FIRST_INEXACT, is_missing, looks_like_date, parse_number
from seqrt.encoding.text.number_style import (
    Forms,
    Mark,
    Style,
    file_mark,
    forms_of,
    has_sign,
    is_accounting,
    sign_fix,
    usual,
)
from seqrt.encoding.text.texts import Texts

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Kind = Literal["number", "boolean", "time", "text", "list"]

_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST_CELL = 200
_MARKED = re.compile(r"[+-]?[0-9]{1,3}([.,])[0-9]{3}.*", re.ASCII)


class Fault(NamedTuple):
    """Why a column cannot be used as it is: a code, the sentences of the error, and the cell."""

    code: str
    sentence: str
    cell: str = ""


class Content(NamedTuple):
    """What a column of text holds: as the fields of a TableColumn, which see."""

    values: Numbers
    kind: Kind
    exact: Integers | None = None
    style: str = ""
    fault: Fault | None = None


def contents(columns: Mapping[str, Sequence[str]], mark: Mark | None = None) -> dict[str, Content]:
    """Return what the columns of a file hold, each a sequence of texts of one length.

    A column is of numbers if most of its cells that are not empty are numbers in some style; a
    stray word in it is NaN. `mark` is the decimal mark of the file, where other data shows it.
    """
    drafts = {name: _Draft.of(cells) for name, cells in columns.items()}
    numeric = [draft for draft in drafts.values() if draft.numeric]
    if any(
        each.forms and (each.forms.decimal == "," or not each.forms.style()) for each in numeric
    ):
        mark = file_mark(draft.all_forms() for draft in numeric) or mark
    return {name: draft.content(mark) for name, draft in drafts.items()}


@dataclass
class _Draft:
    """A column while the others are still unread: how many cells it has, and their forms.

    `values` has the numbers of a column of plain numbers alone. `counts` has the forms of the cells
    of any other column, unless all are `dates` in a single form, or most are too `long` for
    anything but text.
    """

    cells: Sequence[str]
    present: int
    values: Numbers | None = None
    counts: Counter[str] = field(default_factory=Counter)
    forms: Forms | None = None
    dates: bool = False
    long: bool = False

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Draft:
        if _are_dates(cells):
            return cls(cells, len(cells), dates=True)
        if _are_long(cells):
            return cls(cells, len(cells), long=True)
        listed = _listed(cells)
        values = _plain_numbers(listed)
        if values is not None:
            return cls(cells, int(np.isfinite(values).sum()), values)
        counts = forms_of(listed)
        present = sum(count for form, count in counts.items() if not is_missing(form))
        return cls(cells, present, None, counts, Forms(counts))

    @property
    def plain(self) -> int:
        """The number of cells that are numbers with a decimal point alone."""
        if self.values is not None:
            return self.present
        return sum(n for form, n in self.counts.items() if math.isfinite(parse_number(form)))

    @property
    def numeric(self) -> bool:
        return (
            not self.long
            and 2 * max(self.plain, self.forms.numbers if self.forms else 0) > self.present
        )

    def all_forms(self) -> Forms:
        if self.forms is None:
            self.forms = Forms.of(self.cells)
        return self.forms

    def content(self, mark: Mark | None) -> Content:
        if self.long:
            return Content(np.full(len(self.cells), np.nan), "text")
        if self.numeric:
            return self._numbers(Style() if self.forms is None else self.forms.style(mark))
        if self.dates:
            return Content(np.full(len(self.cells), np.nan), "time")
        counts = self.counts
        if 2 * sum(n for form, n in counts.items() if form.lower() in BOOLEANS) > self.present:
            truth = (BOOLEANS.get(cell.strip().lower(), math.nan) for cell in self.cells)
            return Content(np.fromiter(truth, np.float64, len(self.cells)), "boolean")
        if 2 * sum(count for form, count in counts.items() if looks_like_date(form)) > self.present:
            return Content(self._point_numbers(), "time")
        signed = {
            form
            for form in counts
            if has_sign(form) or (form.startswith(("(", "\u2212")) and is_accounting(form))
        }
        if signed and 2 * (sum(counts[form] for form in signed) + self.plain) > self.present:
            cell = next(cell for cell in self.cells if has_sign(cell) or is_accounting(cell))
            return self._faulty("text", cell, sign_fix(cell))
        return Content(self._point_numbers(), "text")

    def _point_numbers(self) -> Numbers:
        """Return the numbers that are written with a decimal point; NaN for other cells."""
        if self.values is not None:
            return self.values
        if not self.plain:
            return np.full(len(self.cells), np.nan)
        return np.fromiter(map(parse_number, self.cells), np.float64, len(self.cells))

    def _numbers(self, style: Style | None) -> Content:
        if style is None:
            cell = next(cell for cell in map(usual, self.cells) if _MARKED.fullmatch(cell))
            point = cell.replace(",", ".")
            fix = (
                f"It may be {point.replace('.', '')} or {point}: write numbers with a decimal point"
                " and without marks between thousands."
            )
            return self._faulty("number", cell, fix)
        texts = self.cells
        if style == Style():
            values = self._point_numbers()
        else:
            texts = style.plain_texts(_listed(self.cells))
            values = self._styled(style, texts)
        exact, fault = _exact(values, texts)
        if fault is not None:
            values = np.full(len(values), np.nan)
        return Content(values, "number", exact, style.text, fault)

    def _styled(self, style: Style, texts: Sequence[str]) -> Numbers:
        """Return the numbers in a style; `texts` are the cells as Python writes them."""
        values = None
        if self.forms is not None and self.forms.fitting(style) == self.present:
            values = _plain_numbers(texts)
        if values is None:
            values = np.fromiter(map(style.number, self.cells), np.float64, len(self.cells))
        return values

    def _faulty(self, kind: Kind, cell: str, fix: str) -> Content:
        sentence = f"a cell must hold a finite number, got {cell.strip()!r:.60}. {fix}"
        nothing = np.full(len(self.cells), np.nan)
        return Content(nothing, kind, fault=Fault("E_INPUT_CELL", sentence, cell))


def rounding(number: str) -> Fault:
    """Return the fault of a column with a whole number that float64 would round."""
    sentence = (
        f"a number must convert to float64 without loss, but {number:.60} is rounded."
        " Subtract an offset first."
    )
    return Fault("E_INPUT_RANGE", sentence, number)


def _are_dates(cells: Sequence[str]) -> bool:
    """Whether all cells, of many, have the form of a date, and the same one."""
    if not isinstance(cells, Texts) or not cells.one_form():
        return False
    return looks_like_date(cells[0]) and math.isnan(parse_number(cells[0]))


def _are_long(cells: Sequence[str]) -> bool:
    """Whether most cells are longer than any number or date."""
    return isinstance(cells, Texts) and bool(
        2 * np.count_nonzero(np.diff(cells.offsets) > _LONGEST_CELL) > len(cells)
    )


def _listed(cells: Sequence[str]) -> list[str]:
    return cells.tolist() if isinstance(cells, Texts) else list(cells)


def _plain_numbers(cells: Sequence[str]) -> Numbers | None:
    """Return the cells as numbers, NaN where one is empty; None unless all others are plain."""
    try:
        values = np.array([float(cell) if cell else math.nan for cell in cells], np.float64)
    except ValueError:
        return None
    finite = int(np.isfinite(values).sum())
    if finite < len(values) - cells.count("") or "_" in "".join(cells):
        return None
    return values


def _exact(values: Numbers, texts: Sequence[str]) -> tuple[Integers | None, Fault | None]:
    """Return the whole numbers in `texts` if float64 rounds one, and why they do not fit int64."""
    large = np.flatnonzero(np.abs(values) >= FIRST_INEXACT).tolist()
    rounded = [row for row in large if _WHOLE.fullmatch(texts[row].strip())]
    if not rounded:
        return None, None
    whole = [0 if math.isnan(value) else int(value) for value in values.tolist()]
    for row in rounded:
        whole[row] = int(texts[row])
    fits = len(rounded) == len(large) and (np.isnan(values) | (values == np.rint(values))).all()
    if fits and all(_SMALLEST < whole[row] <= _LARGEST for row in rounded):
        return np.array(whole, np.int64), None
    lost = next((row for row in rounded if whole[row] != int(values[row])), None)
    return None, None if lost is None else rounding(texts[lost].strip())
