"""Keeps recurrent layers whole while a forward is traced.

torch's tracer takes nn.LSTM apart, step by step. While `opaque_layers` is active, the forward of
each recurrent class is one operator instead, which takes its weights as tensors: so weight
normalisation, tied weights and subclasses with a forward of their own are traced as what they are.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqrt.export.foreign.tracing.refusal import Refused

LAYER, CELL, PACKED = "seqrt::layer", "seqrt::cell", "seqrt::packed"

torch.library.define(
    LAYER,
    "(Tensor x, Tensor h, Tensor c, Tensor[] weights, str mode, int hidden, int out,"
    " int directions, int depth, bool bias, bool batch_first) -> (Tensor, Tensor, Tensor)",
)
torch.library.define(
    CELL,
    "(Tensor x, Tensor h, Tensor c, Tensor[] weights, str mode, int hidden, bool bias)"
    " -> (Tensor, Tensor)",
)
torch.library.define(PACKED, "(Tensor x, Tensor lengths) -> Tensor")


@torch.library.register_fake(LAYER)  # type: ignore[untyped-decorator]  # torch has no types here
def _layer_shapes(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weights: list[Tensor],
    mode: str,
    hidden: int,
    out: int,
    directions: int,
    depth: int,
    bias: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    rows = x.shape[0 if batch_first else 1]
    y = x.new_empty(x.shape[0], x.shape[1], out * directions)
    ends = [x.new_empty(depth * directions, rows, size) for size in (out, hidden)]
    return y, ends[0], ends[1]


@torch.library.register_fake(CELL)  # type: ignore[untyped-decorator]  # torch has no types here
def _cell_shapes(
    x: Tensor, h: Tensor, c: Tensor, weights: list[Tensor], mode: str, hidden: int, bias: bool
) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape[0], hidden), x.new_empty(x.shape[0], hidden)


@torch.library.register_fake(PACKED)  # type: ignore[untyped-decorator]  # torch has no types here
def _packed_shape(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.empty_like(x)


class Packed:
    """Stands for a packed sequence: the padded one, because each row is read alone."""

    def __init__(self, steps: Tensor, lengths: Any) -> None:
        """Keep steps (B, T, W) and lengths."""
        self.steps, self.lengths = steps, lengths

    def __getattr__(self, name: str) -> Any:
        raise Refused(
            f"forward reads .{name} of a packed sequence",
            "Pack just before the recurrent layer and pad just after it.",
        )


def _layer_forward(layer: Any, x: Any, state: Any = None) -> Any:
    packed = x if isinstance(x, Packed) else None
    steps = packed.steps if packed else x
    kind = layer.mode.split("_")[0].split()[0]
    if not isinstance(steps, Tensor) or steps.ndim != 3:
        got = f"{steps.ndim} axes" if isinstance(steps, Tensor) else f"a {type(steps).__name__}"
        raise Refused(f"nn.{kind} must read a tensor of (batch, time, features), got {got}")
    if steps.shape[2] != layer.input_size:
        raise Refused(f"nn.{kind} must read {layer.input_size} features, got {steps.shape[2]}")
    batch_first = layer.batch_first or packed is not None
    rows = steps.shape[0 if batch_first else 1]
    directions = 2 if layer.bidirectional else 1
    out = layer.proj_size or layer.hidden_size
    sizes = [(layer.num_layers * directions, rows, size) for size in (out, layer.hidden_size)]
    h, c = _start(kind, steps, state, sizes)
    weights = [getattr(layer, name) for name in layer._flat_weights_names]
    y, h, c = torch.ops.seqrt.layer(
        *(steps, h, c, weights, layer.mode, layer.hidden_size, out, directions),
        *(layer.num_layers, layer.bias, batch_first),
    )
    return (Packed(y, packed.lengths) if packed else y), ((h, c) if kind == "LSTM" else h)


def _stepwise_forward(layer: Any, x: Any, state: Any = None) -> Any:
    """Trace a layer that reads a single step as its cells, so that a loop of it can be rolled up.

    Its depths are then cells like any others; the states of all are stacked after each step.
    """
    time = 1 if layer.batch_first else 0
    single = isinstance(x, Tensor) and x.ndim == 3 and isinstance(x.shape[time], int)
    plain = not (layer.bidirectional or layer.proj_size)
    if not (single and plain and x.shape[time] == 1 and x.shape[2] == layer.input_size):
        return _layer_forward(layer, x, state)
    kind, rows = layer.mode.split("_")[0], x.shape[1 - time]
    size = (layer.num_layers, rows, layer.hidden_size)
    h, c = _start(kind, x, state, [size, size])
    names, each = layer._flat_weights_names, 2 + 2 * layer.bias
    value, ends = x.select(time, 0), []
    for depth in range(layer.num_layers):
        weights = [getattr(layer, name) for name in names[depth * each :][:each]]
        more = (weights, layer.mode, layer.hidden_size, layer.bias)
        value, end = torch.ops.seqrt.cell(value, h[depth], c[depth], *more)
        ends.append((value, end))
    h, c = (torch.stack(parts) for parts in zip(*ends, strict=True))
    return value.unsqueeze(time), ((h, c) if kind == "LSTM" else h)


def _start(kind: str, x: Tensor, state: Any, sizes: list[tuple[Any, ...]]) -> Any:
    """Return h and c to start from, after checking their sizes."""
    if state is None:
        return [x.new_zeros(size) for size in sizes]
    both = list(state) if isinstance(state, (tuple, list)) else [state, state]
    for tensor, size in zip(both, sizes if kind == "LSTM" else sizes[:1], strict=False):
        got = tuple(tensor.shape)
        if len(got) != len(size) or isinstance(got[-2], torch.SymInt) != isinstance(
            size[-2], torch.SymInt
        ):
            raise Refused(
                f"forward starts nn.{kind} from a state of shape {got}, which fixes the number of"
                " rows",
                "Make it for x.size(0) rows, or leave it out for zeros.",
            )
    return both


def _cell_forward(cell: Any, x: Tensor, state: Any = None) -> Any:
    kinds = {nn.LSTMCell: "LSTM", nn.GRUCell: "GRU"}
    mode = next((kinds[each] for each in kinds if isinstance(cell, each)), "")
    mode = mode or "RNN_" + cell.nonlinearity.upper()
    if x.ndim != 2:
        raise Refused(f"nn.{mode.split('_')[0]}Cell must read (batch, features), got {x.ndim} axes")
    size = (x.shape[0], cell.hidden_size)
    h, c = _start(mode.split("_")[0] + "Cell", x, state, [size, size])
    weights = [cell.weight_ih, cell.weight_hh]
    weights += [cell.bias_ih, cell.bias_hh] if cell.bias else []
    h, c = torch.ops.seqrt.cell(x, h, c, weights, mode, cell.hidden_size, bool(cell.bias))
    return (h, c) if mode == "LSTM" else h


def _pack(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> Packed:
    steps = input if batch_first else input.transpose(0, 1)
    if isinstance(lengths, Tensor):
        # Remembers the lengths, which must be those that forward was given.
        steps = torch.ops.seqrt.packed(steps, lengths)
    return Packed(steps, lengths)


def _pad(
    sequence: Packed,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: Any = None,
) -> tuple[Tensor, Any]:
    steps = sequence.steps
    return (steps if batch_first else steps.transpose(0, 1)), sequence.lengths


def _max_pool(x: Tensor, kernel_size: Any, *more: Any, **options: Any) -> Tensor:
    """max_pool1d over the whole axis; torch's own would fix the number of steps."""
    kernel = kernel_size[0] if isinstance(kernel_size, (tuple, list)) else kernel_size
    if isinstance(kernel, torch.SymInt) and str(kernel) == str(x.shape[-1]):
        return x.amax(-1, keepdim=True)
    raise Refused(
        "F.max_pool1d makes fewer steps, and a file answers for as many as it reads",
        "Pool over all of time (x.amax(dim=1)) or leave the pooling out.",
    )


_REPLACED: dict[Any, Any] = {
    pack_padded_sequence: _pack,
    pad_packed_sequence: _pad,
    F.max_pool1d: _max_pool,
}


@contextlib.contextmanager
def opaque_layers(*, stepwise: bool = False) -> Iterator[None]:
    """Trace recurrent layers as one operator each; packing and padding change nothing.

    With `stepwise` a layer that reads a single step becomes its cells.
    """
    undo: list[tuple[Any, str, Any]] = []
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if type(value) is FunctionType and value in _REPLACED:
                undo.append((module, name, value))
    classes = (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)
    undo += [(each, "forward", each.forward) for each in classes]
    try:
        for owner, name, value in undo:
            cells = isinstance(owner, type) and issubclass(owner, nn.RNNCellBase)
            layers: Any = _stepwise_forward if stepwise else _layer_forward
            layers = _cell_forward if cells else layers
            setattr(owner, name, layers if isinstance(owner, type) else _REPLACED[value])
        yield
    finally:
        for owner, name, value in undo:
            setattr(owner, name, value)
