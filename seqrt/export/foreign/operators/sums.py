"""torch.einsum of one or two tensors: products element by element, and sums over letters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.features import linear
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.operators.views import permute
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Fixed, T, has


@aten("einsum")
def einsum(g: Emitter, call: OperatorCall, equation: str, tensors: list[Any], **_: Any) -> Any:
    """The sum over the letters that the result lacks of the product of the tensors."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    plain = all(len(set(term)) == len(term) and "." not in term for term in (*terms, output))
    if not plain or len(terms) > 2 or not arrow:
        raise Refused(
            f"torch.einsum({equation!r})", "Write it as products of two tensors, each letter once."
        )
    if len(terms) == 2 and isinstance(tensors[0], Fixed):
        terms, tensors = terms[::-1], tensors[::-1]
    if len(terms) == 2 and isinstance(tensors[1], Fixed) and _is_dense(terms, output):
        matrix = tensors[1]
        if terms[1][0] == terms[0][-1]:
            matrix = Fixed(matrix.data.T, tuple(matrix.data.T.shape))
        return linear(g, call, tensors[0], matrix)
    letters = output + "".join(sorted(set(inputs) - set(output) - {","}))
    both = list(zip(terms, tensors, strict=True))
    sizes = {x: size for t, v in both for x, size in zip(t, v.sizes, strict=True)}
    if sum(has(size, T) for size in sizes.values()) > 1:
        raise Refused(
            f"torch.einsum({equation!r}) compares every step with every other, steps x steps",
            "Attend from the last state, or with nn.Linear and softmax over time.",
        )
    spread = [_spread(g, call, term, tensor, letters) for term, tensor in both]
    value = spread[0] if len(spread) == 1 else g.joined("Mul", *spread)
    for place in range(len(letters) - 1, len(output) - 1, -1):
        rest = tuple(sizes[letter] for letter in letters[:place])
        value = OPERATORS["sum"](g, OperatorCall("sum", rest, (rest,)), value, [place])
    return value


def _is_dense(terms: list[str], output: str) -> bool:
    """Return whether it is x W: the last letter of x goes, and that of the matrix comes."""
    value, matrix = terms
    new = matrix.replace(value[-1], "")
    return len(matrix) == 2 and len(new) == 1 and output == value[:-1] + new


def _spread(g: Emitter, call: OperatorCall, term: str, tensor: Any, letters: str) -> Any:
    """Return a tensor with an axis for each letter, of size 1 where it lacks the letter."""
    order = sorted(range(len(term)), key=lambda place: letters.index(term[place]))
    value = permute(g, call, tensor, order)
    own = iter(value.sizes if isinstance(value, Fixed) else value.axes)
    axes = [next(own) if letter in term else 1 for letter in letters]
    if isinstance(value, Fixed):
        kept = iter(value.data.shape)
        shape = [next(kept) if letter in term else 1 for letter in letters]
        return Fixed(value.data.reshape(shape), tuple(axes))
    return replace(value, axes=tuple(axes))
