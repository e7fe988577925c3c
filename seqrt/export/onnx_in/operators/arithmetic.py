"""Operators element by element, on values of x and on the numbers of a shape."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrt.export.onnx_in.operators.table import (
    OPERATORS,
    Numbers,
    OnnxCall,
    as_numbers,
    onnx_operator,
    tensor,
)
from seqrt.export.onnx_in.refusal import CannotCarry

_UNARY: dict[str, Any] = {
    "Relu": torch.relu,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "Exp": torch.exp,
    "Log": torch.log,
    "Sqrt": torch.sqrt,
    "Abs": torch.abs,
    "Erf": torch.erf,
    "Atanh": torch.atanh,
    "Reciprocal": torch.reciprocal,
    "Softplus": F.softplus,
    "Softsign": F.softsign,
    "HardSwish": F.hardswish,
    "Mish": F.mish,
}


def _unary(function: Any) -> Any:
    return lambda call, x: function(tensor(x))


for _name, _function in _UNARY.items():
    OPERATORS[_name] = _unary(_function)

_BINARY: dict[str, tuple[Any, Any]] = {
    "Add": (operator.add, torch.add),
    "Sub": (operator.sub, torch.sub),
    "Mul": (operator.mul, torch.mul),
    "Div": (operator.floordiv, torch.div),
    "Max": (max, torch.maximum),
    "Min": (min, torch.minimum),
    "Equal": (operator.eq, None),
    "Less": (operator.lt, None),
    "Greater": (operator.gt, None),
}


def _pairs(a: Numbers, b: Numbers) -> list[tuple[Any, Any]]:
    size = max(len(a.values), len(b.values))
    wide = [v.values * (size if len(v.values) == 1 else 1) for v in (a, b)]
    if len(wide[0]) != len(wide[1]):
        raise CannotCarry("numbers of different shapes meet")
    return list(zip(*wide, strict=True))


def _binary(name: str) -> Any:
    on_numbers, on_tensors = _BINARY[name]

    def both(call: OnnxCall, a: Any, b: Any) -> Any:
        if isinstance(a, Numbers) and isinstance(b, Numbers):
            if name == "Div" and not all(b.values):
                raise CannotCarry("it divides by zero")
            found = tuple(on_numbers(x, y) for x, y in _pairs(a, b))
            return Numbers(found, a.scalar and b.scalar)
        if on_tensors is None:
            raise CannotCarry(
                "it compares values of x, and a file has one path for all values",
                "Move the comparison behind the model.",
            )
        return on_tensors(tensor(a), tensor(b))

    if name in ("Max", "Min"):
        return lambda call, *each: reduce(lambda a, b: both(call, a, b), each)
    return both


for _name in _BINARY:
    OPERATORS[_name] = _binary(_name)


@onnx_operator("Sum")
def _add_all(call: OnnxCall, *each: Any) -> Any:
    """The sum of all inputs."""
    return reduce(torch.add, [tensor(one) for one in each])


@onnx_operator("Mean")
def _mean_of_all(call: OnnxCall, *each: Any) -> Any:
    """The mean of all inputs."""
    return _add_all(call, *each) / len(each)


@onnx_operator("Neg")
def _negative(call: OnnxCall, x: Any) -> Any:
    """Minus x."""
    return x.like(*(-v for v in x.values)) if isinstance(x, Numbers) else -tensor(x)


@onnx_operator("Not")
def _invert(call: OnnxCall, x: Any) -> Any:
    """The opposite of a condition on sizes."""
    if isinstance(x, Numbers):
        return x.like(*(not v for v in x.values))
    raise CannotCarry("it inverts a mask that is computed from values of x")


@onnx_operator("Pow")
def _power(call: OnnxCall, x: Any, exponent: Any) -> Any:
    """A fixed power."""
    number = call.number(1, "the exponent", None)
    if number is None:
        raise CannotCarry("the exponent is computed; it must be a constant")
    return tensor(x) ** (int(number) if number == int(number) else number)


@onnx_operator("Where")
def _where(call: OnnxCall, condition: Any, a: Any, b: Any) -> Any:
    """One of two numbers of a shape."""
    if not all(isinstance(each, Numbers) for each in (condition, a, b)):
        raise CannotCarry(
            "it chooses between values by a mask, and a file has one path for all values",
            "Give the model rows without padding, so that it needs no mask.",
        )
    pairs = _pairs(a, b)
    chosen = condition.values * (len(pairs) if len(condition.values) == 1 else 1)
    return Numbers(tuple(x if c else y for c, (x, y) in zip(chosen, pairs, strict=True)))


@onnx_operator("Identity Dropout")
def _same(call: OnnxCall, x: Any, *more: Any) -> Any:
    """The value itself: nothing is dropped after training."""
    if len(more) == 2 and call.constants.get(2) is not None and bool(call.constants[2].any()):
        raise CannotCarry(
            "it drops values in use, as in training", "Export the model in evaluation mode."
        )
    return (x, None)[: max(1, len(call.node.outputs))] if call.node.operator == "Dropout" else x


@onnx_operator("Cast")
def _cast(call: OnnxCall, x: Any) -> Any:
    """Numbers of another type; all values are computed in float32."""
    kind = call.attribute("to", 1)
    if isinstance(x, Numbers):
        return x.like(*(bool(v) for v in x.values)) if kind == 9 else x
    if kind in (1, 11):
        return tensor(x).to(torch.get_default_dtype()) if not x.is_floating_point() else x
    if x.is_floating_point():
        raise CannotCarry("it rounds values of x to whole numbers, or to fewer digits")
    return x


@onnx_operator("CumSum")
def _running_sum(call: OnnxCall, x: Any, axis: Any) -> Any:
    """The running sum along the features."""
    place = call.number(1, "the axis", None)
    call.only("exclusive", 0)
    call.only("reverse", 0)
    return torch.cumsum(tensor(x), int(place or 0))


@onnx_operator("LeakyRelu")
def _leaky_relu(call: OnnxCall, x: Any) -> Any:
    """x, or alpha x below zero."""
    return F.leaky_relu(tensor(x), call.attribute("alpha", 0.01))


@onnx_operator("Elu")
def _elu(call: OnnxCall, x: Any) -> Any:
    """max(x, 0) + alpha (e^min(x, 0) - 1)."""
    return F.elu(tensor(x), call.attribute("alpha", 1.0))


@onnx_operator("Celu")
def _celu(call: OnnxCall, x: Any) -> Any:
    """max(x, 0) + alpha (e^min(x / alpha, 0) - 1)."""
    return F.celu(tensor(x), call.attribute("alpha", 1.0))


@onnx_operator("Selu")
def _selu(call: OnnxCall, x: Any) -> Any:
    """Gamma (max(x, 0) + alpha (e^min(x, 0) - 1))."""
    alpha = call.attribute("alpha", 1.6732631921768188)
    return F.elu(tensor(x), alpha) * call.attribute("gamma", 1.0507010221481323)


@onnx_operator("HardSigmoid")
def _hard_sigmoid(call: OnnxCall, x: Any) -> Any:
    """min(max(alpha x + beta, 0), 1)."""
    scaled = tensor(x) * call.attribute("alpha", 0.2) + call.attribute("beta", 0.5)
    return torch.clamp(scaled, 0.0, 1.0)


@onnx_operator("Gelu")
def _gelu(call: OnnxCall, x: Any) -> Any:
    """X times the normal distribution at x."""
    return F.gelu(tensor(x), approximate=call.attribute("approximate", "none"))


@onnx_operator("PRelu")
def _prelu(call: OnnxCall, x: Any, slope: Any) -> Any:
    """x, or a slope times x below zero."""
    return torch.relu(tensor(x)) + tensor(slope) * torch.clamp(tensor(x), max=0.0)


@onnx_operator("Clip")
def _clip(call: OnnxCall, x: Any, *_: Any) -> Any:
    """X within constant bounds."""
    low, high = call.number(1, "min", None), call.number(2, "max", None)
    return tensor(x) if low is None and high is None else torch.clamp(tensor(x), low, high)


@onnx_operator("Constant")
def _constant(call: OnnxCall) -> Any:
    """A constant of the file."""
    import numpy as np

    given = call.node.attributes
    if len(given) != 1:
        raise CannotCarry(f"it must have one value, got {len(given)}")
    name, value = next(iter(given.items()))
    kind: Any = np.int64 if "int" in name else np.float32
    if name not in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        raise CannotCarry(f"its value is a {name.removeprefix('value_')}; it must be numbers")
    array = np.asarray(value, dtype=None if name == "value" else kind)
    found = as_numbers(array)
    return found if found is not None else as_tensor(array)


def as_tensor(array: Any) -> Tensor:
    """Return a constant as a tensor: float32, or int64."""
    import numpy as np

    kind: Any = np.float32 if array.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.array(array, kind))
