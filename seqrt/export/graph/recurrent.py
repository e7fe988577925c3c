"""The nodes of recurrent layers, and of the sums around them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from seqrt.contract import LENGTHS, idioms
from seqrt.contract.manifest import STATE_PARTS
from seqrt.export.graph.groups import layer_groups
from seqrt.export.graph.stack_graph import StackGraph
from seqrt.export.graph.weights import LayerWeights, onnx_weights
from seqrt.training.networks.dilated import Dilated
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack

_DIRECTIONS: Final = {False: "forward", True: "bidirectional"}


class RecurrentNodes:
    """Appends the recurrent layers of a stack, first to last, each a node and what it needs."""

    def __init__(self, graph: StackGraph, stack: Stack) -> None:
        """Append to `graph`."""
        self.graph, self.cut = graph, stack.cut_to_last()
        self.skip = _Skip(graph, stack)

    def emit(self, step: Recurrent, name: str, h: str) -> str:
        """Append a layer that reads h; return its output, at every step or after the last one."""
        if isinstance(step, Dilated) and step.dilation > 1:
            h = self.skip.add(step, name, _dilated(self.graph, step, name, h), only_last=False)
            end = idioms.step_from_end(0, h, step.layer.units)
            return self.graph.idiom(end) if step is self.cut else h
        only_last = step is self.cut
        h = _recurrent(self.graph, step, name, h, only_last=only_last, end=self.skip.needs_end)
        return self.skip.add(step, name, h, only_last=only_last)


def _recurrent(
    graph: StackGraph, step: Recurrent, name: str, h: str, *, only_last: bool, end: bool
) -> str:
    """Append a layer; return the input of the next step.

    With `end`, the node outputs its final h also where nothing but a residual reads it.
    """
    layer, groups = step.layer, layer_groups(step)
    count, parts = len(groups.weights), STATE_PARTS[layer.cell]
    starts = [[graph.start() for _ in range(count)] for _ in parts] if graph.streams else []
    reads = _shares(graph, name, h, step.features, count) if groups.shares else [h] * count
    names = [f"{name}_group{k}" for k in range(count)] if count > 1 else [name]
    wanted = parts if graph.streams else parts[:1] if only_last or end else ()
    for k, (group, weights) in enumerate(zip(names, groups.weights, strict=True)):
        outputs = ["" if only_last else f"{group}_steps", *(f"{group}_{p}_end" for p in wanted)]
        inputs = [reads[k], LENGTHS, *(pieces[k] for pieces in starts)]
        _append_node(graph, step, group, weights, inputs, outputs)
    graph.ends += [f"{group}_{p}_end" for p in parts for group in names] if graph.streams else []
    if count > 1 and not only_last:
        graph.add("Concat", [f"{group}_steps" for group in names], f"{name}_steps", axis=3)
    if count > 1 and (only_last or end):
        graph.add("Concat", [f"{group}_h_end" for group in names], f"{name}_h_end", axis=2)
    if only_last:
        return _last_step(graph, f"{name}_h_end", name, layer.bidirectional)
    return _every_step(graph, name, layer.bidirectional)


def _shares(graph: StackGraph, name: str, h: str, features: int, count: int) -> list[str]:
    """Append the node that cuts h (T, B, D) into equal shares; return their names."""
    sizes = graph.constant(f"{name}_shares", np.full(count, features // count, np.int64))
    shares = [f"{name}_share{k}" for k in range(count)]
    graph.append("Split", [h, sizes], shares, axis=2)
    return shares


def _dilated(graph: StackGraph, step: Dilated, name: str, h: str) -> str:
    """Append a dilated layer, whose node reads each phase of a row as a row of its own."""
    layer, number = step.layer, graph.number("dilated")
    parts = STATE_PARTS[layer.cell] if graph.streams else ""
    pieces = tuple(graph.start() for _ in parts)
    graph.idiom(idioms.phases(number, h, step.features, step.dilation, pieces, layer.units))
    inputs = [f"phases.{number}.steps", f"phases.{number}.lengths"]
    inputs += [f"phases.{number}.start{i}" for i in range(len(parts))]
    ends = [f"{name}_{part}_end" for part in parts]
    _append_node(graph, step, name, onnx_weights(step), inputs, [f"{name}_steps", *ends])
    steps = f"{name}_steps"
    back = idioms.interleaved(number, steps, layer.units, step.dilation, tuple(ends))
    return graph.stateful(back)


def _append_node(
    graph: StackGraph,
    step: Recurrent,
    name: str,
    weights: LayerWeights,
    inputs: list[str],
    outputs: list[str],
) -> None:
    """Append the node of a layer or group; `inputs`: what it reads, the lengths and any states."""
    layer, (h, *others) = step.layer, inputs
    named = zip("WRB", weights, strict=True)
    constants = [graph.constant(f"{name}_{w}", array) for w, array in named]
    attributes: dict[str, Any] = {"direction": _DIRECTIONS[layer.bidirectional]}
    if layer.cell == "rnn":
        attributes["activations"] = [layer.nonlinearity.capitalize()] * len(step.cells)
    if layer.cell == "gru":
        # torch applies the reset gate after the matrix product.
        attributes["linear_before_reset"] = 1
    graph.append(
        layer.cell.upper(),
        [h, *constants, *others],
        outputs,
        hidden_size=weights[1].shape[2],
        **attributes,
    )


class _Skip:
    """The sums of a stack with `residual`: each layer's output and that of the layer before it.

    If the head reads the last step only, so does the last sum. The step is then not looked up in
    the earlier outputs: it is the sum of the final h of their layers. Dilated layers have no final
    h, so all of their steps are summed.
    """

    def __init__(self, graph: StackGraph, stack: Stack) -> None:
        self.graph, self.residual = graph, stack.residual
        self.needs_end = stack.residual and stack.cut_to_last() is not None and stack.segment == 1
        self.every = self.at_end = ""

    def add(self, step: Recurrent, name: str, h: str, *, only_last: bool) -> str:
        """Return the sum for the output `h` of a layer, and keep it for the next layer."""
        if not self.residual:
            return h
        if self.needs_end and not only_last:
            own = _last_step(self.graph, f"{name}_h_end", f"{name}_end", step.layer.bidirectional)
            self.at_end = self._sum(own, self.at_end, f"{name}_end_sum")
        self.every = self._sum(h, self.at_end if only_last else self.every, f"{name}_sum")
        return self.every

    def _sum(self, h: str, before: str, name: str) -> str:
        return self.graph.add("Add", [h, before], name) if before else h


def _last_step(graph: StackGraph, end: str, name: str, bidirectional: bool) -> str:
    """Append the nodes from `end`, the final h of each direction (dirs, B, H), to (B, dirs H)."""
    if not bidirectional:
        return graph.add("Squeeze", [end, graph.axes(0)], f"{name}_last")
    rows = graph.add("Transpose", [end], f"{name}_rows", perm=[1, 0, 2])
    return graph.add("Reshape", [rows, graph.axes(0, -1)], f"{name}_last")


def _every_step(graph: StackGraph, name: str, bidirectional: bool) -> str:
    """Append the nodes from h at every step, (T, dirs, B, H), to (T, B, dirs H)."""
    steps = f"{name}_steps"
    if not bidirectional:
        return graph.add("Squeeze", [steps, graph.axes(1)], f"{name}_out")
    rows = graph.add("Transpose", [steps], f"{name}_rows", perm=[0, 2, 1, 3])
    return graph.add("Reshape", [rows, graph.axes(0, 0, -1)], f"{name}_out")
