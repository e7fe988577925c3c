"""How numbers are written: the decimal mark, and the mark between thousands.

    12.5       12,5            1,612.50       1.612,50       1 612,50       1'612.50

A cell such as 1,234 or 1.234 may be one number or the other. The other cells of its column decide,
then the other columns of its file; what remains unclear is not read as a number at all.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from seqrt.encoding.cells import parse_number

Mark = Literal[".", ","]

_NAMES = {" ": "spaces", "'": "apostrophes", ",": "commas", ".": "points"}
_SIGNS = set("%‰$€£¥₹₽₩₺₫₱฿₪₴")
_SIGNED = re.compile(r"[{0}]\s*(.*)|(.*?)\s*[{0}]".format("".join(sorted(_SIGNS))))
_NEGATIVE = re.compile(r"\((.+)\)|(.+)-|\u2212(.+)")
# Spaces that some programs write between thousands, and a typographic apostrophe.
_SAME = {"\xa0": " ", "\u202f": " ", "\u2009": " ", "’": "'"}
_USUAL = str.maketrans(_SAME)
_FORM = str.maketrans(_SAME | dict.fromkeys("23456789", "1"))
_BETWEEN = "\x00"  # in no cell that was read from a file of text
_MAY_BE_NUMBER = re.compile(r"[01+\-.,' eE]+")
_WHOLE = re.compile(r"[+-]?([01]+)")
_LONGEST_UNMARKED = 3


class Style(NamedTuple):
    """The marks in the numbers of a column: `decimal`, and `group` between thousands, or ""."""

    decimal: Mark = "."
    group: str = ""

    @property
    def text(self) -> str:
        """The style in words, "" for numbers with a decimal point alone.

        >>> Style(",", ".").text
        'decimal comma, points between thousands'
        """
        decimal = "decimal comma" if self.decimal == "," else ""
        groups = f"{_NAMES[self.group]} between thousands" if self.group else ""
        return ", ".join(part for part in (decimal, groups) if part)

    def plain(self, text: str) -> str:
        """Return the text of a number in this style as Python writes it."""
        text = text.replace(self.group, "") if self.group else text
        return text.replace(",", ".") if self.decimal == "," else text

    def plain_texts(self, cells: Sequence[str]) -> list[str]:
        """Return the texts of numbers in this style as Python writes them."""
        whole = _BETWEEN.join(cells)
        if whole.count(_BETWEEN) >= len(cells):
            return [self.plain(usual(cell)) for cell in cells]
        texts = self.plain(whole.translate(_USUAL)).split(_BETWEEN)
        return [text.strip() for text in texts] if " " in whole else texts

    def number(self, cell: str) -> float:
        """Return the finite number that a cell denotes in this style, or NaN.

        >>> Style(",", ".").number(" 1.612,50 ")
        1612.5
        """
        text = usual(cell)
        value = float(self.plain(text)) if _PATTERNS[self].fullmatch(text) else math.nan
        return value if math.isfinite(value) else math.nan


def _pattern(decimal: str, group: str) -> re.Pattern[str]:
    mark = re.escape(decimal)
    whole = rf"\d+|[1-9]\d{{0,2}}(?:{re.escape(group)}\d{{3}})+" if group else r"\d+"
    return re.compile(rf"[+-]?(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


_POINT = (Style(), Style(".", ","), Style(".", " "), Style(".", "'"))
_COMMA = (Style(","), Style(",", "."), Style(",", " "), Style(",", "'"))
_PATTERNS = {style: _pattern(style.decimal, style.group) for style in (*_POINT, *_COMMA)}


def usual(cell: str) -> str:
    """Return a cell without space around it, with usual spaces and apostrophes inside."""
    return cell.translate(_USUAL).strip()


def forms_of(cells: Iterable[str]) -> Counter[str]:
    """Return the forms of cells and their counts: the text with 1 for each of the digits 1 to 9.

    >>> forms_of(["9.07", "1.05 ", "x"])
    Counter({'1.01': 2, 'x': 1})
    """
    cells = list(cells)
    forms = _BETWEEN.join(cells).translate(_FORM).split(_BETWEEN)
    if len(forms) != len(cells):
        forms = [cell.translate(_FORM) for cell in cells]
    counts: Counter[str] = Counter()
    for form, count in Counter(forms).items():
        counts[form.strip()] += count
    return counts


class Forms:
    """The forms of those cells of a column that are numbers in some style, with their counts."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Choose among the forms of all cells, with their counts."""
        self._counts: Counter[str] = Counter()
        self._styles: dict[str, list[Style]] = {}
        for form, count in counts.items():
            if not _MAY_BE_NUMBER.fullmatch(form):
                continue
            styles = [style for style in _PATTERNS if _PATTERNS[style].fullmatch(form)]
            if styles:
                self._counts[form] = count
                self._styles[form] = styles

    @classmethod
    def of(cls, cells: Iterable[str]) -> Forms:
        """Return the forms of cells."""
        return cls(forms_of(cells))

    @property
    def numbers(self) -> int:
        """The number of cells that are a number in some style."""
        return self._counts.total()

    @property
    def decimal(self) -> Mark | None:
        """The decimal mark of most cells that show which one they have; None if none does."""
        proofs: Counter[Mark] = Counter()
        for form, styles in self._styles.items():
            marks = {style.decimal for style in styles}
            if len(marks) == 1:
                proofs[marks.pop()] += self._counts[form]
        if not proofs:
            return None
        return "," if proofs[","] > proofs["."] else "."

    def fitting(self, style: Style) -> int:
        """Return the number of cells that are a number in a style."""
        return sum(self._counts[form] for form, fits in self._styles.items() if style in fits)

    def style(self, file: Mark | None = None) -> Style | None:
        """Return the style of most cells; `file` is the decimal mark of the file, if known.

        Return None if cells such as 1,234 may be one number or the other.
        """
        decimal = self.decimal or self._guess(file)
        if decimal is None:
            return None
        style = max(_COMMA if decimal == "," else _POINT, key=self.fitting)
        return style if self._needs(style) else Style()

    def _guess(self, file: Mark | None) -> Mark | None:
        """Return the decimal mark where no cell alone shows it; None if it stays unclear."""
        marks = self._open_marks()
        if not marks:
            return "."
        if len(marks) == 2:
            return None
        whole = [match[1] for match in map(_WHOLE.fullmatch, self._counts) if match]
        # beside 999, a cell such as 1,234 is a thousand; beside 1234, it is not written like one
        thousands = all(len(digits) <= _LONGEST_UNMARKED for digits in whole)
        if file is not None:
            return file if file in marks or thousands else None
        return "." if "." in marks or (whole and thousands) else None

    def _open_marks(self) -> set[str]:
        """Return which of comma and point are in cells that fit both decimal marks."""
        both = [
            form
            for form, styles in self._styles.items()
            if len({style.decimal for style in styles}) == 2
        ]
        return {mark for mark in ",." if any(mark in form for form in both)}

    def _needs(self, style: Style) -> bool:
        """Whether some cell is no number, or another one, without the marks of this style."""
        return any(
            style in styles and (Style() not in styles or (style.group == "." and "." in form))
            for form, styles in self._styles.items()
        )


def is_number(cell: str) -> bool:
    """Whether a cell is a number in some style."""
    return math.isfinite(parse_number(cell)) or Forms.of([cell]).numbers == 1


def has_sign(cell: str) -> bool:
    """Whether a cell is a number with a sign of percent or of a currency.

    >>> has_sign("12 %"), has_sign("-$1,612.50"), has_sign("12")
    (True, True, False)
    """
    text = usual(cell).lstrip("+-")
    match = _SIGNED.fullmatch(text) if text and {text[0], text[-1]} & _SIGNS else None
    if match is None:
        return False
    return Forms.of([match[1] if match[1] is not None else match[2]]).numbers == 1


def is_accounting(cell: str) -> bool:
    """Whether a cell is a negative number as bookkeepers or typographers write it.

    >>> is_accounting("(1.50)"), is_accounting("$(3)"), is_accounting("1.50-"), is_accounting("-1")
    (True, True, True, False)
    """
    text = usual(cell).strip("".join(_SIGNS)).strip()
    match = _NEGATIVE.fullmatch(text)
    if match is None:
        return False
    number = match[1] or match[2] or match[3]
    return has_sign(number) or Forms.of([number]).numbers == 1


def sign_fix(cell: str) -> str:
    """Return how a number with a sign, or a negative one of a bookkeeper, should be written."""
    if is_accounting(cell):
        return "Write negative numbers with a hyphen before them, such as -1.5."
    return "Write the numbers without a sign."


def file_mark(columns: Iterable[Forms]) -> Mark | None:
    """Return the decimal mark of a file: that of all columns that show one; None if they differ."""
    marks = {forms.decimal for forms in columns} - {None}
    return marks.pop() if len(marks) == 1 else None
