"""Operators that act on each step alone: element by element, along the features, and dense."""

from __future__ import annotations

import math
import operator
from typing import Any

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Count, Fixed, GraphValue, Ramp

_SAME = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "exp": "Exp",
    "neg": "Neg",
    "abs": "Abs",
    "sqrt": "Sqrt",
    "erf": "Erf",
    "log": "Log",
    "atanh": "Atanh",
    "reciprocal": "Reciprocal",
    "hardswish": "HardSwish",
}
for _name, _operator in _SAME.items():
    OPERATORS[_name] = lambda g, call, value, *, _operator=_operator: g.unary(value, _operator)

_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}
_EXTREMES = {"maximum": "Max", "minimum": "Min"}
_ARITHMETIC: dict[str, Any] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
}


def _arithmetic(kind: str) -> Any:
    def apply(
        g: Emitter, call: OperatorCall, a: Any, b: Any, alpha: float = 1, **options: Any
    ) -> Any:
        if options.get("rounding_mode"):
            raise Refused("a division that rounds", "Divide without rounding_mode.")
        if isinstance(a, Ramp) or isinstance(b, Ramp):
            raise Refused("positions are computed with", "Make them a feature of x.")
        if not isinstance(a, GraphValue) and not isinstance(b, GraphValue):
            numbers = [_number(each) for each in (a, b)]
            if None not in numbers and (isinstance(a, Count) or isinstance(b, Count)):
                return Count(_ARITHMETIC[kind](*numbers), call.sizes)
        for value, one in ((a, b), (b, a)):
            whole = kind == "mul" or (kind == "div" and one is b)
            if (
                whole
                and isinstance(value, GraphValue)
                and _is_one(one)
                and value.sizes == call.sizes
            ):
                return value
        if alpha != 1:
            b = g.joined("Mul", b, float(alpha))
        return g.joined(_BINARY[kind], a, b)

    return apply


def _is_one(each: Any) -> bool:
    return (
        each == 1
        if isinstance(each, (int, float))
        else isinstance(each, Fixed) and each.alike and each.number == 1
    )


def _number(each: Any) -> Any:
    if isinstance(each, Count):
        return each.of
    if isinstance(each, Fixed):
        return each.number if each.alike else None
    return each if isinstance(each, (int, float)) else None


for _name in _BINARY:
    OPERATORS[_name] = _arithmetic(_name)
for _name, _operator in _EXTREMES.items():
    OPERATORS[_name] = lambda g, call, a, b, *, _operator=_operator: g.joined(_operator, a, b)


@aten("rsub")
def rsub(g: Emitter, call: OperatorCall, a: Any, b: Any, alpha: float = 1) -> Any:
    """B - alpha a."""
    return OPERATORS["sub"](g, call, b, a, alpha)


@aten("pow.Tensor_Scalar")
def power(g: Emitter, call: OperatorCall, value: Any, exponent: float) -> Any:
    """A fixed power."""
    if exponent == 2:
        return g.joined("Mul", value, value)
    return g.unary(value, "Pow", g.const(float(exponent)))


@aten("square")
def square(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """The square."""
    return g.joined("Mul", value, value)


@aten("rsqrt")
def rsqrt(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """One over the square root."""
    return g.unary(g.unary(value, "Sqrt"), "Reciprocal")


@aten("leaky_relu")
def leaky_relu(g: Emitter, call: OperatorCall, value: Any, slope: float = 0.01) -> Any:
    """x, or slope x below zero."""
    return g.unary(value, "LeakyRelu", alpha=float(slope))


@aten("elu")
def elu(
    g: Emitter, call: OperatorCall, value: Any, alpha: float = 1, scale: float = 1, inner: float = 1
) -> Any:
    """Scale max(x, 0) + scale alpha (e^min(inner x, 0) - 1).

    ONNX's own Elu computes other bits at other places of a tensor.
    """
    below = g.unary(value, "Clip", "", g.const(0.0))
    if inner != 1:
        below = g.joined("Mul", below, float(inner))
    below = g.joined("Sub", g.unary(below, "Exp"), 1.0)
    if alpha != 1:
        below = g.joined("Mul", below, float(alpha))
    both = g.joined("Add", g.unary(value, "Relu"), below)
    return both if scale == 1 else g.joined("Mul", both, float(scale))


@aten("selu")
def selu(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """ELU with the constants of self-normalising networks."""
    return elu(g, call, value, 1.6732632423543772, 1.0507009873554805)


@aten("celu")
def celu(g: Emitter, call: OperatorCall, value: Any, alpha: float = 1) -> Any:
    """max(x, 0) + alpha (e^min(x / alpha, 0) - 1)."""
    return elu(g, call, value, alpha, 1, 1 / alpha)


@aten("softplus")
def softplus(
    g: Emitter, call: OperatorCall, value: Any, beta: float = 1, threshold: float = 20
) -> Any:
    """max(x, 0) + 2 atanh(e / (2 + e)) with e = e^-|x|, which is log(1 + e^x).

    ONNX's own Softplus computes other bits at other places of a tensor.
    """
    if beta != 1:
        value = g.joined("Mul", value, float(beta))
    e = g.unary(g.unary(g.unary(value, "Abs"), "Neg"), "Exp")
    logarithm = g.unary(g.joined("Div", e, g.joined("Add", e, 2.0)), "Atanh")
    both = g.joined("Add", g.unary(value, "Relu"), g.joined("Mul", logarithm, 2.0))
    return both if beta == 1 else g.joined("Mul", both, 1 / float(beta))


@aten("log_sigmoid log_sigmoid_forward")
def log_sigmoid(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """-softplus(-x)."""
    result = g.unary(softplus(g, call, g.unary(value, "Neg")), "Neg")
    return [result, None] if len(call.all_sizes) > 1 else result


@aten("mish")
def mish(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """X tanh(softplus(x))."""
    return g.joined("Mul", value, g.unary(softplus(g, call, value), "Tanh"))


@aten("silu")
def silu(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """X sigmoid(x)."""
    return g.joined("Mul", value, g.unary(value, "Sigmoid"))


@aten("softsign")
def softsign(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """X / (1 + |x|)."""
    return g.joined("Div", value, g.joined("Add", g.unary(value, "Abs"), 1.0))


@aten("gelu")
def gelu(g: Emitter, call: OperatorCall, value: Any, approximate: str = "none") -> Any:
    """X times the normal distribution at x, or its approximation by tanh."""
    if approximate == "tanh":
        cubed = g.joined("Mul", g.joined("Mul", value, value), value)
        inner = g.joined("Add", value, g.joined("Mul", cubed, 0.044715))
        curve = g.unary(g.joined("Mul", inner, math.sqrt(2 / math.pi)), "Tanh")
    else:
        curve = g.unary(g.joined("Mul", value, math.sqrt(0.5)), "Erf")
    return g.joined("Mul", g.joined("Mul", value, 0.5), g.joined("Add", curve, 1.0))


@aten("hardsigmoid")
def hardsigmoid(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """min(max(x / 6 + 1/2, 0), 1)."""
    return g.unary(value, "HardSigmoid", alpha=1 / 6, beta=0.5)


@aten("clamp hardtanh relu6 clamp_min clamp_max clip")
def clamp(g: Emitter, call: OperatorCall, value: Any, low: Any = None, high: Any = None) -> Any:
    """X within bounds."""
    kind = call.name.split(".")[0].rstrip("_")
    if kind == "hardtanh":
        low, high = (-1.0 if low is None else low), (1.0 if high is None else high)
    if kind == "relu6":
        low, high = 0.0, 6.0
    if kind == "clamp_max":
        low, high = None, low
    bounds = [_bound(g, low), _bound(g, high)]
    return g.unary(value, "Clip", *(bounds if high is not None else bounds[:1]))


def _bound(g: Emitter, bound: Any) -> str:
    if (isinstance(bound, Fixed) and not bound.alike) or isinstance(bound, GraphValue):
        raise Refused("a value is clamped between values that differ", "Clamp it to two numbers.")
    if bound is None:
        return ""
    return g.const(bound.number if isinstance(bound, Fixed) else float(bound))


@aten("prelu")
def prelu(g: Emitter, call: OperatorCall, value: GraphValue, slopes: Fixed) -> Any:
    """x, or a slope times x below zero; with several slopes, one for each entry of axis 1."""
    data = slopes.data
    if data.numel() == 1:
        return g.unary(value, "PRelu", g.const(data.reshape(1)))
    ones = (1,) * (len(value.axes) - 2)
    slope = Fixed(data.reshape(1, -1, *ones), (1, data.numel(), *ones))
    below = g.joined("Mul", g.unary(value, "Clip", "", g.const(0.0)), slope)
    return g.joined("Add", g.unary(value, "Relu"), below)


@aten("glu")
def glu(g: Emitter, call: OperatorCall, value: Any, dim: int = -1) -> Any:
    """The first half times the sigmoid of the second half."""
    half = int(g.value(value).sizes[dim]) // 2
    a = OPERATORS["slice"](g, call, value, dim, 0, half)
    b = OPERATORS["slice"](g, call, value, dim, half, 2 * half)
    return g.joined("Mul", a, g.unary(b, "Sigmoid"))
