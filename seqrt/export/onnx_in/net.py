"""An ONNX graph as a module of torch, node by node, which export reads and proves."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.func import functional_call

from seqrt.export.foreign.tracing.opaque import opaque_layers
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.onnx_in.constants import MISFITS, MOST_ELEMENTS, Constants, check_result
from seqrt.export.onnx_in.graph import OnnxGraph, OnnxNode
from seqrt.export.onnx_in.operators.recurrent import RECURRENT, OnnxRecurrent, check_lengths
from seqrt.export.onnx_in.operators.table import OPERATORS, Numbers, OnnxCall, tensor
from seqrt.export.onnx_in.operators.unknown import check_operator
from seqrt.export.onnx_in.refusal import CannotCarry, cannot_import
from seqrt.export.onnx_in.roles import roles_of

# Sizes of the first run where the file fixes none: primes, so that none is taken for another.
_ROWS, _STEPS = 5, 7
_OTHERS = ((11, 13), (67, 71))
# More than the rows that the proof runs in onnxruntime have.
MOST_STEPS = 64
_MODULE = re.compile(r"\w[\w.]* \((nn\.\w+|OnnxPart|OnnxRecurrent)\)")


class OnnxPart(nn.Module):
    """One node: a layer, a table of vectors, or a function of the table of operators."""

    def __init__(self, call: OnnxCall) -> None:
        """Take over the weights of a layer; refuse an operator that is not in the table."""
        super().__init__()
        check_operator(call.node)
        self.layer: nn.Module | None = None
        table = call.constants.get(0)
        if call.node.operator in RECURRENT:
            self.layer = OnnxRecurrent(call)
        elif (
            call.node.operator == "Gather"
            and table is not None
            and table.ndim == 2
            and table.dtype.kind == "f"
            and not call.attribute("axis", 0)
        ):
            embedding = nn.Embedding(*table.shape)
            with torch.no_grad():
                embedding.weight.copy_(torch.from_numpy(np.array(table, np.float32)))
            self.layer = embedding

    def forward(self, call: OnnxCall, *inputs: Any) -> Any:
        """Run the node; CannotCarry becomes Refused, with the node as the place."""
        try:
            if isinstance(self.layer, OnnxRecurrent):
                return self._recurrent(call, inputs)
            if self.layer is not None:
                return self.layer(tensor(inputs[1]))
            return OPERATORS[call.node.operator](call, *inputs)
        except CannotCarry as error:
            raise Refused(error.why, error.instead, call.node.place) from error

    def _recurrent(self, call: OnnxCall, inputs: tuple[Any, ...]) -> Any:
        padded = inputs + (None,) * (8 - len(inputs))
        check_lengths(call, padded[4], tensor(padded[0]).shape[0])
        states = (None,) * 4 + padded[5:7]
        layer: Any = self.layer
        return layer(call, padded[0], *states)


@dataclass
class _Step:
    """A node of the run: the name of its part, and where its inputs come from."""

    part: str
    call: OnnxCall


class OnnxNet(nn.Module):
    """The graph of an ONNX file. Lengths are left out and states are zeros: rows are whole."""

    def __init__(self, graph: OnnxGraph) -> None:
        """Convert each node; raise UsageError that names the first one that cannot be carried."""
        super().__init__()
        if not any(node.operator in RECURRENT for node in graph.nodes):
            raise cannot_import(
                "this graph",
                "it has no RNN, LSTM or GRU node",
                "A cell that is written out step by step cannot be told from other arithmetic:"
                " export a whole layer.",
            )
        self.roles, self.producer = roles_of(graph), graph.producer
        self._buffers_of: dict[str, str] = {}
        self._fixed: dict[str, Any] = {}
        self._run: list[_Step] = []
        sizes = self.roles.x.sizes or ()
        self.traced = tuple(size if isinstance(size, int) else None for size in sizes[:2])
        constants = Constants(graph)
        for node in graph.nodes:
            try:
                if not constants.fold(node):
                    self._add(node, constants, graph.opset)
            except CannotCarry as error:
                raise cannot_import(node.place, error.why, error.instead) from error
            except MISFITS as error:
                raise cannot_import(node.place, _misfit_text(error)) from error
        self._rows_axis = self._axis_of_rows()
        self.eval()
        self._record()

    def _add(self, node: OnnxNode, constants: Constants, opset: int) -> None:
        known = {i: constants.arrays[n] for i, n in enumerate(node.inputs) if n in constants.arrays}
        call = OnnxCall(node, opset, known, traced=self.traced)
        part = OnnxPart(call)
        kind = re.sub(r"\W+", "_", node.name).strip("_") or f"{node.operator}_{len(self._run)}"
        name = kind
        while hasattr(self, name):
            name = f"{name}_{len(self._run)}"
        self.add_module(name, part)
        self._run.append(_Step(name, call))
        for i, source in enumerate(node.inputs):
            if source not in constants.values or (part.layer is not None and i < 5):
                continue
            value = constants.values[source]
            if isinstance(value, Numbers):
                self._fixed[source] = value
            elif source not in self._buffers_of:
                self._buffers_of[source] = f"constant{len(self._buffers_of)}"
                self.register_buffer(self._buffers_of[source], value)

    def forward(self, x: Tensor, check: bool = False) -> Any:
        """Run the graph on x (B, T, D), (T, B, D), (B, T) or ids (B, T).

        With `check`, shapes are kept, and what does not fit or is too large is refused.
        """
        found: dict[str, Any] = {**self._fixed, self.roles.x.name: x}
        found |= {name: getattr(self, buffer) for name, buffer in self._buffers_of.items()}
        for value in self.roles.states:
            found[value.name] = self._first_state(value.sizes, x)
        total = 0
        for step in self._run:
            inputs = [found.get(name) for name in step.call.node.inputs]
            call = replace(step.call, sizes=tuple(x.shape[:2]))
            part = getattr(self, step.part)
            if check:
                result, count, step.call = _checked(part, call, inputs)
                total += count
            else:
                result = part(call, *inputs)
            results = result if isinstance(result, tuple) else (result,)
            found |= dict(zip(step.call.node.outputs, results, strict=False))
        if total > MOST_ELEMENTS:
            raise Refused(f"it would hold more than {MOST_ELEMENTS:,} values", "", "this graph")
        return self._outputs(found)

    def _outputs(self, found: dict[str, Any]) -> Any:
        """Return the outputs by names that Python allows, or the only one."""
        outputs: dict[str, Tensor] = {}
        for value in self.roles.outputs:
            name = re.sub(r"\W+", "_", value.name)
            while name in outputs:
                name += "_"
            result = found.get(value.name)
            if not isinstance(result, Tensor):
                raise Refused("it is a shape, or a constant", "", f"the output {value.described}")
            outputs[name] = result
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _first_state(self, sizes: tuple[Any, ...] | None, x: Tensor) -> Tensor:
        rows = x.shape[self._rows_axis]
        known = sizes or ()
        if len(known) == 2:
            return x.new_zeros(rows, known[1])
        return x.new_zeros(known[0], rows, known[2])

    def _axis_of_rows(self) -> int:
        """Return which axis of x the rows are, as far as first states need it."""
        sizes = self.roles.x.sizes or ()
        for value in self.roles.states:
            own = value.sizes or ()
            fixed = all(isinstance(size, int) for i, size in enumerate(own) if i != len(own) - 2)
            if len(own) not in (2, 3) or not fixed:
                raise cannot_import(
                    f"the first state {value.described}", "it must be (layers, batch, units)"
                )
            if sizes[0] != sizes[1] and own[-2] in sizes[:2]:
                return sizes.index(own[-2])
        readers = [s.call.node for s in self._run if self.roles.x.name in s.call.node.inputs]
        return int(any(node.operator in RECURRENT for node in readers))

    def _record(self) -> None:
        """Run the graph without data: find the shapes, and what does not fit or is too large."""
        weights = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        without_data = {name: weight.to("meta") for name, weight in weights.items()}
        kind = torch.int64 if self.roles.tokens else torch.float32
        first = [t or size for t, size in zip(self.traced, (_ROWS, _STEPS), strict=True)]
        others = [[b for b in pair if b != a] for a, pair in zip(first, _OTHERS, strict=True)]
        for sizes in (first, [each[0] for each in others]):
            axes = [*sizes, *map(int, (self.roles.x.sizes or ())[2:])]
            if math.prod(axes) > MOST_ELEMENTS:
                raise cannot_import(f"the input {self.roles.x.described}", "it is too large")
            try:
                with torch.device("meta"), opaque_layers(), torch.no_grad():
                    x = torch.zeros(axes, dtype=kind)
                    functional_call(self, without_data, (x,), {"check": True})
            except Refused as error:
                raise cannot_import(error.where, error.why, error.instead) from error

    def example(self) -> ArrayLike:
        """Return an input of the right shape, (2, 7, D) or (2, 7)."""
        if self.roles.tokens:
            return np.zeros((2, 7), np.int64)
        return np.zeros((2, 7, *map(int, (self.roles.x.sizes or ())[2:])), np.float32)

    def place_of(self, module: str) -> str:
        """Return the node that a module such as "lstm.layer (nn.LSTM)" is part of, "" if none."""
        part = module.partition(" ")[0].partition(".")[0]
        return next((step.call.node.place for step in self._run if step.part == part), "")

    def worded(self, text: str) -> str:
        """Return a message of the export with nodes in place of modules."""
        named = _MODULE.sub(lambda found: self.place_of(found[0]) or found[0], text)
        return re.sub(r"\bforward\b", "the graph", named)


def _seen(call: OnnxCall, inputs: list[Any]) -> OnnxCall:
    """Return a call that knows the shape of its first input, and then which axes vary."""
    shape = tuple(inputs[0].shape) if inputs and isinstance(inputs[0], Tensor) else ()
    if not call.shape:
        return replace(call, shape=shape)
    return replace(call, varies=tuple(a != b for a, b in zip(call.shape, shape, strict=True)))


def _checked(part: nn.Module, call: OnnxCall, inputs: list[Any]) -> tuple[Any, int, OnnxCall]:
    """Run a part without data; return its result, the number of its values, and what was seen."""
    place = call.node.place
    try:
        result = part(call, *inputs)
        count = check_result(result if isinstance(result, tuple) else (result,))
        return result, count, _seen(call, inputs)
    except CannotCarry as error:
        raise Refused(error.why, error.instead, place) from error
    except Refused as error:
        error.where = place
        raise
    except MISFITS as error:
        raise Refused(_misfit_text(error), "", place) from error


def _misfit_text(error: Exception) -> str:
    return f"its inputs or attributes do not fit ({' '.join(str(error).split()):.120})"
