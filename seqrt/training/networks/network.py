"""The networks that seqrt trains: recurrent layers of one kind, and a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, get_args

from torch import nn

from seqrt.contract.manifest import Activation, Head, Missing, Nonlinearity
from seqrt.contract.text import WIDEST
from seqrt.errors import UsageError
from seqrt.training.kernels import TrainedCell
from seqrt.training.networks.dilated import Dilated
from seqrt.training.networks.dropout import Dropout
from seqrt.training.networks.front import parse_front
from seqrt.training.networks.missing import input_size
from seqrt.training.networks.pooling import parse_pool
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack

# Options that older versions did not have: recorded only where they differ from their default.
LATER: Final = {"residual": False, "front": "", "pool": "last", "embedding": 0, "tokens": 0}


@dataclass(frozen=True)
class Architecture:
    """The options of the recurrent layers, which can be chosen before the data is known."""

    cell: TrainedCell = "lstm"
    units: tuple[int, ...] = (64, 32)
    bidirectional: bool = False
    dropout: float = 0.0
    layer_norm: bool = False
    nonlinearity: Nonlinearity = "tanh"
    residual: bool = False
    front: str = ""
    pool: str = "last"
    embedding: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError if an option is not available or out of range."""
        _check_choice("cell", self.cell, get_args(TrainedCell))
        _check_choice("nonlinearity", self.nonlinearity, get_args(Nonlinearity))
        if not self.units:
            raise UsageError("units must name at least one layer, such as (64, 32), got none.")
        for size in self.units:
            _check_size("units", size)
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be from 0 to below 1, got {self.dropout}.")
        if self.residual and (len(self.units) == 1 or len(set(self.units)) > 1):
            raise UsageError(
                "residual connections need at least two layers, all with the same units, got units"
                f" {','.join(map(str, self.units))}. Give equal sizes, such as units"
                f" {self.units[0]},{self.units[0]}."
            )
        if self.segment > 1 and self.bidirectional:
            raise UsageError(
                f"front {self.front} reads the segments that end at each step, and a bidirectional"
                " layer reads from the end. Drop front or bidirectional."
            )
        parse_pool(self.pool)
        if self.embedding:
            _check_size("embedding", self.embedding)
        if self.embedding > WIDEST:
            raise UsageError(f"embedding must be at most {WIDEST:,}, got {self.embedding:,}.")

    @property
    def segment(self) -> int:
        """The number of steps in a segment, 1 for layers that read step by step."""
        front = parse_front(self.front)
        return front.dilation if front else 1


@dataclass(frozen=True)
class NetworkConfig(Architecture):
    """A whole network, its layers and the options set by the data: the arguments of `Network`."""

    features: int = 1
    outputs: int = 1
    head: Head = "last"
    activation: Activation = "none"
    missing: Missing = "error"
    tokens: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError if an option is not available or out of range."""
        super().__post_init__()
        _check_choice("head", self.head, get_args(Head))
        _check_choice("activation", self.activation, get_args(Activation))
        _check_choice("missing", self.missing, get_args(Missing))
        for name in ("features", "outputs"):
            _check_size(name, getattr(self, name))
        if self.pool != "last" and self.head == "sequence":
            raise UsageError(
                f"pool {self.pool} makes one value of all steps, but this network has an output"
                " for each step. Drop pool, or train on one target per sequence."
            )
        self._check_tokens()

    def _check_tokens(self) -> None:
        """Raise UsageError unless there is an embedding for tokens, and only for them."""
        if not self.tokens:
            if self.embedding:
                raise UsageError(
                    "embedding is the width of a table of tokens, but this network reads numbers."
                    " Drop embedding."
                )
            return
        _check_size("tokens", self.tokens)
        if not self.embedding:
            raise UsageError(
                f"a network of {self.tokens:,} tokens needs the width of its table. Give embedding,"
                " such as 64."
            )
        if self.features != 1 or self.missing != "error":
            raise UsageError(
                "a network of tokens has one feature, the id of the token, which is never missing,"
                f" got features {self.features} and missing {self.missing!r}."
            )


class Network(Stack):
    """A stack of recurrent layers of one kind, and a linear head.

    Shapes: B batch, T time, D features, O outputs; x (B, T, D) → y (B, O) with the `last` head,
    (B, T, O) with the `sequence` head. See Stack for the scaling around it.

        h_1 = layer_1(u)
        h_l = layer_l(dropout(norm_l(h_{l-1})))                 from the second layer on
        h_l = layer_l(dropout(norm_l(h_{l-1}))) + h_{l-1}       the same with `residual`
        v = W h_L + b

    With tokens, x (B, T, 1) holds their ids, and the dropout also acts on u, which holds a row of
    the table for each, and on h_L as the head reads it.

    `norm_l` is there only with `layer_norm`. The sum leaves it and the dropout out, so that values
    and gradients pass all layers unchanged (He et al. 2016, arXiv:1603.05027; between the layers of
    recurrent networks: Wu et al. 2016, arXiv:1609.08144).
    """

    def __init__(
        self,
        cell: TrainedCell = NetworkConfig.cell,
        features: int = NetworkConfig.features,
        units: Sequence[int] = NetworkConfig.units,
        outputs: int = NetworkConfig.outputs,
        *,
        bidirectional: bool = NetworkConfig.bidirectional,
        head: Head = NetworkConfig.head,
        activation: Activation = NetworkConfig.activation,
        nonlinearity: Nonlinearity = NetworkConfig.nonlinearity,
        dropout: float = NetworkConfig.dropout,
        layer_norm: bool = NetworkConfig.layer_norm,
        missing: Missing = NetworkConfig.missing,
        residual: bool = NetworkConfig.residual,
        front: str = NetworkConfig.front,
        pool: str = NetworkConfig.pool,
        tokens: int = NetworkConfig.tokens,
        embedding: int = NetworkConfig.embedding,
    ) -> None:
        """Make the network with random weights; raise UsageError if an option is invalid.

        `dropout` and `layer_norm` act between the recurrent layers; `nonlinearity` is that of the
        rnn cell. `missing` is the policy for NaN in x: see seqrt.training.networks.missing. `front`
        describes a layer in front of the recurrent ones: see seqrt.training.networks.front. `pool`
        is how the `last` head reads the steps of a sequence: last, mean, max or attention. With
        `tokens`, x holds ids below that number, whose rows of a table of width `embedding` the
        first layer reads.
        """
        architecture = NetworkConfig(
            cell=cell,
            units=tuple(units),
            bidirectional=bidirectional,
            dropout=dropout,
            layer_norm=layer_norm,
            nonlinearity=nonlinearity,
            features=features,
            outputs=outputs,
            head=head,
            activation=activation,
            missing=missing,
            residual=residual,
            front=front,
            pool=pool,
            tokens=tokens,
            embedding=embedding,
        )
        super().__init__(features, outputs, head, activation, missing, residual=residual)
        self.architecture = architecture
        directions = 2 if bidirectional else 1
        self.embedding = nn.Embedding(tokens, embedding) if tokens else None
        width, described = embedding or input_size(features, missing), parse_front(front)
        self.front = described.layer(width, units[0]) if described else None
        width = self.front.channels if self.front else width
        widths = [width, *(size * directions for size in units)]
        self.segment = architecture.segment
        if self.segment > 1:
            make: Any = partial(Dilated, dilation=self.segment)
        else:
            make = partial(Recurrent, bidirectional=bidirectional)
        self.layers = nn.ModuleList(
            make(cell, width, size, nonlinearity=nonlinearity)
            for width, size in zip(widths, units, strict=False)
        )
        between = widths[1:-1] if layer_norm else []
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in between)
        self.dropout = Dropout(dropout, quick=tokens > 0)
        self.pool = parse_pool(pool)(widths[-1])
        self.dense = nn.Linear(widths[-1], outputs)

    def steps(self) -> list[nn.Module]:
        """Return front, layer, norm, dropout, layer, ..., pool, head.

        With tokens, dropout is also the first step, and the last before the head.
        """
        first, *others = self.layers  # a slice of a ModuleList would be a new module
        norms, around = list(self.norms), [self.dropout] if self.tokens else []
        steps = [*around, self.front, first] if self.front else [*around, first]
        for i, layer in enumerate(others):
            steps += [*norms[i : i + 1], self.dropout, layer]
        return [*steps, *([self.pool] if self.pool else []), *around, self.dense]

    def config(self) -> dict[str, Any]:
        """Return the arguments that make the same network."""
        config = asdict(self.architecture)
        return {name: v for name, v in config.items() if v != LATER.get(name)}


def _check_choice(name: str, got: str, choices: tuple[str, ...]) -> None:
    if got not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {got!r}.")


def _check_size(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"{name} must be a whole number from 1, got {size!r}.")
