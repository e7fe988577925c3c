"""Operators that compute each number from those in the same place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from seqrt.export.to_c.places import Array
from seqrt.export.to_c.text import number
from seqrt.export.to_c.tracing.values import (
    LEFT_OUT,
    Operations,
    Rule,
    StepNode,
    Tokens,
    Traced,
    known,
)

# The C of an operator whose arguments are {0}, {1}, ..., each of them once.
_PLAIN: Final = {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1}",
    "Max": "seqrt_max({0}, {1})",
    "Min": "seqrt_min({0}, {1})",
    "Neg": "-{0}",
    "Reciprocal": "1.0f / {0}",
    "Sqrt": "sqrtf({0})",
    "PRelu": "seqrt_leaky({0}, {1})",
    "Relu": "seqrt_relu({0})",
    "Tanh": "seqrt_tanh({0})",
    "Sigmoid": "seqrt_sigmoid({0})",
    "Exp": "seqrt_exp({0})",
    "Erf": "seqrt_erf({0})",
    "Abs": "seqrt_abs({0})",
    "Log": "seqrt_log({0})",
    "Atanh": "seqrt_atanh({0})",
    "Softsign": "seqrt_softsign({0})",
    "Softplus": "seqrt_softplus({0})",
    "HardSwish": "seqrt_hard_swish({0})",
}
# The same for operators with attributes, which stand by their names.
_WITH_ATTRIBUTES: Final = {
    "LeakyRelu": "seqrt_leaky({{0}}, {alpha})",
    "HardSigmoid": "seqrt_hard_sigmoid({{0}}, {alpha}, {beta})",
    "Elu": "seqrt_elu({{0}}, {alpha})",
    "Selu": "{gamma} * seqrt_elu({{0}}, {alpha})",
    "Celu": "seqrt_celu({{0}}, {alpha})",
}


def _divided(a: Array, b: Array) -> Array:
    return np.floor_divide(a, b) if a.dtype.kind == "i" else np.divide(a, b)


# How known numbers are computed: those that come from the lengths, which are 1, and small weights.
_FOLDED: Final[dict[str, Callable[..., Any]]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divided,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mod": np.mod,
    "Less": np.less,
    "Range": lambda *bounds: np.arange(*map(int, bounds)),
    "Neg": np.negative,
}
# The types that a Cast may make, by ONNX's numbers.
TYPES: Final[dict[int, type]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
}
_LARGEST_WHOLE_POWER: Final = 64


def _elements(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    values = [each for each in inputs if known(each)]
    if len(values) == len(inputs) and node.operator in _FOLDED:
        return [np.asarray(_FOLDED[node.operator](*values))]
    if node.operator in _WITH_ATTRIBUTES:
        numbers = {name: number(float(np.float32(v))) for name, v in node.attributes.items()}
        template = _WITH_ATTRIBUTES[node.operator].format(**numbers)
    elif node.operator in _PLAIN:
        template = _PLAIN[node.operator]
    else:
        raise NotImplementedError(node.operator)
    return [to.map(template, *inputs)]


def _compared(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Fold known numbers; ids are compared with the size of the table where they are looked up."""
    if any(isinstance(each, Tokens) for each in inputs):
        return [Tokens(unknown=True)]
    return _elements(to, node, inputs)


def _cast(_: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    if not known(inputs[0]):
        raise NotImplementedError(node.operator)
    return [inputs[0].astype(TYPES[node.attributes["to"]])]


def _clip(to: Operations, _: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Bound numbers; ids are bounded where they are looked up."""
    value, low, high = (*inputs, LEFT_OUT, LEFT_OUT)[:3]
    if isinstance(value, Tokens):
        return [value]
    template, limits = "{0}", []
    for name, limit in (("max", low), ("min", high)):
        if limit is not LEFT_OUT:
            limits.append(limit)
            template = f"seqrt_{name}({template}, {{{len(limits)}}})"
    return [to.map(template, value, *limits)]


def _pow(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    value, exponent = inputs
    if not known(exponent):
        raise NotImplementedError(node.operator)
    power = float(exponent.ravel()[0])
    if power == 2:
        return [to.map("seqrt_square({0})", value)]
    if power == 0.5:
        return [to.map("sqrtf({0})", value)]
    if power == int(power) and abs(power) <= _LARGEST_WHOLE_POWER:
        return [to.map(f"seqrt_whole_power({{0}}, {int(power)})", value)]
    return [to.map(f"seqrt_pow({{0}}, {number(power)})", value)]


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys([*_PLAIN, *_WITH_ATTRIBUTES, *_FOLDED], _elements),
    **dict.fromkeys(("Less", "Not", "Or"), _compared),
    "Cast": _cast,
    "Clip": _clip,
    "Pow": _pow,
}
