"""Answers written into a .npy file as they come, and what is to be said of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections import Counter


class Answers:
    """The answers (N, O) or (N, T, O) of a file, of which none stays in memory.

    Those that are never put are zeros. `found` counts the place of the largest output of each
    (N, O), and `last` is the answer (O,) that was put last.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """Write what np.save writes before the numbers, and make room for them."""
        from collections import Counter

        from numpy.lib.format import write_array_header_1_0

        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        write_array_header_1_0(file, header)
        self.shape = shape
        self.found: Counter[int] = Counter()
        self.last: Any = None
        self._file = file
        self._start = file.tell()
        file.truncate(self._start + 4 * math.prod(shape))

    def put(self, row: int, step: int, y: Any) -> None:
        """Write y (n, O), or (n, t, O) from `step` on, as the answers to sequence `row` and on."""
        import numpy as np

        if not y.size:
            return
        y = np.ascontiguousarray(y, "<f4")
        self.last = y.reshape(-1, self.shape[-1])[-1]
        if y.ndim == len("NO"):
            self.found.update(np.argmax(y, axis=1).tolist())
        if y.shape[1:] == self.shape[1:]:
            self._write(row, 0, y)
            return
        for i, steps in enumerate(y):
            self._write(row + i, step, steps)

    def _write(self, row: int, step: int, y: Any) -> None:
        place = row * math.prod(self.shape[1:]) + step * self.shape[-1]
        self._file.seek(self._start + 4 * place)
        self._file.write(y.data)
