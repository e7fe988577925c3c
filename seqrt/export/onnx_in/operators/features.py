"""Products, normalisations, reductions and convolutions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrt.export.onnx_in.operators.shapes import axes_of
from seqrt.export.onnx_in.operators.table import (
    OPERATORS,
    OnnxCall,
    onnx_operator,
    tensor,
    whole_numbers,
)
from seqrt.export.onnx_in.refusal import CannotCarry

FEWER = (
    "it makes another number of steps, and a file answers for as many as it reads",
    "Pool over all of time, or leave the pooling out.",
)


@onnx_operator("MatMul")
def _matmul(call: OnnxCall, a: Any, b: Any) -> Any:
    """A product with a constant matrix, or of two values of each row."""
    a, b = tensor(a), tensor(b)
    if 1 in call.constants and b.ndim == 2:
        return F.linear(a, b.t())
    return torch.bmm(a, b) if a.ndim == b.ndim == 3 else torch.matmul(a, b)


@onnx_operator("Gemm")
def _gemm(call: OnnxCall, a: Any, b: Any, c: Any = None) -> Any:
    """Alpha a b + beta c, with a constant matrix b."""
    a, b = tensor(a), tensor(b)
    call.only("transA", 0)
    if 1 not in call.constants or (c is not None and 2 not in call.constants):
        raise CannotCarry("its matrix is computed; it must be constant weights")
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    weight = b if call.attribute("transB", 0) else b.t()
    weight = weight if alpha == 1 else weight * alpha
    if c is None:
        return F.linear(a, weight)
    bias = tensor(c).reshape(-1)
    bias = bias if beta == 1 else bias * beta
    if bias.shape[0] not in (1, weight.shape[0]):
        raise CannotCarry(f"its bias has {bias.shape[0]} numbers for {weight.shape[0]} outputs")
    return F.linear(a, weight, bias.expand(weight.shape[0]))


@onnx_operator("Softmax LogSoftmax")
def _softmax(call: OnnxCall, x: Any) -> Any:
    """Softmax, or its logarithm."""
    x = tensor(x)
    axis = call.attribute("axis", -1 if call.opset >= 13 else 1) % x.ndim
    if call.opset < 13 and axis != x.ndim - 1:
        raise CannotCarry(
            f"it runs over axis {axis} and all later ones together",
            "Export with opset 13 or later.",
        )
    function = F.softmax if call.node.operator == "Softmax" else F.log_softmax
    return function(x, axis)


@onnx_operator("LayerNormalization")
def _layer_norm(call: OnnxCall, x: Any, scale: Any, shift: Any = None) -> Any:
    """Normalisation of the features of each step."""
    x, axis = tensor(x), call.attribute("axis", -1)
    if axis % x.ndim != x.ndim - 1 or len(call.node.outputs) > 1:
        raise CannotCarry("it normalises more than the features")
    shift = None if shift is None else tensor(shift)
    return F.layer_norm(x, x.shape[-1:], tensor(scale), shift, call.attribute("epsilon", 1e-5))


@onnx_operator("BatchNormalization")
def _batch_norm(call: OnnxCall, x: Any, *more: Any) -> Any:
    """A scale and a shift for each feature, from the statistics of training."""
    if call.attribute("training_mode", 0) or len([o for o in call.node.outputs if o]) > 1:
        raise CannotCarry("it normalises as in training", "Export the model in evaluation mode.")
    call.only("spatial", 1)
    scale, shift, mean, variance = (tensor(each) for each in more)
    return F.batch_norm(
        tensor(x), mean, variance, scale, shift, eps=call.attribute("epsilon", 1e-5)
    )


def _reduction(function: Any) -> Any:
    def apply(call: OnnxCall, x: Any, axes: Any = None) -> Any:
        x = tensor(x)
        places = axes_of(call, axes, x.ndim)
        if not places and call.attribute("noop_with_empty_axes", 0):
            return x
        keep = bool(call.attribute("keepdims", 1))
        return function(x, places or list(range(x.ndim)), keep)

    return apply


def _norm(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, 2, axes, keep)
    return norm


_REDUCTIONS: dict[str, Any] = {
    "ReduceSum": torch.sum,
    "ReduceMean": torch.mean,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
    "ReduceL2": _norm,
}
for _name, _function in _REDUCTIONS.items():
    OPERATORS[_name] = _reduction(_function)


@onnx_operator("GlobalAveragePool GlobalMaxPool")
def _global_pool(call: OnnxCall, x: Any) -> Any:
    """The mean or the maximum over the axes after the features."""
    x = tensor(x)
    axes = list(range(2, x.ndim))
    mean = call.node.operator == "GlobalAveragePool"
    return x.mean(axes, keepdim=True) if mean else x.amax(axes, keepdim=True)


@onnx_operator("MaxPool AveragePool")
def _pool(call: OnnxCall, x: Any) -> Any:
    """The maximum or the mean over all the steps that the file was made for."""
    kernel = call.attribute("kernel_shape", [])
    whole = list((call.shape or tuple(tensor(x).shape))[2:]) == kernel and kernel[0] in call.traced
    if not whole or len(kernel) != 1 or any(call.attribute("pads", [])):
        raise CannotCarry(*FEWER)
    if call.node.operator == "MaxPool":
        return tensor(x).amax(2, keepdim=True)
    return tensor(x).mean(2, keepdim=True)


@onnx_operator("Einsum")
def _einsum(call: OnnxCall, *each: Any) -> Any:
    """Sums of products over named axes."""
    return torch.einsum(call.attribute("equation", ""), *(tensor(one) for one in each))


@onnx_operator("Pad")
def _pad(call: OnnxCall, x: Any, widths: Any = None, value: Any = None, axes: Any = None) -> Any:
    """Zeros around axes."""
    x = tensor(x)
    if call.attribute("mode", "constant") != "constant" or call.number(2, "value", 0.0):
        raise CannotCarry("it pads with other values than zeros")
    given = call.attribute("pads", None) if widths is None else whole_numbers(widths, "widths")
    places = list(range(x.ndim)) if axes is None else axes_of(call, axes, x.ndim) or []
    if given is None or len(given) != 2 * len(places):
        raise CannotCarry("its widths do not fit its axes")
    both = {p: (given[i], given[i + len(places)]) for i, p in enumerate(places)}
    flat = [width for axis in reversed(range(x.ndim)) for width in both.get(axis, (0, 0))]
    while len(flat) > 2 and not any(flat[-2:]):
        flat = flat[:-2]
    return F.pad(x, flat)


@onnx_operator("Conv")
def _convolution(call: OnnxCall, x: Any, weight: Any, bias: Any = None) -> Any:
    """A convolution over time."""
    x, weight = tensor(x), tensor(weight)
    if x.ndim != 3 or weight.ndim != 3 or 1 not in call.constants:
        raise CannotCarry("it must read (batch, features, time) with constant weights")
    strides = call.attribute("strides", None) or [1]
    dilation = (call.attribute("dilations", None) or [1])[0]
    context = (weight.shape[2] - 1) * dilation
    how, widths = call.attribute("auto_pad", "NOTSET"), call.attribute("pads", None) or [0, 0]
    if strides != [1]:
        raise CannotCarry(f"its stride is {strides}, which makes fewer steps; it must be 1")
    if how.startswith("SAME"):
        less, more = context // 2, context - context // 2
        widths = [less, more] if how == "SAME_UPPER" else [more, less]
    padded = F.pad(x, widths) if any(widths) else x
    given = None if bias is None else tensor(bias)
    return F.conv1d(padded, weight, given, dilation=dilation, groups=call.attribute("group", 1))
