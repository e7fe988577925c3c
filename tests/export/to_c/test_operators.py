"""Every operator of format 2 that streams is in C what it is in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import c_programs
import numpy as np
import onnx
import pytest
from format2_nets import Net

ALPHA = {"LeakyRelu": 0.2, "Elu": 0.7, "Celu": 1.6}
PLAIN = ["Relu", "Tanh", "Sigmoid", "Exp", "Erf", "Neg", "Abs", "Softsign", "Softplus"]
PLAIN += ["HardSwish", "Identity"]
ROOT = ["Sqrt", "Log", "Reciprocal"]


def plain(net: Net, v: str) -> list[str]:
    """Functions of any number, and of positive ones, and of those from -1 to 1."""
    positive = net.add("Add", net.add("Abs", v), net.number_of(0.1))
    inside = net.add("Mul", net.add("Tanh", v), net.number_of(0.9))
    found = [net.add(name, v) for name in PLAIN]
    found += [net.add(name, positive) for name in ROOT]
    found += [net.add("Pow", positive, net.number_of(n)) for n in (2.0, 3.0, -2.0, 0.5, 1.7, -0.3)]
    return [*found, net.add("Atanh", inside)]


def with_numbers(net: Net, v: str) -> list[str]:
    low, high = net.number_of(-0.3), net.number_of(0.4)
    found = [net.add(name, v, alpha=alpha) for name, alpha in ALPHA.items()]
    found += [net.add("Selu", v, alpha=1.67, gamma=1.05)]
    found += [net.add("HardSigmoid", v, alpha=0.2, beta=0.5)]
    found += [net.add("PRelu", v, net.number_of(np.linspace(-1, 1, 4)))]
    return [
        *found,
        net.add("Clip", v, low, high),
        net.add("Clip", v, low),
        net.add("Clip", v, "", high),
    ]


def of_two(net: Net, v: str) -> list[str]:
    other = net.dense(v, 4, 4)
    away = net.add("Add", net.add("Abs", other), net.number_of(1.0))
    found = [net.add(name, v, other) for name in ("Add", "Sub", "Mul", "Max", "Min")]
    return [*found, net.add("Div", v, away), net.add("Sub", net.number_of(2.0), v)]


def rows(net: Net, v: str) -> list[str]:
    """Softmax, normalisation and reductions of (T, B, 2, 6)."""
    wide = net.dense(v, 4, 12)
    parted = net.add("Reshape", wide, net.graph.axes(0, 0, 2, 6))
    found = [net.add(name, parted, axis=-1) for name in ("Softmax", "LogSoftmax")]
    scale, bias = net.weights(6), net.weights(6)
    found += [net.add("LayerNormalization", parted, scale, bias, axis=-1, epsilon=1e-5)]
    found = [net.add("Reshape", each, net.graph.axes(0, 0, 12)) for each in found]
    for kept in (0, 1):
        for axis in (2, 3):
            reduced = [
                net.add(f"Reduce{name}", parted, axes=[axis], keepdims=kept)
                for name in ("Max", "Min", "Mean")
            ]
            reduced += [net.add("ReduceSum", parted, net.graph.axes(axis), keepdims=kept)]
            found += [net.add("Reshape", each, net.graph.axes(0, 0, -1)) for each in reduced]
    return found


def moving(net: Net, v: str) -> list[str]:
    """Slices, picks, turns, and products of values."""
    axes = net.graph.axes
    wide = net.dense(v, 4, 12)
    parted = net.add("Reshape", wide, axes(0, 0, 3, 4))
    turned = net.add("Transpose", parted, perm=[0, 1, 3, 2])
    backwards = net.add("Slice", parted, axes(3), axes(-9), axes(3), axes(-2))
    picked = net.add("Gather", turned, axes(2, 0, 2), axis=3)
    products = net.add("MatMul", parted, turned)
    sizes = net.graph.constant("sizes", np.array([1, 2], np.int64))
    net.graph.append("Split", [parted, sizes], ["one", "two"], axis=2)
    joined = net.add("Concat", "two", "one", axis=2)
    each = [turned, backwards, picked, products, joined]
    return [net.add("Reshape", value, axes(0, 0, -1)) for value in each]


def sparse(net: Net, v: str) -> list[str]:
    """Products with matrices that are mostly zeros: several groups, single rows, nothing."""
    wide, random = net.dense(v, 4, 48), np.random.default_rng(1)
    groups = np.kron(np.eye(3), random.standard_normal((16, 16)))
    single, nothing = np.zeros((48, 5)), np.zeros((48, 2))
    single[7] = random.standard_normal(5)
    return [net.add("MatMul", wide, net.number_of(m)) for m in (groups, single, nothing)]


def steps_of(kind: Callable[[Net, str], list[str]]) -> bytes:
    """A GRU, and at each step what `kind` computes from its output, mixed into five numbers."""
    net = Net(2, "h4")
    out, ends = net.layer("gru", net.steps_of_x(), 2, 4, starts=(net.pieces[0],))
    net.ends += ends
    v = net.add("Mul", out, net.number_of(3.0))
    each = net.add("Concat", *kind(net, v), axis=2)
    y = net.add("Transpose", each, perm=[1, 0, 2])
    content: bytes = net.file("ops", [("y", y, width(kind), "sequence")])
    return content


def width(kind: Callable[[Net, str], list[str]]) -> int:
    return {plain: 84, with_numbers: 36, of_two: 28, rows: 100, moving: 51, sparse: 55}[kind]


def decoders(net: Net, h: str) -> list[str]:
    """Decoders of each cell over three steps, in each direction, from a start and without one."""
    repeated = net.add("Add", h, net.number_of(np.zeros((3, 1, 1))))
    found = []
    for cell in ("rnn", "lstm", "gru"):
        for direction in ("forward", "reverse", "bidirectional"):
            out, ends = net.layer(cell, repeated, 4, 3, direction=direction, steps=3)
            ways = 1 + (direction == "bidirectional")
            found += [
                net.add("Reshape", net.add("Transpose", out, perm=[1, 0, 2]), net.graph.axes(0, -1))
            ]
            turned = [net.add("Transpose", end, perm=[1, 0, 2]) for end in ends]
            found += [net.add("Reshape", end, net.graph.axes(0, 3 * ways)) for end in turned]
    starts = (net.dense(h, 4, 3),)
    out, _ = net.layer("gru", repeated, 4, 3, starts=starts, steps=3, reset=0)
    return [
        *found,
        net.add("Reshape", net.add("Transpose", out, perm=[1, 0, 2]), net.graph.axes(0, -1)),
    ]


def of_decoders() -> bytes:
    net = Net(2, "h4")
    _, ends = net.layer("gru", net.steps_of_x(), 2, 4, starts=(net.pieces[0],), reset=0)
    net.ends += ends
    each = net.add("Concat", *decoders(net, ends[0]), axis=1)
    content: bytes = net.file("decoders", [("y", net.dense(each, 165, 4), 4, "last")])
    return content


@pytest.mark.parametrize("name", c_programs.COMPILERS or ["none"])
def test_the_golden_cases_of_every_operator_hold(name, tmp_path):
    if name == "none":
        pytest.skip("no C compiler: neither gcc nor clang is installed")
    kinds = (plain, with_numbers, of_two, rows, moving, sparse)
    files = {kind.__name__: steps_of(kind) for kind in kinds} | {"decoders": of_decoders()}

    code, lines, error = c_programs.Program(files, tmp_path, name).prove()

    assert (code, error) == (0, ""), lines
    assert len(lines) == len(files)


@pytest.mark.parametrize(
    ("cell", "reset", "functions"),
    [
        ("lstm", 1, ("HardSigmoid", "Relu", "Relu")),
        ("lstm", 1, ("Sigmoid", "Sigmoid", "Sigmoid")),
        ("gru", 1, ("HardSigmoid", "Tanh")),
        ("gru", 0, ("HardSigmoid", "Relu")),
    ],
)
def test_the_golden_cases_of_other_functions_in_layers_hold(
    compiler, tmp_path, cell, reset, functions
):
    net = Net(2, "h4 c4" if cell == "lstm" else "h4")
    out, ends = net.layer(cell, net.steps_of_x(), 2, 4, starts=tuple(net.pieces), reset=reset)
    node = next(node for node in net.graph.nodes if node.op_type == cell.upper())
    node.attribute.append(onnx.helper.make_attribute("activations", list(functions)))
    net.layers[0] = replace(net.layers[0], activations=functions)
    net.ends += ends
    y = net.add("Transpose", net.dense(out, 4, 2), perm=[1, 0, 2])
    files = {"net": net.file("functions", [("y", y, 2, "sequence")])}

    code, lines, _ = c_programs.Program(files, tmp_path, compiler).prove()

    assert (code, len(lines)) == (0, 1)
