"""Matrix products, among them attention over the steps of a row."""

from __future__ import annotations

from typing import Any

from seqrt.contract import idioms
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.features import linear
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Fixed, GraphValue, described


@aten("bmm matmul mm")
def matmul(g: Emitter, call: OperatorCall, a: Any, b: Any) -> Any:
    """A product with a constant matrix, or of two values of each row."""
    if isinstance(b, Fixed):
        data = b.data.expand(b.sizes)
        if data.ndim == 1:
            result = linear(g, call, a, Fixed(data[None], (1, len(data))))
            return result.viewed(*result.axes[:-1])
        if data.ndim == 2:
            return linear(g, call, a, Fixed(data.T, tuple(data.T.shape)))
    if isinstance(a, Fixed) or isinstance(b, Fixed):
        raise Refused("a constant matrix is multiplied by a value", "Write it as nn.Linear.")
    a, b = (g.exact(g.value(each)) for each in (a, b))
    if len(a.axes) != 3 or len(b.axes) != 3 or (a.axes[0], b.axes[0]) != ("B", "B"):
        raise Refused(f"a product of {described(a.sizes)} and {described(b.sizes)}")
    time = [a.axes[1] == "T", a.axes[2] == "T", b.axes[1] == "T", b.axes[2] == "T"]
    if time == [False] * 4:
        names = g.laid(a, *map(int, a.axes[1:])), g.laid(b, *map(int, b.axes[1:]))
        real = (int(a.axes[1]), int(b.axes[2]))
        return GraphValue(g.node("MatMul", *names), ("B", *real), real)
    g.not_streamable("attention: a product of steps")
    return _attention(g, a, b, time)


def _attention(g: Emitter, a: GraphValue, b: GraphValue, time: list[bool]) -> GraphValue:
    if time == [True, False, False, False]:
        rows, queries = int(b.axes[1]), int(b.axes[2])
        query = g.laid(b, rows, queries)
        name = g.along_time(idioms.scores, "scores", g.flat(a), a.width, query, queries)
        return GraphValue(name, ("B", "T", queries), (queries,))
    if time == [False, False, False, True]:
        queries, width = int(a.axes[1]), int(a.axes[2])
        query = g.node("Transpose", g.laid(a, queries, width), perm=[0, 2, 1])
        name = g.along_time(idioms.scores, "scores", g.flat(b), b.width, query, queries)
        return GraphValue(name, ("B", queries, "T"), (queries,))
    if time == [False, True, True, False]:
        name = g.along_time(idioms.attend, "attend", g.flat(a), a.width, g.flat(b), b.width)
        return GraphValue(name, ("B", a.width, b.width), (a.width, b.width))
    raise Refused(
        "every step is compared with every other (self-attention), which takes steps x steps",
        "Attend from the last state, or with nn.Linear and softmax over time.",
    )


@aten("scaled_dot_product_attention _scaled_dot_product_flash_attention")
def self_attention(g: Emitter, call: OperatorCall, *_: Any, **__: Any) -> Any:
    """Self-attention is refused."""
    raise Refused(
        f"{call.module or 'attention'} compares every step with every other, steps x steps",
        "Attend from the last state, or with nn.Linear and softmax over time.",
    )
