"""An array in a .npy file that may be larger than memory, read a part at a time."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.readers.npy import clean, read_header, truncated
from seqrt.data.readers.source import opened
from seqrt.data.sequences import check_channels_first


class Mapped:
    """The array in the .npy file at `source`: its shape, and any part of it.

    A part takes memory only as long as the caller keeps it.
    """

    def __init__(
        self, path: str | Path, *, channels_first: bool = False, ids: bool = False
    ) -> None:
        """Read the header; raise as `read_npy` does.

        With `ids` an array of several token ids in each row, (batch, time), is (batch, time, 1).

        With `channels_first` the file holds (batch, features, time), and this (batch, time,
        features); raise UsageError for an array of another rank.
        """
        self.source = str(path)
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            self._header, self._start = read_header(file, size, self.source)
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.shape = shape = self._header.shape
        self.dtype = self._header.dtype
        self._channels_first = channels_first
        self._ids = ids and len(shape) == len("BT") and shape[1] > 1
        if self._ids:
            self.shape = (*shape, 1)
        if channels_first:
            check_channels_first(self.source, shape)
            self.shape = (shape[0], shape[2], shape[1])

    def part(self, *axes: slice) -> NDArray[Any]:
        """Return a copy of a part, in native byte order.

        Raises InputError (E_INPUT_TRUNCATED) if the file has since been cut short.
        """
        # reading a mapped page past the end of the file kills the process: check, then copy
        size = self._bytes.size()
        if size < self._start + self._header.size:
            raise truncated(self.source, f"it was cut to {size:,} bytes during reading")
        order = self._header.order
        whole: NDArray[Any] = np.ndarray(
            self._header.shape, self._header.dtype, self._bytes, self._start, order=order
        )
        whole = whole.transpose(0, 2, 1) if self._channels_first else whole
        whole = whole[..., None] if self._ids else whole
        copy = np.array(whole[axes], order="C")
        if hasattr(self._bytes, "madvise"):
            self._bytes.madvise(mmap.MADV_DONTNEED)
        return clean(copy, self.source)
