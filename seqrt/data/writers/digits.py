"""Numbers as text: the fewest digits that identify each number in its own type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def texts(cells: NDArray[Any]) -> list[str]:
    """Return the cells of a column as text; numbers in the fewest digits that identify them.

    Times are written in the unit of their type; a missing one is empty.

    A float32 needs at most nine digits, and reading them as float32 gives the same bits.

    >>> import numpy as np
    >>> texts(np.array([0.1, 1e-5, 3], np.float32))
    ['0.1', '1e-05', '3.0']
    """
    if cells.dtype.kind == "O":
        return ["" if cell is None else cell for cell in cells]
    if cells.dtype.kind == "M":
        stamps = np.datetime_as_string(cells).tolist()
        return ["" if text == "NaT" else str(text).replace("T", " ") for text in stamps]
    return list(map(str, cells))
