"""Reads a traced forward, operator by operator, into the nodes of a file."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.utils._pytree import tree_unflatten

from seqrt.contract import X
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators import (
    convolutions,
    cuts,
    features,
    layers,
    lengths,
    norms,
    over_time,
    products,
    steps,
    sums,
    tokens,
    views,
)
from seqrt.export.foreign.operators.table import OperatorCall, operator_of
from seqrt.export.foreign.tracing.refusal import NotStreamable, Refused, line_of_node
from seqrt.export.foreign.tracing.trace import Traced
from seqrt.export.foreign.values import B, Count, Ends, Fixed, GraphValue, Ramp, T

# The modules that fill the table.
TABLES = (
    convolutions,
    cuts,
    features,
    layers,
    lengths,
    norms,
    over_time,
    products,
    steps,
    sums,
    tokens,
    views,
)
# Operators that only take the size of a tensor.
_FILLED = ("zeros", "ones", "full", "empty")
_SIZES_ALONE = {f"{each}_like" for each in _FILLED} | {f"new_{each}" for each in _FILLED}
_SELF_ATTENTION = ("MultiheadAttention", "Transformer")
_IGNORED = ("dtype", "device", "layout", "pin_memory", "memory_format", "non_blocking")


class Reader:
    """Evaluates the nodes of a traced forward to values of the file, each once."""

    def __init__(self, traced: Traced, emitter: Emitter, features: int) -> None:
        """Prepare to read; `features` is the width of x in the file."""
        self.g, self.traced, self.width = emitter, traced, features
        program = traced.program
        self.nodes: list[Node] = list(program.graph.nodes)
        self.known: dict[Node, Any] = {}
        signature = program.graph_signature
        tensors = {**program.state_dict, **program.constants}
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in self.nodes:
            if node.op == "placeholder" and node.name in names:
                self.known[node] = constant(tensors[names[node.name]])
        self.x = next(n for n in self.nodes if n.op == "placeholder" and n.name not in names)
        sizes = list(self.x.meta["val"].shape)
        rows, time = (sizes[1], sizes[0]) if traced.time_major else (sizes[0], sizes[1])
        self.symbols = {rows.node.expr: B}
        if traced.steps is None:
            self.symbols[time.node.expr] = T
        self.known[self.x] = self._read_x(len(sizes))

    def outputs(self) -> Any:
        """Return what forward returns, as values."""
        for node in self.nodes:
            if node.op == "call_function":
                self.value(node)
        return self.returned()

    def returned(self) -> Any:
        """Return the values that the last node has, in the tuples and dicts of forward."""
        values = self.argument(self.nodes[-1].args[0])
        structure = self.traced.program.call_spec.out_spec
        return tree_unflatten(list(values), structure) if structure else values

    def value(self, node: Node) -> Any:
        """Return the value of a node."""
        if node not in self.known:
            self.known[node] = self.evaluate(node)
        return self.known[node]

    def argument(self, argument: Any) -> Any:
        """Return an argument of a node with the values of the nodes in it."""
        if isinstance(argument, Node):
            return self.value(argument)
        if isinstance(argument, (list, tuple)):
            return [self.argument(each) for each in argument]
        return argument

    def evaluate(self, node: Node) -> Any:
        """Return the value of a node that was not read before."""
        name, meta = name_of(node), node.meta.get("val")
        if isinstance(meta, (torch.SymInt, torch.SymFloat)):
            return self.size(meta)
        if isinstance(meta, torch.SymBool) or (
            isinstance(meta, (int, float)) and name != "getitem"
        ):
            return meta
        if node.target is operator.getitem:
            source: Any = node.args[0]
            return self.value(source)[node.args[1]]
        if name.startswith(("_assert", "sym_constrain", "_check")) or meta is None:
            return None
        given: Any = node.args
        if name.split(".", maxsplit=1)[0] in _SIZES_ALONE:
            given = [None if _is_tensor(each) else each for each in given]
        arguments = [self.argument(each) for each in given]
        options = {k: self.argument(v) for k, v in node.kwargs.items() if k not in _IGNORED}
        return self.apply(node, name, arguments, options)

    def apply(self, node: Node, name: str, arguments: list[Any], options: dict[str, Any]) -> Any:
        """Return the result of an operator; refuse one that the table lacks, with its line."""
        call = self.call(node, name)
        try:
            folded = self._folded(node, call, arguments, options)
            if folded is not None:
                return folded
            function = operator_of(name)
            if function is None:
                plain = name.split(".", maxsplit=1)[0]
                raise Refused(
                    f"torch's {plain} is not among the operators that a file can hold",
                    "The export page lists them.",
                )
            result = function(self.g, call, *arguments, **options)
        except Refused as error:
            error.where = error.where or line_of_node(node)
            error.module = call.module
            if any(each in call.module for each in _SELF_ATTENTION):
                raise Refused(
                    f"{call.module} compares every step with every other, steps x steps",
                    "Attend from the last state, or with nn.Linear and softmax over time.",
                    error.where,
                ) from error
            raise
        except (NotStreamable, AssertionError):
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            why = f"torch's {name} is used in a way that is not known ({error})"
            raise Refused(why, "", line_of_node(node)) from error
        self._check(node, call, result)
        return result

    def call(self, node: Node, name: str) -> OperatorCall:
        """Return the sizes of a node's results, and the layer that it is part of."""
        meta = node.meta.get("val")
        each = meta if isinstance(meta, (tuple, list)) else [meta]
        sizes = tuple(self.sizes(one) for one in each if isinstance(one, Tensor))
        return OperatorCall(name, sizes[0] if sizes else (), sizes, module_of(node))

    def sizes(self, tensor: Tensor) -> tuple[Any, ...]:
        """Return the sizes of a traced tensor as numbers and expressions in B and T."""
        return tuple(self.size(size) for size in tensor.shape)

    def size(self, size: Any) -> Any:
        """Return a size as a number or an expression in B and T."""
        if not hasattr(size, "node"):
            return T if size == self.traced.steps else size
        expression = size.node.expr.xreplace(self.symbols)
        return int(expression) if expression.is_Integer else expression

    def _read_x(self, rank: int) -> Any:
        token = not self.x.meta["val"].is_floating_point()
        if token:
            value = GraphValue(X, ("B", "T"), (1,))
        else:
            value = self.g.read_x(self.width, flat=rank == 2)
        if self.traced.time_major:
            axes = (value.axes[1], value.axes[0], *value.axes[2:])
            value = value.viewed(*axes)
        return value

    def _folded(
        self, node: Node, call: OperatorCall, arguments: list[Any], options: dict[str, Any]
    ) -> Fixed | None:
        """Return the result of an operator on constants alone, None for any other."""
        flat = [e for a in arguments for e in (a if isinstance(a, list) else [a])]
        flat += options.values()
        tensors = [each for each in flat if isinstance(each, Fixed)]
        if not tensors or any(isinstance(each, GraphValue | Count | Ramp | Ends) for each in flat):
            return None
        if len(call.all_sizes) != 1:
            return None
        every = [*call.sizes, *(size for each in tensors for size in each.sizes)]
        target: Any = node.target
        if all(isinstance(size, int) for size in every):
            whole = [_plain(a, expand=True) for a in arguments]
            return constant(
                target(*whole, **{k: _plain(v, expand=True) for k, v in options.items()})
            )
        small = all(each.alike for each in tensors)
        if small and call.name.split(".")[0].rstrip("_") in ("add", "sub", "mul", "div", "neg"):
            result = target(*(_plain(a, expand=False) for a in arguments))
            return Fixed(result.reshape((1,) * len(call.sizes)), call.sizes)
        return None

    def _check(self, node: Node, call: OperatorCall, result: Any) -> None:
        """Stop if the sizes of a result are not those that torch has: it would be read wrongly."""
        results = result if isinstance(result, list) else [result]
        for one, sizes in zip(results, call.all_sizes, strict=False):
            if isinstance(one, GraphValue) and one.name != X and tuple(one.sizes) != sizes:
                raise Refused(
                    f"torch's {call.name} gives {sizes}, which was read as {one.sizes}",
                    "",
                    line_of_node(node),
                )


def constant(tensor: Tensor) -> Fixed:
    """Return a tensor as a constant, in float64 if it is floating."""
    data = tensor.detach().cpu()
    data = data.double() if data.is_floating_point() else data
    return Fixed(data, tuple(data.shape))


def _plain(argument: Any, *, expand: bool) -> Any:
    if isinstance(argument, Fixed):
        return argument.data.expand(argument.sizes) if expand else argument.data.reshape(())
    if isinstance(argument, list):
        return [_plain(each, expand=expand) for each in argument]
    return argument


def _is_tensor(argument: Any) -> bool:
    return isinstance(argument, Node) and isinstance(argument.meta.get("val"), Tensor)


def name_of(node: Node) -> str:
    """Return the name of a node's operator, such as "add.Tensor"."""
    if node.op != "call_function":
        return node.op
    target: Any = node.target
    if hasattr(target, "_schema"):
        return str(target).split(".", 1)[1].removesuffix(".default")
    return str(getattr(target, "__name__", target))


def module_of(node: Node) -> str:
    """Return the innermost module that a node belongs to, such as "lstm (nn.LSTM)"."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return ""
    path, kind = stack[-1]
    kind = kind if isinstance(kind, str) else kind.__name__
    own = path.removeprefix("L['self'].").removeprefix("net").lstrip(".")
    short = kind.rsplit(".", 1)[-1]
    short = f"nn.{short}" if kind.startswith("torch.nn") or kind == short else short
    return f"{own} ({short})" if own else short
