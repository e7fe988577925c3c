"""Converts a torch module that was written elsewhere, if it is made of known layers in sequence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from seqrt.contract.manifest import Cell, Head
from seqrt.errors import ParityError, UsageError
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack

_CELLS: dict[type[nn.Module], Cell] = {nn.RNN: "rnn", nn.LSTM: "lstm", nn.GRU: "gru"}
_KNOWN = "nn.RNN, nn.LSTM, nn.GRU, nn.Linear, nn.LayerNorm, nn.Dropout"

# Two orders of summation in float64 differ by less; a wrong layer or gate order by far more.
_TOLERANCE = 1e-9


class ModuleStack(Stack):
    """A stack made of the layers of a user's own module."""

    def __init__(self, parts: list[nn.Module], head: Head) -> None:
        """Make a stack of layers given in the order in which they are applied."""
        widths = [_widths(part) for part in parts]
        super().__init__(widths[0][0], widths[-1][1], head, "none")
        self.parts = nn.ModuleList(parts)

    def steps(self) -> list[nn.Module]:
        """Return the layers in the order in which they are applied."""
        return list(self.parts)


def as_stack(net: nn.Module, head: Head | None = None) -> Stack:
    """Return a copy of `net` as a stack on the CPU in float32, ready to be exported.

    A seqrt network is copied as it is. Any other module must be made of nn.RNN, nn.LSTM, nn.GRU,
    nn.Linear, nn.LayerNorm and nn.Dropout, defined in the order in which they are applied. Its own
    forward is run on random input, must agree with the stack, and decides the head. The forward of
    an nn.Sequential of such layers cannot run; its head is `head`, by default "last".

    Raises UsageError for an unknown layer, ParityError if the forward computes something else.
    """
    if isinstance(net, Stack):
        if head not in (None, net.head):
            raise UsageError(f"head must be {net.head!r}, as the network has, got {head!r}.")
        return copy.deepcopy(net).cpu().float().eval()
    module = copy.deepcopy(net).cpu().float().eval()
    parts = [copy.deepcopy(part) for leaf in _leaves(module, "net") for part in _convert(leaf)]
    if not any(isinstance(part, Recurrent) for part in parts):
        raise UsageError(
            f"net must contain nn.RNN, nn.LSTM or nn.GRU; {type(net).__name__} does not."
        )
    if isinstance(module, nn.Sequential):
        return ModuleStack(parts, head or "last").eval()
    heads: tuple[Head, ...] = (head,) if head else ("last", "sequence")
    return _matching(module, [ModuleStack(parts, kind).eval() for kind in heads])


def _leaves(module: nn.Module, name: str) -> Iterator[nn.Module]:
    """Yield the layers inside `module` in the order in which they were defined."""
    children = list(module.named_children())
    if type(module) in (*_CELLS, nn.Linear, nn.LayerNorm, nn.Dropout):
        yield module
    elif children and not list(module.parameters(recurse=False)):
        for child_name, child in children:
            yield from _leaves(child, f"{name}.{child_name}")
    else:
        raise UsageError(
            f"net must be made of {_KNOWN}; {name} is {type(module).__name__}."
            " Export only the part that is, or train a seqrt Network instead."
        )


def _convert(leaf: nn.Module) -> Iterator[nn.Module]:
    """Yield the steps of one torch layer: num_layers of them for an RNN, none for dropout."""
    if isinstance(leaf, nn.LayerNorm) and len(leaf.normalized_shape) != 1:
        raise UsageError(
            f"nn.LayerNorm must normalise the features only, got shape {leaf.normalized_shape}."
        )
    if isinstance(leaf, nn.Dropout):
        return
    if not isinstance(leaf, nn.RNNBase):
        yield leaf
        return
    if leaf.proj_size:
        raise UsageError(
            f"nn.LSTM must have proj_size=0, got {leaf.proj_size}: ONNX has no projections."
        )
    for depth in range(leaf.num_layers):
        yield _layer(leaf, depth)


def _layer(leaf: nn.RNNBase, depth: int) -> Recurrent:
    directions = 2 if leaf.bidirectional else 1
    features = leaf.hidden_size * directions if depth else leaf.input_size
    layer = Recurrent(
        _CELLS[type(leaf)],
        features,
        leaf.hidden_size,
        bidirectional=leaf.bidirectional,
        nonlinearity=getattr(leaf, "nonlinearity", "tanh"),
    )
    with torch.no_grad():
        for cell, suffix in zip(layer.cells, ("", "_reverse"), strict=False):
            for name, parameter in cell.named_parameters():
                source = getattr(leaf, name.replace("_l0", f"_l{depth}{suffix}"), None)
                parameter.copy_(torch.zeros(()) if source is None else source)
    return layer


def _widths(part: nn.Module) -> tuple[int, int]:
    """Return the widths of a step's input and output."""
    if isinstance(part, Recurrent):
        return part.features, part.layer.units * len(part.cells)
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    assert isinstance(part, nn.LayerNorm), part
    return part.normalized_shape[0], part.normalized_shape[0]


def _matching(module: nn.Module, stacks: list[ModuleStack]) -> Stack:
    """Return the stack that computes what `module` does; raise ParityError if no stack does."""
    features = len(stacks[0].x_mean)
    x = torch.randn(3, 7, features, generator=torch.Generator().manual_seed(0)).double()
    rnns = [each for each in module.modules() if isinstance(each, nn.RNNBase)]
    wanted = _call(module, x if rnns[0].batch_first else x.transpose(0, 1))
    nearest = float("inf")
    for stack in stacks:
        with torch.no_grad():
            got = copy.deepcopy(stack).double()(x)
        if not rnns[0].batch_first and wanted.shape == got.transpose(0, 1).shape and got.ndim > 2:
            got = got.transpose(0, 1)
        if wanted.numel() == got.numel() and wanted.squeeze().shape == got.squeeze().shape:
            nearest = float((wanted.squeeze() - got.squeeze()).abs().max())
            if nearest <= _TOLERANCE * max(1.0, float(wanted.abs().max())):
                return stack
    hint = (
        " In a bidirectional network, `out[:, -1]` holds the backward direction after one step"
        " only; its state after the whole sequence is in h_n."
        if any(rnn.bidirectional for rnn in rnns)
        else ""
    )
    raise ParityError(
        "E_FORWARD: net.forward must apply its layers in the order of their definition and return"
        " the output of the last step or of every step; its output of shape"
        f" {tuple(wanted.shape)} differs from that by {nearest:.1e}.{hint}"
    )


def _call(module: nn.Module, x: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            output: Any = copy.deepcopy(module).double()(x)
    except Exception as error:
        raise UsageError(
            f"net must accept one tensor of shape {tuple(x.shape)}, but its forward raised"
            f" {type(error).__name__}: {error}"
        ) from error
    first = output[0] if isinstance(output, tuple) else output
    if not isinstance(first, Tensor):
        raise UsageError(f"net must return a tensor, got {type(first).__name__}.")
    return first
