"""Convolutions over time: each step beside its neighbours, times a matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from seqrt.contract import idioms
from seqrt.contract.idioms import MOST_CONTEXT
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Fixed, GraphValue, described


@aten("pad constant_pad_nd")
def pad(
    g: Emitter, call: OperatorCall, value: Any, widths: list[int], *how: Any, **named: Any
) -> Any:
    """Zeros before the first and after the last step, for the convolution that follows."""
    value = g.exact(g.value(value))
    mode = [each for each in (*how, *named.values()) if each not in (None, "constant", 0)]
    left, right, *others = widths
    if mode or any(others) or value.axes[-1] != "T" or min(left, right) < 0:
        raise Refused(f"F.pad by {widths}", "Only zeros along time, before a convolution, can be.")
    return replace(value, lead=left, tail=right, zeros=right > 0, end="")


@aten("conv1d")
def conv1d(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    weight: Fixed,
    bias: Fixed | None = None,
    stride: Any = (1,),
    padding: Any = (0,),
    dilation: Any = (1,),
    groups: int = 1,
) -> Any:
    """A convolution over time: each step beside its neighbours, times a matrix."""
    value = g.value(value)
    module = call.module or "nn.Conv1d"
    if value.axes[-1] != "T" or value.axes[0] != "B" or len(value.axes) != 3:
        raise Refused(
            f"{module} runs along axis {len(value.axes) - 1} of {described(value.sizes)}, which is"
            " not time",
            "Give it (batch, features, time): x.transpose(1, 2).",
        )
    if value.tail and not value.zeros:
        g.exact(value)
    dense = _dense_weight(weight, groups)
    outputs, channels, kernel = dense.shape
    context = (kernel - 1) * dilation[0]
    if isinstance(padding, str):
        both = [context // 2, context - context // 2] if padding == "same" else [0, 0]
    else:
        both = [padding[0], padding[0]]
    left, right = both[0] + value.lead, both[1] + value.tail
    ahead, tail = context - left, left + right - context
    if stride[0] != 1 or tail < 0 or ahead < 0:
        raise Refused(
            f"{module} makes another number of steps, and a file answers for as many as it reads",
            "Use stride 1 and padding='same', or pad (kernel - 1) * dilation on the left.",
        )
    flat = g.flat(value)
    if context:
        flat = _taps(g, flat, channels, kernel, dilation[0], ahead, module)
    matrix = dense.permute(2, 1, 0).reshape(kernel * channels, outputs)
    name = g.node("MatMul", flat, g.const(matrix))
    if bias is not None:
        name = g.node("Add", name, g.const(bias.data))
    return GraphValue(name, ("B", outputs, "T"), (outputs,), tail=tail)


def _taps(
    g: Emitter, flat: str, width: int, kernel: int, dilation: int, ahead: int, module: str
) -> str:
    context = (kernel - 1) * dilation
    if context * width > MOST_CONTEXT:
        raise Refused(f"{module} reads {context} steps of {width} features beside each step")
    if ahead:
        g.not_streamable(f"{module} reads {ahead} step{'s' * (ahead > 1)} ahead")
    piece = g.carry("taps", context * width) if g.streaming else None
    start = piece.start if piece else ""
    if ahead:
        g.once("inside", lambda: g.idiom(idioms.inside()))
    made = idioms.taps(g.number("taps"), flat, width, kernel, dilation, ahead=ahead, start=start)
    if piece:
        piece.end = made.carried
    return g.idiom(made)


def _dense_weight(weight: Fixed, groups: int) -> torch.Tensor:
    """Return the weight (O, C, K) of a convolution, with zeros between its groups."""
    data = weight.data.expand(weight.sizes).double()
    outputs, each, kernel = data.shape
    dense = torch.zeros(outputs, each * groups, kernel, dtype=torch.float64)
    share = outputs // groups
    for group in range(groups):
        rows = slice(group * share, (group + 1) * share)
        dense[rows, group * each : (group + 1) * each] = data[rows]
    return dense
