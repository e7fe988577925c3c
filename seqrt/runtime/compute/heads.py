"""Several outputs of one graph: joined side by side inside the runtime, by name for the caller.

Joined, y is (B, O) or (B, T, O), with the columns of all heads one after the other. Beside a head
that has an output at every step, one that has a single output has it at the last step of the row,
and zeros before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seqrt.contract import Manifest
    from seqrt.runtime.types import Floats, Lengths


class Head(NamedTuple):
    """One output: its name, its columns of the joined y, whether it has one at every step."""

    name: str
    columns: slice
    per_step: bool


class Heads(NamedTuple):
    """The outputs of a graph; `per_step` says whether the joined y has the time axis."""

    parts: tuple[Head, ...]
    per_step: bool

    @property
    def names(self) -> list[str]:
        """The names of the outputs."""
        return [part.name for part in self.parts]

    def shapes_of_a_step(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each output for a row of one step, without the batch axis."""
        return {
            part.name: (1,) * part.per_step + (part.columns.stop - part.columns.start,)
            for part in self.parts
        }

    def join(self, arrays: Sequence[Floats], lengths: Lengths, time: int) -> Floats:
        """Return the outputs of a run joined; the rows have `lengths` of `time` steps."""
        if not self.per_step or all(part.per_step for part in self.parts):
            return np.concatenate(arrays, axis=-1)
        y = np.zeros((len(lengths), time, self.parts[-1].columns.stop), np.float32)
        for part, array in zip(self.parts, arrays, strict=True):
            if part.per_step:
                y[:, :, part.columns] = array
            else:
                y[np.arange(len(y)), lengths - 1, part.columns] = array
        return y

    def only_last(self, y: Floats, lengths: Lengths) -> None:
        """Write zeros where a single output stands at a step before the last one of its row."""
        if not self.per_step:
            return
        for part in self.parts:
            if not part.per_step:
                last = self._last(y, lengths, part)
                y[:, :, part.columns] = 0
                filled = np.flatnonzero(lengths)
                y[filled, lengths[filled] - 1, part.columns] = last[filled]

    def by_name(self, y: Floats, lengths: Lengths | None = None) -> dict[str, Floats]:
        """Return the outputs of a batch by name, (B, T, O) or (B, O)."""
        if lengths is None and self.per_step:
            lengths = np.full(len(y), y.shape[1], np.int32)
        return {
            part.name: self._last(y, np.asarray(lengths), part)
            if self.per_step and not part.per_step
            else np.ascontiguousarray(y[..., part.columns])
            for part in self.parts
        }

    def of_batch(self, x: Any, y: Floats | list[Floats], lengths: Any) -> dict[str, Any]:
        """Return the outputs of what `predict` was given by name."""
        if isinstance(y, list):
            return self.of_list(y)
        if isinstance(x, list | tuple) or lengths is None:
            return dict(self.by_name(y))
        return dict(self.by_name(y, np.asarray(lengths)))

    def of_list(self, items: list[Floats]) -> dict[str, Any]:
        """Return the outputs of a list of sequences by name: lists of (T_i, O), or (B, O)."""
        rows = [self.of_chunk(item) for item in items]
        return {
            part.name: [row[part.name] for row in rows]
            if part.per_step
            else np.array([row[part.name] for row in rows], np.float32).reshape(len(rows), -1)
            for part in self.parts
        }

    def of_chunk(self, y: Floats) -> dict[str, Floats]:
        """Return the outputs of one chunk (t, O), or of one step (O,), by name."""
        last = y if y.ndim == 1 else y[-1] if len(y) else np.zeros(y.shape[1:], np.float32)
        return {
            part.name: (y if part.per_step else last)[..., part.columns].copy()
            for part in self.parts
        }

    @staticmethod
    def _last(y: Floats, lengths: NDArray[Any], part: Head) -> Floats:
        if not y.shape[1]:
            return np.zeros((len(y), part.columns.stop - part.columns.start), np.float32)
        picked: Floats = y[np.arange(len(y)), np.maximum(lengths, 1) - 1, part.columns]
        return picked


def heads_of(manifest: Manifest) -> Heads | None:
    """Return the heads of a model, None if it has a single output."""
    parts, at = [], 0
    for head in manifest.heads:
        parts.append(Head(head.name, slice(at, at + head.outputs), head.head == "sequence"))
        at += head.outputs
    return Heads(tuple(parts), manifest.head == "sequence") if parts else None
