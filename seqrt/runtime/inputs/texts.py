"""Texts as a model reads them: alone, in lists and in the columns of tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract.text import Text
from seqrt.errors import InputError
from seqrt.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


class TextReader:
    """Maps the texts that a model is given to ids, as the `text` of its manifest says."""

    def __init__(self, text: Text) -> None:
        """Take the record of a manifest."""
        self.text = text

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, made at the first text."""
        return Tokenizer(self.text)

    @property
    def holds_words(self) -> bool:
        """Whether a piece of text may end in the middle of a token."""
        return self.text.kind == "words"

    def listed(self, x: Any) -> Any:
        """Return texts in an array or a column of a data frame as a list, anything else as it is.

        Raises InputError (E_INPUT_TYPE) for a single text, and for anything else among texts.
        """
        if isinstance(x, str | bytes):
            raise InputError(
                "E_INPUT_TYPE: x must be a list of texts, got a single one. Put it in a list: [x]."
            )
        plain = type(x) is np.ndarray or not hasattr(x, "__dlpack__")
        if plain and len(getattr(x, "shape", ())) == 1:
            array = np.asarray(x)
            x = array.tolist() if array.dtype.kind in "OSU" else x
        if isinstance(x, list | tuple) and any(isinstance(item, str | bytes) for item in x):
            for i, item in enumerate(x):
                if not isinstance(item, str | bytes):
                    raise _type_error(f"x[item {i}]", item)
        return x

    def check_chunks(self, chunks: Mapping[Any, Any]) -> None:
        """Raise InputError for chunks of text that may end in the middle of a word."""
        if not self.holds_words:
            return
        for key, chunk in chunks.items():
            if isinstance(chunk, str | bytes):
                raise InputError(
                    f"E_INPUT_TYPE: x[{key!r:.60}] must be ids: the last word of a text may go on"
                    " in the next chunk. Keep a model.tokenizer.live() for each key, or use a"
                    " Stream for each."
                )

    def of_table(self, columns: Any) -> list[Ids]:
        """Return the ids of each row of a table; none for a row whose text is missing.

        Raises InputError for a table without the column of texts (E_INPUT_COLUMN), and for anything
        but a table, or but text in a cell (E_INPUT_TYPE).
        """
        name = self.text.column
        if isinstance(columns, list | tuple) or not hasattr(columns, "__getitem__"):
            raise InputError(
                "E_INPUT_TYPE: encode takes a text or a table with a column of texts, got"
                f" {type(columns).__name__}. A list of texts goes to predict as it is."
            )
        if name not in columns:
            raise InputError(
                f"E_INPUT_COLUMN: columns must have {name!r}, which the model reads, got"
                f" {', '.join(map(str, columns))!s:.80}."
            )
        cells = columns[name]
        cells = [cells] if isinstance(cells, str | bytes) else cells
        return [self._of_cell(cell, f"columns[{name!r}][{row}]") for row, cell in enumerate(cells)]

    def _of_cell(self, cell: Any, place: str) -> Ids:
        if isinstance(cell, str | bytes):
            return self.tokenizer.encode(cell)
        if _is_missing(cell):
            return np.zeros(0, np.int64)
        raise _type_error(place, cell)


def _is_missing(cell: Any) -> bool:
    """Whether a cell is None, NaN, masked, or the missing value of pandas."""
    nan = isinstance(cell, float | np.floating) and cell != cell
    return nan or cell is None or cell is np.ma.masked or type(cell).__name__ == "NAType"


def _type_error(place: str, got: Any) -> InputError:
    return InputError(
        f"E_INPUT_TYPE: {place} must be text, as str or bytes, got {type(got).__name__}."
    )
