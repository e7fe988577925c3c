"""Operators along the features of each step: dense, normalisations, softmax, dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Fixed, GraphValue


@aten("linear")
def linear(
    g: Emitter, call: OperatorCall, value: Any, weight: Fixed, bias: Fixed | None = None
) -> Any:
    """X Wᵀ + b along the features."""
    value = g.value(value)
    if value.lead or value.zeros:
        g.exact(value)
    if not isinstance(weight, Fixed):
        raise Refused("a matrix of weights is computed from x")
    if not isinstance(value.axes[-1], int):
        raise Refused(
            "nn.Linear mixes the steps or rows of x",
            "Apply it to the last axis, the features.",
        )
    name, real = g.wide(value)
    name = g.node("MatMul", name, g.const(weight.data.expand(weight.sizes).double().T))
    if bias is not None:
        name = g.node("Add", name, g.const(bias.data))
    width = int(weight.sizes[0])
    return GraphValue(
        name, (*value.axes[:-1], width), (*real[:-1], width), value.lead, value.tail, value.zeros
    )


@aten("addmm")
def addmm(g: Emitter, call: OperatorCall, bias: Fixed, value: Any, weight: Fixed, **_: Any) -> Any:
    """X W + b."""
    return linear(g, call, value, Fixed(weight.data.T, weight.sizes[::-1]), bias)


@aten("layer_norm")
def layer_norm(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    shape: list[int],
    weight: Fixed | None = None,
    bias: Fixed | None = None,
    epsilon: float = 1e-5,
    *_: Any,
) -> Any:
    """Normalisation of the features of each step."""
    value = g.exact(g.value(value))
    if len(shape) != 1 or value.axes[-1] != shape[0]:
        raise Refused(f"nn.LayerNorm must normalise the features only, got shape {tuple(shape)}")
    name, real = g.wide(value)
    scale = torch.ones(shape[0]) if weight is None else weight.data
    shift = torch.zeros(shape[0]) if bias is None else bias.data
    constants = g.const(scale.reshape(-1)), g.const(shift.reshape(-1))
    node = g.node("LayerNormalization", name, *constants, axis=-1, epsilon=float(epsilon))
    return GraphValue(node, value.axes, real)


@aten("_native_batch_norm_legit instance_norm")
def batch_statistics(g: Emitter, call: OperatorCall, *_: Any, **__: Any) -> Any:
    """Normalisation by what the batch or the row holds is refused."""
    raise Refused(
        "a normalisation with the statistics of the batch or of all steps mixes rows or steps",
        "Keep running statistics (track_running_stats=True), or use nn.LayerNorm.",
    )


@aten("batch_norm _native_batch_norm_legit_no_training")
def batch_norm(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    weight: Fixed | None,
    bias: Fixed | None,
    mean: Fixed | None,
    variance: Fixed | None,
    *more: Any,
) -> Any:
    """A scale and a shift for each feature, from the statistics of training."""
    whole = len(call.all_sizes) > 1
    epsilon = more[1] if whole else more[2]
    if mean is None or variance is None or (not whole and more[0]):
        raise Refused(
            "batch normalisation with the statistics of the batch mixes its rows",
            "Keep running statistics: track_running_stats=True.",
        )
    scale = 1 / (variance.data.double() + float(epsilon)).sqrt()
    scale = scale if weight is None else scale * weight.data.double()
    shift = -mean.data.double() * scale
    shift = shift if bias is None else shift + bias.data.double()
    sizes = (1, len(scale)) + (1,) * (len(call.sizes) - 2)
    constants = [Fixed(each.reshape(sizes), sizes) for each in (scale, shift)]
    result = g.joined("Add", g.joined("Mul", value, constants[0]), constants[1])
    return [result, None, None] if whole else result


@aten("softmax log_softmax _softmax _log_softmax")
def softmax(g: Emitter, call: OperatorCall, value: Any, dim: int, *_: Any, **__: Any) -> Any:
    """Softmax, or its logarithm, over the features or over the steps."""
    value = g.exact(g.value(value))
    kind = "LogSoftmax" if "log" in call.name else "Softmax"
    axis = value.axes[dim]
    if isinstance(axis, str):
        if axis != "T" or kind == "LogSoftmax":
            raise Refused(
                f"{call.name.split('.')[0]} over axis {dim} of {value.sizes} mixes rows or steps",
                "Give dim=-1, the features.",
            )
        return OPERATORS["softmax_over_time"](g, call, value)
    after = value.axes[dim:][1:] if dim < 0 else value.axes[dim + 1 :]
    if any(isinstance(each, int) and each != 1 for each in after):
        raise Refused(f"softmax over axis {dim} of {value.sizes}", "Give dim=-1, the features.")
    fixed = [size for size in value.fixed if size != 1]
    if axis == 1:
        fixed = [*fixed, 1]
    name = g.node(kind, g.laid(value, *fixed), axis=-1)
    return replace(value, name=name, real=tuple(fixed), end="")


@aten("dropout feature_dropout alpha_dropout feature_alpha_dropout")
def dropout(g: Emitter, call: OperatorCall, value: Any, p: float = 0.5, train: bool = False) -> Any:
    """Nothing, after training."""
    if train and p:
        raise Refused("F.dropout drops after training as well", "Give it training=self.training.")
    return value


@aten("native_dropout bernoulli rand randn rand_like randn_like normal")
def chance(g: Emitter, call: OperatorCall, *_: Any, **__: Any) -> Any:
    """Chance is refused: the same input must have the same output."""
    raise Refused(
        f"{call.name.split('.')[0]} makes the output depend on chance",
        "For F.dropout give training=self.training; start from zeros.",
    )
