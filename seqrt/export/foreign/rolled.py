"""Rolls up a loop of cells over time, which a trace of fixed length has written out.

The same node of every step becomes one node over all of them: its values have the batch and time
as one axis, so the same table of operators serves. A cell of the loop becomes a layer over time.
"""

from __future__ import annotations

import operator
from itertools import pairwise
from typing import Any

import torch
from torch.fx import Node

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.loops import Joined, joined_steps, passed_on
from seqrt.export.foreign.operators.layers import layer
from seqrt.export.foreign.operators.over_time import turned_steps
from seqrt.export.foreign.operators.table import OperatorCall
from seqrt.export.foreign.reading import Reader, name_of
from seqrt.export.foreign.tracing.refusal import Refused, line_of_node
from seqrt.export.foreign.tracing.trace import Traced
from seqrt.export.foreign.values import B, Count, Ends, Fixed, GraphValue, T

_Steps = tuple[Node, ...]


class RolledReader(Reader):
    """Reads a forward that calls cells in a loop over the steps of x."""

    def __init__(self, traced: Traced, emitter: Emitter, features: int) -> None:
        """Find the cells that are called once for each step."""
        super().__init__(traced, emitter, features)
        self.count = traced.steps or 0
        calls: dict[Any, list[Node]] = {}
        for node in self.nodes:
            if node.op == "call_function" and name_of(node) == "cell":
                weights: Any = node.args[3]
                calls.setdefault(tuple(weights), []).append(node)
        # Further calls of a cell, after the loop, are the steps of a decoder.
        whole = {key: nodes for key, nodes in calls.items() if len(nodes) >= self.count}
        self.calls = {key: nodes[: self.count] for key, nodes in whole.items()}
        self.at = {n: (key, t) for key, ns in self.calls.items() for t, n in enumerate(ns)}
        self.order = {node: place for place, node in enumerate(self.nodes)}
        self.layers: dict[Any, Any] = {}
        self.rows: dict[_Steps, Any] = {}
        self.inside_step = False
        if not self.at:
            counts = sorted({len(nodes) for nodes in calls.values()})
            raise Refused(
                "forward fixes the number of steps"
                + (
                    f": its loop calls a cell {counts[-1]} times for {self.count} steps"
                    if counts
                    else ""
                ),
                "Reduce time first (the last step, a mean), or loop over range(x.size(1)).",
            )

    def outputs(self) -> Any:
        """Return what forward returns, reading only what that needs."""
        return self.returned()

    def size(self, size: Any) -> Any:
        """Return a size; inside a step of the loop, the batch is all steps of all rows."""
        found = super().size(size)
        if self.inside_step and not isinstance(found, int):
            return found.xreplace({B: B * T})
        return found if found is not T or not self.inside_step else size

    def evaluate(self, node: Node) -> Any:
        """Return the value of a node outside the loop."""
        self.inside_step = False
        source: Any = node.args[0] if node.args else None
        if node.target is operator.getitem and source in self.at:
            key, step = self.at[source]
            if step != self.count - 1:
                raise Refused(
                    f"the state of a cell after step {step + 1} of the loop is read after the loop",
                    "Only the last state, or that of all steps, can be.",
                    line_of_node(node),
                )
            return self.layer(key)[1][node.args[1]]
        every = joined_steps(node, self.count)
        return self._joined(node, every) if every else super().evaluate(node)

    def apply(self, node: Node, name: str, arguments: list[Any], options: dict[str, Any]) -> Any:
        """Return the result of an operator; the last of all steps is the last step of a row."""
        if name == "packed" and isinstance(arguments[1], Fixed):
            # The trace has one number of steps, so that these are a constant.
            value, found = arguments
            if found.alike and found.number == self.count:
                arguments = [value, Count(T, found.sizes)]
        if name.startswith("select") and not self.inside_step:
            value, dim, at = arguments
            if at == self.count - 1 and isinstance(value, GraphValue) and value.axes[dim] == "T":
                arguments = [value, dim, -1]
        return super().apply(node, name, arguments, options)

    def layer(self, key: Any) -> Any:
        """Return the output of a cell at every step, and its last states."""
        if key not in self.layers:
            self.layers[key] = None
            self.layers[key] = self._layer(self.calls[key])
        if self.layers[key] is None:
            raise Refused(
                "a cell in a loop reads what was computed from its own output of the step before",
                "Only its state can go from step to step.",
                line_of_node(self.calls[key][0]),
            )
        return self.layers[key]

    def _layer(self, nodes: list[Node]) -> Any:
        arguments: Any = nodes[0].args
        _, h, c, weights, mode, hidden, bias = arguments
        states = (0, 1) if mode == "LSTM" else (0,)
        for before, node in pairwise(nodes):
            for place in states:
                state = passed_on(node.args[1 + place])
                own = isinstance(state, Node) and state.target is operator.getitem
                if not own or state.args != (before, place):
                    raise Refused(
                        "a cell in a loop starts a step from something else than its own state of"
                        " the step before, first step first",
                        "Loop over range(x.size(1)) and pass on h (and c) as they are.",
                        line_of_node(node),
                    )
        inputs: Any = tuple(node.args[0] for node in nodes)
        steps = self.every_step(inputs)
        self.inside_step = False
        value = self.g.value(steps)
        value = value.viewed("B", "T", value.width)
        starts = [self._start(self.value(state), hidden) for state in (h, c)]
        sizes = ((B, T, hidden), (1, B, hidden), (1, B, hidden))
        call = self.call(nodes[0], "layer")
        call = OperatorCall("layer", sizes[0], sizes, call.module)
        more = ([self.value(w) for w in weights], mode, hidden, hidden, 1, 1, bias, True)
        y, h_end, c_end = layer(self.g, call, value, *starts, *more)
        return y.viewed("BT", hidden), [h_end.parts[0], c_end.parts[0]]

    def _start(self, state: Any, hidden: int) -> Any:
        if isinstance(state, Fixed):
            return Fixed(state.data.reshape(1, *state.data.shape[-2:]), (1, B, hidden))
        return Ends((self.g.value(state),), (1, B, hidden))

    def every_step(self, nodes: _Steps) -> Any:
        """Return the values of the same node at every step, batch and time as one axis."""
        if nodes not in self.rows:
            self.rows[nodes] = self._every_step(nodes)
        return self.rows[nodes]

    def _every_step(self, nodes: _Steps) -> Any:
        first = nodes[0]
        if len(set(nodes)) == 1:
            return self._constant(first)
        names = {name_of(node) for node in nodes}
        if len(names) > 1:
            raise Refused(
                "the steps of a loop differ, or one reads what was computed in the step before"
                f" ({', '.join(sorted(names))})",
                "Only the states of cells can go from step to step.",
                line_of_node(nodes[-1]),
            )
        picked = self._picked(nodes)
        if picked is not None:
            return picked
        arguments = [self._same(list(each)) for each in zip(*(n.args for n in nodes), strict=True)]
        options = {k: self.argument(v) for k, v in first.kwargs.items()}
        self.inside_step = True
        try:
            return self.apply(first, names.pop(), arguments, options)
        finally:
            self.inside_step = False

    def _constant(self, node: Node) -> Any:
        self.inside_step = False
        value = self.value(node)
        if isinstance(value, Fixed):
            sizes = tuple(B * T if size == B else size for size in value.sizes)
            return Fixed(value.data, sizes)
        raise Refused(
            "a value from outside a loop is read at every step of it", "", line_of_node(node)
        )

    def _picked(self, nodes: _Steps) -> Any:
        """Return the steps that the nodes pick out of a whole, one after the other, if they do."""
        first, name = nodes[0], name_of(nodes[0])
        sources: list[Any] = [node.args[0] for node in nodes]
        if first.target is operator.getitem and sources[0] in self.at:
            if [self.at.get(source, (0, -1))[1] for source in sources] != [*range(self.count)]:
                return None
            if first.args[1] == 1:
                raise Refused(
                    "the c of an LSTM cell is read at every step",
                    "The file has it after the last step only.",
                    line_of_node(first),
                )
            return self.layer(self.at[sources[0]][0])[0]
        if len(set(sources)) > 1:
            return None
        at = 1 if first.target is operator.getitem else 2
        places = [node.args[at] if len(node.args) > at else 0 for node in nodes]
        forward = [*range(self.count)]
        if places not in (forward, forward[::-1]):
            if set(places) == set(forward):
                raise Refused(
                    "a loop reads the steps in another order than from one end to the other",
                    "Loop over range(x.size(1)), or over reversed(range(x.size(1))).",
                    line_of_node(first),
                )
            return None
        source, keep = sources[0], name.startswith("slice")
        dim: Any = first.args[1]
        if first.target is operator.getitem:
            arguments: Any = source.args
            keep = name_of(source).startswith("split")
            given = 2 if keep else 1
            dim = arguments[given] if len(arguments) > given else source.kwargs.get("dim", 0)
            source = arguments[0]
        found = self._steps_of(source, int(dim), keep)
        return found if places == forward or found is None else self._turned(first, found)

    def _turned(self, node: Node, value: GraphValue) -> GraphValue:
        """Return the steps of each row in the other direction."""
        turned: GraphValue = turned_steps(self.g, self.call(node, "reversed"), value)
        return turned

    def _steps_of(self, source: Node, dim: int, keep: bool) -> Any:
        self.inside_step = False
        value = self.g.value(self.value(source))
        if value.axes[dim] != "T":
            return None
        rest = [a for a in value.axes if a not in ("B", "T")]
        return value.viewed("BT", *([1] if keep else []), *rest)

    def _same(self, each: list[Any]) -> Any:
        """Return an argument of all steps: nodes as one, and anything else if it is the same."""
        if all(isinstance(one, Node) for one in each):
            meta = each[0].meta.get("val")
            if isinstance(meta, torch.SymInt):
                self.inside_step = True
                return self.size(meta)
            return self.every_step(tuple(each))
        if all(isinstance(one, (list, tuple)) for one in each):
            return [self._same(list(both)) for both in zip(*each, strict=True)]
        if any(one != each[0] for one in each):
            raise Refused(f"the steps of a loop differ ({each[0]}, {each[-1]})")
        return each[0]

    def _joined(self, node: Node, every: Joined) -> Any:
        """Return the values of all steps, stacked or joined along time."""
        nodes, dim, keep = every
        # A loop that runs backwards computes the last step first.
        backwards = self.order[nodes[0]] > self.order[nodes[-1]]
        value = self.g.value(self.every_step(nodes[::-1] if backwards else nodes))
        self.inside_step = False
        if backwards:
            value = self._turned(node, value)
        axes = list(value.axes)
        if keep and axes[dim] == "BT":
            axes[dim] = "TB"
        elif keep and axes[dim] != 1:
            raise Refused(
                "the outputs of all steps are joined as features",
                "Use torch.stack(outputs, dim=1).",
                line_of_node(node),
            )
        else:
            axes[dim : dim + keep] = ["T"]
            axes[axes.index("BT")] = "B"
        result = value.viewed(*axes)
        self._check(node, self.call(node, name_of(node)), result)
        return result
