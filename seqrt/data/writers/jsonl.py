"""Writes a table as JSON Lines: an object per row, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from seqrt.data.writers.digits import texts


def write_jsonl(file: TextIO, pieces: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write the pieces of a table; a missing cell is null, and so are NaN and Inf.

    An empty table gives an empty file: JSON Lines has no line of names.
    """
    for piece in pieces:
        names = [json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in piece]
        row = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
        cells = map(_json_texts, piece.values())
        file.writelines(row % values for values in zip(*cells, strict=True))


def _json_texts(cells: NDArray[Any]) -> list[str]:
    written = texts(cells)
    match cells.dtype.kind:
        case "O":
            return [json.dumps(cell, ensure_ascii=False) for cell in cells]
        case "M":
            return ["null" if text == "" else f'"{text}"' for text in written]
        case "f":
            for row in np.flatnonzero(~np.isfinite(cells)):
                written[row] = "null"
    return written
