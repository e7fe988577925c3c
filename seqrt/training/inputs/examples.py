"""Labelled sequences as row ranges of one tensor: the form that the training loop reads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from seqrt.contract.manifest import Activation, Head
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError, ResourceError
from seqrt.training.inputs.check import Array, Data, Floats, Raw, as_ragged, check_labelled
from seqrt.training.inputs.scaling import with_scaling_from
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.stack import Stack

Labelled = tuple[Data, Data] | tuple[Data, Data, ArrayLike | None]


@dataclass(frozen=True)
class Examples:
    """Labelled sequences of any lengths, with targets in the units of the loss.

    Shapes: B sequences with N steps together. Their steps are the rows of x (·, D), numbers or ids
    of tokens, from `starts` (B,) on, see Ragged. y has a row per sequence (B, ·), or per step
    (N, ·): scaled targets (·, O), 0 and 1 (·, O), or class numbers (·,). A `text` is one sequence,
    which is read in rows side by side; the rows have the indices in y of their first `targets`.
    """

    x: Tensor
    y: Tensor
    lengths: Tensor
    starts: Tensor
    per_step: bool
    text: bool = False
    targets: Tensor | None = None

    @classmethod
    def of(cls, x: Sequence[Floats], y: Tensor, head: Head) -> Examples:
        """Take sequences x (T_i, D); they are copied only if Ragged.of copies them."""
        rows = Ragged.of(x)
        lengths, starts = torch.from_numpy(rows.lengths), torch.from_numpy(rows.starts)
        return cls(_as_tensor(rows.values), y, lengths, starts, per_step=head == "sequence")

    @cached_property
    def length(self) -> int | None:
        """The length of all sequences, or None where they differ."""
        shortest, longest = self.lengths.aminmax()
        return int(longest) if shortest == longest else None

    @cached_property
    def first_targets(self) -> Tensor:
        """The index in y of each sequence's first target (B,), if every step has one."""
        if self.targets is not None:
            return self.targets
        return self.lengths.cumsum(0) - self.lengths

    @cached_property
    def windows(self) -> Tensor:
        """All ranges of `length` rows of x, overlapping (·, T, D), indexed by their first row."""
        (rows, features), steps = self.x.shape, self.length
        assert steps
        return self.x.as_strided((rows - steps + 1, steps, features), (features, features, 1))

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, positions: slice) -> Examples:
        """Return only the sequences at `positions`."""
        if self.per_step:
            y = torch.cat(self.y.split(self.lengths.tolist())[positions])
        else:
            y = self.y[positions]
        return replace(self, y=y, lengths=self.lengths[positions], starts=self.starts[positions])

    def to(self, device: torch.device, moved: dict[Any, Tensor] | None = None) -> Examples:
        """Return the examples on `device`; `moved` holds the copies of x there, to be shared."""
        tensors = {name: getattr(self, name).to(device) for name in ("y", "lengths", "starts")}
        block = self.x.data_ptr(), self.x.shape
        moved = {} if moved is None else moved
        x = moved[block] = moved[block] if block in moved else self.x.to(device)
        return replace(self, x=x, **tensors)


def examples(net: Stack, *parts: Labelled) -> list[Examples]:
    """Return parts of the data as examples on the device of `net`.

    A network that has seen no data yet takes its scaling and classes from the first part.
    """
    if isinstance(net, Forecaster):
        return [_of_series(net, *part) for part in parts]
    raw, device = [_checked(net, *part) for part in parts], net.x_mean.device
    metadata = with_scaling_from(net.metadata, net.activation, raw[0], net.tokens)
    moved: dict[Any, Tensor] = {}
    try:
        found = [
            _encoded(part, metadata, net.head, net.activation).to(device, moved) for part in raw
        ]
    except torch.OutOfMemoryError as error:
        raise memory_error(error) from None
    if metadata is not net.metadata:
        net.metadata = metadata
        net.set_scaling(metadata.features, metadata.outputs)
    return found


def _of_series(net: Forecaster, x: Data, y: Data, lengths: ArrayLike | None = None) -> Examples:
    """Return whole series, with the targets of training.forecasting.sequences at every step."""
    rows = sequences_for(net, x, lengths)
    targets = np.concatenate(list(y)).astype(np.float32)
    wanted = (int(rows.lengths.sum()), net.architecture.horizon + 1)
    if targets.shape != wanted:
        raise InputError(
            "E_INPUT_SHAPE: y must have the next values and their scale for every step of x,"
            f" shape {wanted}, got {targets.shape}."
        )
    return Examples.of(rows, torch.from_numpy(targets), net.head).to(net.x_mean.device)


def _checked(net: Stack, x: Data, y: Data, lengths: ArrayLike | None = None) -> Raw:
    sizes = {"features": len(net.metadata.features), "outputs": len(net.metadata.outputs)}
    missing = net.missing != "error"
    return check_labelled(
        x,
        y,
        lengths,
        **sizes,
        head=net.head,
        activation=net.activation,
        missing=missing,
        tokens=net.tokens,
    )


def sequences_for(net: Stack, x: Data, lengths: ArrayLike | None = None) -> Ragged:
    """Return x, in any form that `fit` takes, as sequences that `net` reads."""
    features, missing = len(net.metadata.features), net.missing != "error"
    return as_ragged(x, lengths, features, missing=missing, tokens=net.tokens)


def memory_error(error: Exception) -> ResourceError:
    """Return the error for a device that runs out of memory."""
    return ResourceError(
        "E_MEMORY: the data and a training step do not fit into the memory of the device"
        f" ({str(error).partition('. ')[0]}). Use less data, a smaller batch size, or tbptt."
    )


def _encoded(raw: Raw, metadata: Metadata, head: Head, activation: Activation) -> Examples:
    """Return raw sequences as examples, with targets in the units of the loss.

    What a language model learns from is one text.
    """
    x, text = raw.x, metadata.task == "generate"
    if text and len(x) > 1:
        x = Ragged.of_flat(np.concatenate(list(x)), x.lengths.sum(keepdims=True))
    return replace(Examples.of(x, _targets(raw.y, metadata, activation), head), text=text)


def unlabelled(x: Sequence[Floats], head: Head) -> Examples:
    """Return sequences without targets: y has a row per sequence or per step, and no columns."""
    x = Ragged.of(x)
    rows = int(x.lengths.sum()) if head == "sequence" else len(x)
    return Examples.of(x, torch.empty(rows, 0), head)


def _as_tensor(values: Floats) -> Tensor:
    with warnings.catch_warnings():
        # training data is never written to, and a mapped file is read-only
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(values)


def _targets(y: Array, metadata: Metadata, activation: Activation) -> Tensor:
    if activation == "softmax":
        return _class_numbers(y, metadata.classes or tuple(range(len(metadata.outputs))))
    if activation == "none":
        # with the scaling as float32, which is what the network undoes
        columns = [(column.mean, column.scale) for column in metadata.outputs]
        mean, scale = np.array(columns, np.float32).astype(np.float64).T
        y = (y - mean) / scale
    return torch.tensor(y, dtype=torch.float32)


def _class_numbers(labels: Array, classes: tuple[int | str, ...]) -> Tensor:
    number = {label: i for i, label in enumerate(classes)}
    counted = labels.dtype.kind in "iu" and classes == tuple(range(len(classes)))
    if counted and labels.min(initial=0) >= 0 and labels.max(initial=0) < len(classes):
        # of a text there are many, and a byte each will do
        return torch.tensor(labels, dtype=None if labels.dtype == np.uint8 else torch.int64)
    kinds, inverse = np.unique(labels, return_inverse=True)
    numbers = np.array([number.get(kind, -1) for kind in kinds.tolist()], np.int64)[inverse]
    if (numbers < 0).any():
        known = ", ".join(map(repr, classes[:8])) + (", ..." if len(classes) > 8 else "")
        raise InputError(
            f"E_INPUT_LABEL: y must hold only the classes of the network ({known}),"
            f" got {labels[np.argmax(numbers < 0)].item()!r}."
        )
    return torch.from_numpy(numbers)
