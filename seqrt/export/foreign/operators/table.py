"""The table of torch's operators that can be read, filled by the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OperatorCall:
    """One call of an operator in a traced forward.

    `sizes` are those of its result, or of each of its results; `module` is the layer that it is
    part of, such as "lstm (nn.LSTM)".
    """

    name: str
    sizes: tuple[Any, ...]
    all_sizes: tuple[tuple[Any, ...], ...]
    module: str = ""


Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}


def aten(names: str) -> Callable[[Operator], Operator]:
    """Enter a function into the table, under each of these names of torch's operators.

    It takes the emitter, the call, and what the operator takes; a name without a dot means all
    overloads.
    """

    def enter(function: Operator) -> Operator:
        for name in names.split():
            OPERATORS[name] = function
        return function

    return enter


def operator_of(name: str) -> Operator | None:
    """Return the function for an operator such as "add.Tensor", None if there is none."""
    plain = name.split(".", maxsplit=1)[0]
    return OPERATORS.get(name) or OPERATORS.get(plain) or OPERATORS.get(plain.rstrip("_"))
