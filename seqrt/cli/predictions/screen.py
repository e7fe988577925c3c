"""A table on a terminal: aligned columns with six digits, as many as fit beside each other."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqrt.cli.talk import say
from seqrt.wording import counted, on_one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BETWEEN = "  "


def show_table(pieces: Iterable[Mapping[str, NDArray[Any]]], targets: Sequence[str] = ()) -> None:
    """Print the pieces of a table, and say on stderr how many columns do not fit.

    The ends of the intervals of a single one of `targets` have the name of the end alone.
    """
    width = shutil.get_terminal_size().columns
    sizes: list[int] = []
    hidden = 0
    for piece in pieces:
        cells = [_cells(column) for column in piece.values()]
        left = [column.dtype.kind not in "fiu" for column in piece.values()]
        if not sizes:
            names = [_short(name, targets) for name in piece]
            sizes = list(_fitting(names, cells, width))
            hidden = len(names) - len(sizes)
            _print_rows([[name] for name in names], sizes, left)
        _print_rows(cells, sizes, left)
    if hidden:
        say(f"{counted(hidden, 'more column')} not shown; -o FILE writes all")


def _fitting(names: list[str], cells: list[list[str]], width: int) -> Iterator[int]:
    """Yield the widths of the columns that fit, and of the first one in any case."""
    used = 0
    for number, (name, column) in enumerate(zip(names, cells, strict=True)):
        size = max(len(name), *map(len, column), 1)
        used += size + len(_BETWEEN) * bool(number)
        if number and used > width:
            return
        yield size


def _print_rows(cells: list[list[str]], sizes: list[int], left: list[bool]) -> None:
    for row in zip(*cells[: len(sizes)], strict=True):
        line = _BETWEEN.join(
            cell.ljust(size) if text else cell.rjust(size)
            for cell, size, text in zip(row, sizes, left, strict=False)
        )
        sys.stdout.write(f"{line.rstrip()}\n")


def _short(name: str, targets: Sequence[str]) -> str:
    """Return lo-95 for sales-lo-95, if sales is the only target."""
    for end in ("lo", "hi"):
        if len(targets) == 1 and name.startswith(f"{targets[0]}-{end}-"):
            return name[len(targets[0]) + 1 :]
    return name


def _cells(column: NDArray[Any]) -> list[str]:
    import numpy as np

    from seqrt.data.writers.digits import texts

    if column.dtype.kind == "O":  # a column of text, or of numbers of which some are missing
        column = np.array([f"{x:.6g}" if isinstance(x, float) else x for x in column], object)
    if column.dtype.kind != "f":
        return [on_one_line(str(cell)) for cell in texts(column)]
    return ["" if math.isnan(value) else f"{value:.6g}" for value in column.tolist()]
