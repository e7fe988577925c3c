"""What a loop over time looks like in a trace of fixed length: states passed on, results kept."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch.fx import Node

from seqrt.export.foreign.reading import name_of

_PASSED_ON = ("detach", "clone", "alias", "contiguous", "lift_fresh_copy")


class Joined(NamedTuple):
    """The results of all steps, in the order in which they are joined along the axis `dim`.

    With `keep` each has that axis already, with size 1.
    """

    nodes: tuple[Node, ...]
    dim: int
    keep: bool


def passed_on(node: Any) -> Any:
    """Return the node whose value a node passes on unchanged.

    The states of several layers are stacked after each step and taken apart before the next.
    """
    while isinstance(node, Node) and node.op == "call_function":
        name = name_of(node)
        if name in _PASSED_ON:
            node = node.args[0]
            continue
        source: Any = passed_on(node.args[0]) if name == "select.int" else None
        stacked = isinstance(source, Node) and name_of(source) == "stack"
        if not stacked or node.args[1] != 0 or source.args[1:] not in ((), (0,)):
            break
        node = source.args[0][node.args[2]]
    return node


def joined_steps(node: Node, count: int) -> Joined | None:
    """Return the results of `count` steps that a node puts together; None if it does not."""
    name, parts = name_of(node), node.args[0] if node.args else None
    if name in ("stack", "cat"):
        if not isinstance(parts, (list, tuple)) or len(parts) != count:
            return None
        dim: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        each: Any = tuple(parts)
        return Joined(each, int(dim) % node.meta["val"].ndim, name == "cat")
    if name in ("select_scatter", "slice_scatter"):
        return _written(node, name, count)
    return None


def _written(node: Node, name: str, count: int) -> Joined | None:
    """Return what was written to a tensor, one place after the other, the last write first."""
    found: dict[int, Node] = {}
    dim: Any = node.args[2] if len(node.args) > 2 else 0
    target: Any = node
    while name_of(target) == name and (target.args[2] if len(target.args) > 2 else 0) == dim:
        place = target.args[3]
        wide = name == "slice_scatter" and target.args[4:] != (place + 1,)
        value = _copied(target.args[1])
        if wide or value is None:
            return None
        found.setdefault(place % count, value)
        target = target.args[0]
    if len(found) < count:
        return None
    order = tuple(found[place] for place in range(count))
    return Joined(order, dim % node.meta["val"].ndim, name == "slice_scatter")


def _copied(node: Node) -> Node | None:
    """Return the value that is copied into a place of the same shape."""
    value: Any = node.args[1] if name_of(node) == "copy" else node
    same = isinstance(value, Node) and value.meta["val"].shape == node.meta["val"].shape
    return value if same else None
