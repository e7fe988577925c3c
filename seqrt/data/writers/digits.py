"""Numbers as text: the fewest digits that identify each number in its own type."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def texts(cells: NDArray[Any]) -> list[str]:
    """Return the cells of a column as text; numbers in the fewest digits that identify them.

    A float32 needs at most nine digits, and reading them as float32 gives the same bits.

    >>> import numpy as np
    >>> texts(np.array([0.1, 1e-5, 3], np.float32))
    ['0.1', '1e-05', '3.0']
    """
    if cells.dtype.kind == "O":
        return list(cells)
    return list(map(str, cells))
