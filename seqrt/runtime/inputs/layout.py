"""What the arrays of a model hold: D numbers at each step, or one token id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.inputs.arrays import as_array, as_floats, inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.contract import Manifest
    from seqrt.runtime.inputs.texts import TextReader
    from seqrt.runtime.types import Lengths

    Read = Callable[[Any, str], NDArray[Any]]


class Layout(NamedTuple):
    """The shape of one step, (D,) or () for a token, how arrays are read, and the shortest row.

    With `any_ids`, tokens may be outside the table of a network that reads those as unknown. `read`
    returns a C-contiguous array of what the graph takes, and checks all but the ids of
    tokens, which may be anything past the end of a row; `read_all` checks those too.
    """

    step: tuple[int, ...]
    read: Read
    read_all: Read
    tokens: int = 0
    least: int = 1
    any_ids: bool = False
    text: TextReader | None = None

    @property
    def axes(self) -> tuple[str | int, ...]:
        """The shape of a sequence, for errors."""
        return ("time", *self.step)

    def sequence(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return tokens (T, 1) as (T,), and any other array as it is."""
        return array[..., 0] if self.tokens and array.shape[1:] == (1,) else array

    def check_lengths(self, lengths: Lengths) -> None:
        """Raise InputError for a row that is shorter than the network needs, but not empty."""
        if self.least < 2:
            return
        short = np.flatnonzero((lengths > 0) & (lengths < self.least))
        if len(short):
            raise InputError(
                f"E_INPUT_LENGTHS: every sequence must have at least {self.least} steps, which the"
                f" network looks back at; x[item {short[0]}] has {lengths[short[0]]}"
                f" ({len(short)} such items). Leave short ones out, or give more of their past."
            )

    def check_ids(self, x: NDArray[Any], lengths: Lengths) -> None:
        """Raise InputError at the first id in x (B, T) that is not a token."""
        if not self.tokens or self.any_ids or _all_tokens(x, self.tokens):
            return
        wrong = ((x < 0) | (x >= self.tokens)) & inside(lengths, x.shape[1])
        if wrong.any():
            item, step = np.argwhere(wrong)[0].tolist()
            raise _id_error(f"x[item {item}, step {step}]", x[item, step], self.tokens)


def layout_of(manifest: Manifest) -> Layout:
    """Return the layout of a model's x."""
    if not manifest.tokens:
        step = (len(manifest.features),)
        return Layout(step, as_floats, as_floats, least=manifest.least)
    tokens, text = manifest.tokens, None
    if manifest.text:
        from seqrt.runtime.inputs.texts import TextReader

        text = TextReader(manifest.text)

    def read(value: Any, name: str) -> NDArray[Any]:
        if text and isinstance(value, str | bytes):
            return text.tokenizer.encode(value)
        return as_ids(value, name)

    def read_all(value: Any, name: str) -> NDArray[Any]:
        ids = read(value, name)
        if not _all_tokens(ids, tokens):
            place = np.argwhere((ids < 0) | (ids >= tokens))[0].tolist()
            where = f"{name}[step {place[0]}]" if place else name
            raise _id_error(where, ids[tuple(place)], tokens)
        return ids

    return Layout((), read, read_all, tokens, manifest.least, text=text)


def as_ids(value: Any, name: str) -> NDArray[np.int64]:
    """Return token ids as C-contiguous int64; numbers such as 3.0 are ids too.

    Raises InputError for anything but an array of whole numbers.
    """
    scalar = isinstance(value, int | np.number) and not isinstance(value, bool)
    array = np.asarray(value) if scalar else as_array(value, name)
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"E_INPUT_DTYPE: {name} must hold token ids, whole numbers, got dtype {array.dtype}."
        )
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.round(array))).all():
        first = array[~(np.isfinite(array) & (array == np.round(array)))].reshape(-1)[0]
        raise InputError(f"E_INPUT_DTYPE: {name} must hold token ids, whole numbers, got {first}.")
    # numbers beyond int64 are no tokens either way
    if array.dtype.kind == "f":
        array = np.clip(array.astype(np.float64), -1, 1 << 53)
    elif array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(1 << 62))
    return np.asarray(array, np.int64, order="C")


def _all_tokens(ids: NDArray[Any], tokens: int) -> bool:
    return not ids.size or (int(ids.min()) >= 0 and int(ids.max()) < tokens)


def _id_error(place: str, found: Any, tokens: int) -> InputError:
    return InputError(
        f"E_INPUT_RANGE: token ids must be from 0 to {tokens - 1}; {place} is {found}."
        " Give words that the network does not know the id that it was trained with for them: 0 if"
        " the model reads text."
    )
