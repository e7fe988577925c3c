"""Taking over a network that was written and trained elsewhere, if it is made of known layers."""

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

# Two orders of the same float64 sums; a wrong layer or a wrong gate is far outside.
_TOLERANCE = 1e-9


class ModuleStack(Stack):
    """A stack made of the layers of a network of the user's own."""

    def __init__(self, parts: list[nn.Module], head: Head) -> None:
        """Take the layers in the order in which they act."""
        widths = [_widths(part) for part in parts]
        super().__init__(widths[0][0], widths[-1][1], head, "none")
        self.parts = nn.ModuleList(parts)

    def steps(self) -> list[nn.Module]:
        """Return the layers in the order in which they act."""
        return list(self.parts)


def as_stack(net: nn.Module, head: Head | None = None) -> Stack:
    """Return `net` as a stack on the CPU in float32, ready to be exported; `net` is unchanged.

    A network of seqrt's own is taken as it is. Any other must be made of nn.RNN, nn.LSTM, nn.GRU,
    nn.Linear, nn.LayerNorm and nn.Dropout, defined in the order in which they act: its own forward
    is run beside the stack, and they must agree. It also decides the head. An nn.Sequential of
    such layers has no forward that runs; its head is `head`, by default "last".

    Raises UsageError for a layer that is not known, ParityError where the forward differs.
    """
    if isinstance(net, Stack):
        if head not in (None, net.head):
            raise UsageError(f"head must be {net.head!r}, as the network has, got {head!r}.")
        return copy.deepcopy(net).cpu().float().eval()
    own = copy.deepcopy(net).cpu().float().eval()
    parts = [copy.deepcopy(part) for leaf in _leaves(own, "net") for part in _convert(leaf)]
    if not any(isinstance(part, Recurrent) for part in parts):
        raise UsageError(f"net must have a recurrent layer, got {type(net).__name__} without one.")
    if isinstance(own, nn.Sequential):
        return ModuleStack(parts, head or "last").eval()
    heads: tuple[Head, ...] = (head,) if head else ("last", "sequence")
    return _agreeing(own, [ModuleStack(parts, kind).eval() for kind in heads])


def _leaves(module: nn.Module, name: str) -> Iterator[nn.Module]:
    """Yield the layers inside `module` in the order of their definition."""
    children = list(module.named_children())
    if type(module) in (*_CELLS, nn.Linear, nn.LayerNorm, nn.Dropout):
        yield module
    elif children and not list(module.parameters(recurse=False)):
        for child_name, child in children:
            yield from _leaves(child, f"{name}.{child_name}")
    else:
        raise UsageError(
            f"net must be made of {_KNOWN}; {name} is {type(module).__name__}."
            " Export the part of the network that is, or train it as a seqrt Network."
        )


def _convert(leaf: nn.Module) -> Iterator[nn.Module]:
    """Yield the steps of one layer: a torch layer of depth n is n steps, and dropout is none."""
    if isinstance(leaf, nn.LayerNorm) and len(leaf.normalized_shape) != 1:
        raise UsageError(
            f"nn.LayerNorm must act on the features alone, got shape {leaf.normalized_shape}."
        )
    if isinstance(leaf, nn.Dropout):
        return
    if not isinstance(leaf, nn.RNNBase):
        yield leaf
        return
    if leaf.proj_size:
        raise UsageError(
            f"nn.LSTM must have proj_size=0, got {leaf.proj_size}: ONNX has no projection."
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
    """Return the features that a step takes and gives; a norm keeps what it takes."""
    if isinstance(part, Recurrent):
        return part.features, part.layer.units * len(part.cells)
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    assert isinstance(part, nn.LayerNorm), part
    return part.normalized_shape[0], part.normalized_shape[0]


def _agreeing(own: nn.Module, stacks: list[ModuleStack]) -> Stack:
    """Return the stack that computes what `own` does; raise ParityError where none does."""
    features = len(stacks[0].x_mean)
    x = torch.randn(3, 7, features, generator=torch.Generator().manual_seed(0)).double()
    rnns = [module for module in own.modules() if isinstance(module, nn.RNNBase)]
    wanted = _call(own, x if rnns[0].batch_first else x.transpose(0, 1))
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
        " A bidirectional `out[:, -1]` reads the backward direction after one step only; its"
        " answer to the whole sequence is h_n."
        if any(rnn.bidirectional for rnn in rnns)
        else ""
    )
    raise ParityError(
        "E_FORWARD: net.forward must be its layers in the order of their definition, from x to the"
        f" last step's or every step's answer; its answer {tuple(wanted.shape)} differs by"
        f" {nearest:.1e}.{hint}"
    )


def _call(own: nn.Module, x: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            answer: Any = copy.deepcopy(own).double()(x)
    except Exception as error:
        raise UsageError(
            f"net must take one tensor of shape {tuple(x.shape)}, and its forward raised"
            f" {type(error).__name__}: {error}"
        ) from error
    first = answer[0] if isinstance(answer, tuple) else answer
    if not isinstance(first, Tensor):
        raise UsageError(f"net must answer a tensor, got {type(first).__name__}.")
    return first
