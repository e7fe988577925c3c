"""The network that seqrt trains: recurrent layers of one kind and a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from torch import nn

from seqrt.contract.manifest import Activation, Cell, Head, Missing, Nonlinearity
from seqrt.errors import UsageError
from seqrt.training.networks.dropout import Dropout
from seqrt.training.networks.missing import inputs
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack


@dataclass(frozen=True)
class Architecture:
    """The sizes and choices that make a network; what `Network` was called with."""

    cell: Cell
    features: int
    units: tuple[int, ...]
    outputs: int
    bidirectional: bool
    head: Head
    activation: Activation
    nonlinearity: Nonlinearity
    dropout: float
    layer_norm: bool
    missing: Missing

    def __post_init__(self) -> None:
        """Raise UsageError where a choice is none."""
        _check_choice("cell", self.cell, get_args(Cell))
        _check_choice("head", self.head, get_args(Head))
        _check_choice("activation", self.activation, get_args(Activation))
        _check_choice("nonlinearity", self.nonlinearity, get_args(Nonlinearity))
        _check_choice("missing", self.missing, get_args(Missing))
        for name in ("features", "outputs"):
            _check_size(name, getattr(self, name))
        if not self.units:
            raise UsageError("units must name at least one layer, such as (64, 32), got none.")
        for size in self.units:
            _check_size("units", size)
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be from 0 to below 1, got {self.dropout}.")


class Network(Stack):
    """A stack of recurrent layers of one kind, and a linear head.

    Shapes: B batch, T time, D features, O outputs; x (B, T, D) → y (B, O) with the `last` head,
    (B, T, O) with the `sequence` head. See Stack for the scaling around it.
    """

    def __init__(
        self,
        cell: Cell = "lstm",
        features: int = 1,
        units: Sequence[int] = (64, 32),
        outputs: int = 1,
        *,
        bidirectional: bool = False,
        head: Head = "last",
        activation: Activation = "none",
        nonlinearity: Nonlinearity = "tanh",
        dropout: float = 0.0,
        layer_norm: bool = False,
        missing: Missing = "error",
    ) -> None:
        """Make the network with random weights; raise UsageError where a choice is none.

        `dropout` and `layer_norm` act between the recurrent layers; `nonlinearity` is the RNN's.
        `missing` says how NaN in x is read: see seqrt.training.networks.missing.
        """
        architecture = Architecture(
            cell,
            features,
            tuple(units),
            outputs,
            bidirectional,
            head,
            activation,
            nonlinearity,
            dropout,
            layer_norm,
            missing,
        )
        super().__init__(features, outputs, head, activation, missing)
        self.architecture = architecture
        directions = 2 if bidirectional else 1
        widths = [inputs(features, missing), *(size * directions for size in units)]
        self.layers = nn.ModuleList(
            Recurrent(cell, width, size, bidirectional=bidirectional, nonlinearity=nonlinearity)
            for width, size in zip(widths, units, strict=False)
        )
        between = widths[1:-1] if layer_norm else []
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in between)
        self.dropout = Dropout(dropout)
        self.dense = nn.Linear(widths[-1], outputs)

    def steps(self) -> list[nn.Module]:
        """Return layer, norm, dropout, layer, ..., head."""
        first, *others = self.layers  # a slice of a ModuleList would be a new module
        norms = list(self.norms)
        steps = [first]
        for i, layer in enumerate(others):
            steps += [*norms[i : i + 1], self.dropout, layer]
        return [*steps, self.dense]

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this network again."""
        return asdict(self.architecture)


def _check_choice(name: str, got: str, choices: tuple[str, ...]) -> None:
    if got not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {got!r}.")


def _check_size(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"{name} must be a whole number from 1, got {size!r}.")
