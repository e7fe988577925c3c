"""Sequences side by side in one flat tensor: what the loop reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from seqrt.contract.manifest import Activation, Head
from seqrt.errors import InputError
from seqrt.training.about import About
from seqrt.training.door import Array, Floats, Raw


@dataclass(frozen=True)
class Examples:
    """Labelled sequences of any lengths, in the units that the loss is taken in.

    Shapes: B sequences, N steps in all of them together. x (N, D); lengths and starts (B,) cut it
    into sequences; y is (B, ·), or (N, ·) where every step has its answer: scaled targets (·, O),
    0 and 1 (·, O), or the number of the class (·,).
    """

    x: Tensor
    y: Tensor
    lengths: Tensor
    starts: Tensor
    per_step: bool

    @classmethod
    def of(cls, x: list[Floats], y: Tensor, head: Head) -> Examples:
        """Put the sequences x (T_i, D) side by side."""
        lengths = torch.tensor([len(row) for row in x])
        starts = lengths.cumsum(0) - lengths
        flat = torch.from_numpy(np.concatenate(x))
        return cls(flat, y, lengths, starts, per_step=head == "sequence")

    @cached_property
    def length(self) -> int | None:
        """The length of all sequences, or None where they differ."""
        shortest, longest = self.lengths.aminmax()
        return int(longest) if shortest == longest else None

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, places: slice) -> Examples:
        """Return the sequences at `places` alone, side by side."""
        x, y = self.x.split(self.lengths.tolist())[places], self.y[places]
        if self.per_step:
            y = torch.cat(self.y.split(self.lengths.tolist())[places])
        lengths = self.lengths[places]
        return Examples(torch.cat(x), y, lengths, lengths.cumsum(0) - lengths, self.per_step)

    def to(self, device: torch.device) -> Examples:
        """Return the same examples on another device."""
        tensors = {name: getattr(self, name).to(device) for name in ("x", "y", "lengths", "starts")}
        return replace(self, **tensors)


def encoded(raw: Raw, about: About, head: Head, activation: Activation) -> Examples:
    """Return raw sequences with their answers as the loss wants them."""
    return Examples.of(raw.x, _targets(raw.y, about, activation), head)


def unlabelled(x: list[Floats], head: Head) -> Examples:
    """Return sequences that wait for an answer; their y is empty, but has its rows."""
    rows = sum(map(len, x)) if head == "sequence" else len(x)
    return Examples.of(x, torch.empty(rows, 0), head)


def _targets(y: Array, about: About, activation: Activation) -> Tensor:
    if activation == "softmax":
        return _class_numbers(y, about.classes or tuple(range(len(about.outputs))))
    if activation == "none":
        # what the network unscales with is float32
        columns = [(column.mean, column.scale) for column in about.outputs]
        mean, scale = np.array(columns, np.float32).astype(np.float64).T
        y = (y - mean) / scale
    return torch.tensor(y, dtype=torch.float32)


def _class_numbers(labels: Array, classes: tuple[int | str, ...]) -> Tensor:
    number = {label: i for i, label in enumerate(classes)}
    unknown = [label for label in labels.tolist() if label not in number]
    if unknown:
        known = ", ".join(map(repr, classes[:8])) + (", ..." if len(classes) > 8 else "")
        raise InputError(
            f"E_INPUT_LABEL: y must hold only the classes of the network ({known}),"
            f" got {unknown[0]!r}."
        )
    return torch.tensor([number[label] for label in labels.tolist()])
