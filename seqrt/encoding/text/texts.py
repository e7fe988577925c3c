"""Columns of text that take little memory: all characters in one array, or numbers written anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import number_text

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

_TOGETHER = 1 << 14


class Texts(Sequence[str]):
    """Texts as UTF-8, one behind the other: text i is `data[offsets[i] : offsets[i + 1]]`."""

    def __init__(self, data: NDArray[np.uint8], offsets: Integers) -> None:
        """Take bytes and N + 1 offsets of N texts."""
        self.data = data
        self.offsets = offsets
        self._one_form: bool | None = None

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return texts as one array."""
        whole = "".join(texts)
        data = whole.encode()
        lengths: Iterable[int] = map(len, texts)
        if len(data) > len(whole):
            lengths = (len(text.encode()) for text in texts)
        return cls.of_lengths(data, np.fromiter(lengths, np.int64, len(texts)))

    @classmethod
    def of_lengths(cls, data: bytes, lengths: NDArray[np.int64]) -> Texts:
        """Return texts of the given lengths in bytes."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(np.frombuffer(data, np.uint8), offsets)

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """Return the texts of all parts in order."""
        if len(parts) == 1:
            return parts[0]
        data = [part.data[part.offsets[0] : part.offsets[-1]] for part in parts]
        lengths = [np.diff(part.offsets) for part in parts]
        none = np.empty(0, np.int64)
        offsets = np.zeros(sum(map(len, parts)) + 1, np.int64)
        np.cumsum(np.concatenate([*lengths, none]), out=offsets[1:])
        return cls(np.concatenate([*data, none.astype(np.uint8)]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Texts: ...

    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step == 1:
                return Texts(self.data, self.offsets[first : max(first, last) + 1])
            return self.take(np.arange(first, last, step))
        row = range(len(self))[index]
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _TOGETHER):
            yield from self[first : first + _TOGETHER].tolist()

    def take(self, rows: Integers) -> Texts:
        """Return some texts in the order of their numbers `rows`."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        # each byte is as far behind the first of its text as it was before
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Texts(self.data[places], offsets)

    def tolist(self) -> list[str]:
        """Return the texts as a list, which is faster than one by one."""
        first = int(self.offsets[0])
        held = self.data[first : self.offsets[-1]].tobytes()
        edges = (self.offsets - first).tolist()
        if held.isascii():
            text = held.decode("ascii")
            return [text[a:b] for a, b in pairwise(edges)]
        return [held[a:b].decode() for a, b in pairwise(edges)]

    def characters(self, longest: int) -> NDArray[np.uint8] | None:
        """Return ASCII texts as codes (N, W), padded with 0; None if one is longer or not ASCII."""
        lengths = np.diff(self.offsets)
        width = int(lengths.max(initial=0))
        held = self.data[self.offsets[0] : self.offsets[-1]]
        if width > longest or (held >= 128).any():
            return None
        if (lengths == width).all():
            return held.reshape(len(self), width)
        codes = np.zeros((len(self), width), np.uint8)
        codes[np.arange(width) < lengths[:, None]] = held
        return codes

    def one_form(self) -> bool:
        """Whether all texts are ASCII, with digits in the same places and all else the same."""
        if self._one_form is None:
            self._one_form = self._is_one_form()
        return self._one_form

    def _is_one_form(self) -> bool:
        lengths = np.diff(self.offsets)
        if not len(self) or (lengths != lengths[0]).any():
            return False
        codes = self.data[self.offsets[0] : self.offsets[-1]].reshape(len(self), -1)
        first = codes[0]
        digits = (first >= ord("0")) & (first <= ord("9"))
        for start in range(0, len(codes), _TOGETHER):
            part = codes[start : start + _TOGETHER]
            if (part - ord("0") > 9)[:, digits].any() or (part != first)[:, ~digits].any():
                return False
        return True


class NumberTexts(Sequence[str]):
    """The texts of numbers that are plainly written, made from their values; "" for NaN."""

    def __init__(self, values: Numbers, exact: Integers | None = None) -> None:
        """Take the values, and the whole numbers of a column that float64 rounds."""
        self._values = values
        self._exact = exact

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> NumberTexts: ...

    def __getitem__(self, index: int | slice) -> str | NumberTexts:
        if isinstance(index, slice):
            exact = None if self._exact is None else self._exact[index]
            return NumberTexts(self._values[index], exact)
        return self[index : index + 1 or None].tolist()[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def tolist(self) -> list[str]:
        """Return the texts as a list, which is faster than one by one."""
        values = self._values.tolist()
        if self._exact is None:
            return [number_text(value) if value == value else "" for value in values]
        exact = self._exact.tolist()
        return [str(n) if value == value else "" for n, value in zip(exact, values, strict=True)]

    def take(self, rows: Integers) -> NumberTexts:
        """Return some texts in the order of their numbers `rows`."""
        exact = None if self._exact is None else self._exact[rows]
        return NumberTexts(self._values[rows], exact)
