"""Columns of pyarrow as sequences of texts or of lists, without a Python object per cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.text.texts import Texts


def arrow_texts(cells: Any) -> Texts:
    """Return a column as texts, "" for null. Raises ArrowException if it cannot be text."""
    import pyarrow

    texts = cells.cast(pyarrow.large_string()).fill_null("")
    whole = texts.combine_chunks() if isinstance(texts, pyarrow.ChunkedArray) else texts
    whole.validate(full=True)  # a damaged file may hold text that is not UTF-8
    _, offsets, data = whole.buffers()
    edges = np.frombuffer(offsets, np.int64, len(whole) + 1, 8 * whole.offset)
    return Texts(np.frombuffer(data or b"", np.uint8), edges)


class ArrowLists(Sequence[Any]):
    """A column of lists: an array per row where they hold numbers, and else a Python list."""

    def __init__(self, cells: Any) -> None:
        """Take an array of lists, of any kind that pyarrow has."""
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> ArrowLists: ...

    def __getitem__(self, index: int | slice) -> Any:
        from pyarrow import types

        if isinstance(index, slice):
            return ArrowLists(self._cells[index])
        cell = self._cells[index]
        held = cell.type.value_type
        if types.is_integer(held) or types.is_floating(held):
            numbers = cell.values
            return np.empty(0) if numbers is None else numbers.to_numpy(zero_copy_only=False)
        return cell.as_py() or []

    def take(self, rows: NDArray[np.int64]) -> ArrowLists:
        """Return some rows in the order of their numbers `rows`."""
        return ArrowLists(self._cells.take(rows))
