"""Labelled sequences as stretches of one tensor: what the loop reads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from seqrt.contract.manifest import Activation, Head
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError, ResourceError
from seqrt.training.inputs.check import Array, Data, Floats, Raw, check_labelled
from seqrt.training.inputs.scaling import with_scaling_from
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.stack import Stack

Labelled = tuple[Data, Data] | tuple[Data, Data, ArrayLike | None]


@dataclass(frozen=True)
class Examples:
    """Labelled sequences of any lengths, in the units that the loss is taken in.

    Shapes: B sequences, N steps in all of them together. They stand in x (·, D) from `starts` (B,)
    on, see Ragged; their answers y below each other, (B, ·), or (N, ·) where every step has one:
    scaled targets (·, O), 0 and 1 (·, O), or the number of the class (·,).
    """

    x: Tensor
    y: Tensor
    lengths: Tensor
    starts: Tensor
    per_step: bool

    @classmethod
    def of(cls, x: Sequence[Floats], y: Tensor, head: Head) -> Examples:
        """Take sequences x (T_i, D), without copying them where Ragged does not."""
        rows = Ragged.of(x)
        lengths, starts = torch.from_numpy(rows.lengths), torch.from_numpy(rows.starts)
        return cls(_as_tensor(rows.values), y, lengths, starts, per_step=head == "sequence")

    @cached_property
    def length(self) -> int | None:
        """The length of all sequences, or None where they differ."""
        shortest, longest = self.lengths.aminmax()
        return int(longest) if shortest == longest else None

    @cached_property
    def answers(self) -> Tensor:
        """Where the answers of each sequence begin (B,), where every step has one."""
        return self.lengths.cumsum(0) - self.lengths

    @cached_property
    def windows(self) -> Tensor:
        """All stretches of x of the one `length` (·, T, D), by their first step."""
        (rows, features), steps = self.x.shape, self.length
        assert steps
        return self.x.as_strided((rows - steps + 1, steps, features), (features, features, 1))

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, places: slice) -> Examples:
        """Return the sequences at `places` alone."""
        y = self.y[places]
        if self.per_step:
            y = torch.cat(self.y.split(self.lengths.tolist())[places])
        return Examples(self.x, y, self.lengths[places], self.starts[places], self.per_step)

    def to(self, device: torch.device, moved: dict[Any, Tensor] | None = None) -> Examples:
        """Return the same examples on another device; `moved` are the x that are there already."""
        tensors = {name: getattr(self, name).to(device) for name in ("y", "lengths", "starts")}
        block = self.x.data_ptr(), self.x.shape
        moved = {} if moved is None else moved
        x = moved[block] = moved[block] if block in moved else self.x.to(device)
        return replace(self, x=x, **tensors)


def examples(net: Stack, *parts: Labelled) -> list[Examples]:
    """Return parts of data as the loss wants them, on the device of `net`.

    A network that has seen no data takes its scaling and classes from the first.
    """
    raw, device = [_checked(net, *part) for part in parts], net.x_mean.device
    about = with_scaling_from(net.metadata, net.activation, raw[0])
    encode = partial(encoded, about=about, head=net.head, activation=net.activation)
    moved: dict[Any, Tensor] = {}
    try:
        found = [encode(part).to(device, moved) for part in raw]
    except torch.OutOfMemoryError as error:
        raise memory_error(error) from None
    if about is not net.metadata:
        net.metadata = about
        net.set_scaling(about.features, about.outputs)
    return found


def _checked(net: Stack, x: Data, y: Data, lengths: ArrayLike | None = None) -> Raw:
    sizes = {"features": len(net.metadata.features), "outputs": len(net.metadata.outputs)}
    missing = net.missing != "error"
    return check_labelled(
        x, y, lengths, **sizes, head=net.head, activation=net.activation, missing=missing
    )


def memory_error(error: Exception) -> ResourceError:
    """Return the error to raise where the memory of the device runs out."""
    return ResourceError(
        "E_MEMORY: the data and a step of training must fit into the memory of the device, and did"
        f" not ({str(error).partition('. ')[0]}). Give less data, a smaller batch size, or tbptt."
    )


def encoded(raw: Raw, about: Metadata, head: Head, activation: Activation) -> Examples:
    """Return raw sequences with their answers as the loss wants them."""
    return Examples.of(raw.x, _targets(raw.y, about, activation), head)


def unlabelled(x: Sequence[Floats], head: Head) -> Examples:
    """Return sequences that wait for an answer; their y is empty, but has its rows."""
    x = Ragged.of(x)
    rows = int(x.lengths.sum()) if head == "sequence" else len(x)
    return Examples.of(x, torch.empty(rows, 0), head)


def _as_tensor(values: Floats) -> Tensor:
    with warnings.catch_warnings():
        # nobody writes into what is learnt from, and a mapped file would not let them
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(values)


def _targets(y: Array, about: Metadata, activation: Activation) -> Tensor:
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
