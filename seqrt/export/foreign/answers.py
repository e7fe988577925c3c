"""The outputs of a net: which of the values that forward returns, and how they become y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from seqrt.contract import Y
from seqrt.contract.idioms.recognise import idiom_of
from seqrt.contract.manifest import Activation, Head
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Axis, Ends, Fixed, described
from seqrt.runtime.types import Doubles

_ACTIVATIONS: dict[str, Activation] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Answer:
    """One output of the graph: its name, its head, and which value of forward's it is.

    `place` counts the tensors that forward returns, `axes` are those of that tensor.
    """

    name: str
    head: Head
    width: int
    place: int
    axes: tuple[Axis, ...]
    value: str

    def of(self, tensors: list[Tensor], rows: int, steps: int) -> Doubles:
        """Return this output of a call of forward as (B, O) or (B, T, O)."""
        array: Doubles = self.tensor(tensors, rows, steps).detach().double().numpy()
        return array

    def tensor(self, tensors: list[Tensor], rows: int, steps: int) -> Tensor:
        """Return this output of a call of forward as (B, O) or (B, T, O)."""
        atoms = [a for axis in self.axes for a in (axis if isinstance(axis, str) else (axis,))]
        sizes = [{"B": rows, "T": steps}.get(str(atom), atom) for atom in atoms]
        y = tensors[self.place].reshape([int(size) for size in sizes])
        order = [atoms.index("B")] + ([atoms.index("T")] if "T" in atoms else [])
        y = y.permute(order + [i for i in range(len(atoms)) if i not in order])
        return y.reshape(*y.shape[: len(order)], -1)


def leaves(returned: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return the tensors in what forward returns, with their keys in a dict."""
    if isinstance(returned, dict):
        return [leaf for key, each in returned.items() for leaf in leaves(each, str(key))]
    if isinstance(returned, (tuple, list)):
        return [leaf for each in returned for leaf in leaves(each, name)]
    return [] if returned is None else [(name, returned)]


def read_answers(g: Emitter, values: list[Any], names: list[str]) -> list[Answer]:
    """Return the outputs among the values that forward returns; states of layers are none."""
    answers: list[Answer] = []
    taken: set[str] = set()
    for place, value in enumerate(values):
        if isinstance(value, Ends) or value is None:
            continue
        if isinstance(value, Fixed):
            raise Refused("forward returns a constant", "Return what it computes from x.")
        value = g.exact(g.value(value))
        if sum("B" in axis for axis in value.axes if isinstance(axis, str)) != 1:
            raise Refused(f"forward returns {described(value.sizes)}, which has no row axis")
        head: Head = "sequence" if value.over_time else "last"
        name = Y
        if answers:
            key = names[place] if place < len(names) else ""
            name = key if key.isidentifier() and key not in taken else f"y{len(answers)}"
        taken.add(name)
        axes = value.axes
        answers.append(Answer(name, head, value.width, place, axes, g.flat(value)))
    if not answers:
        raise Refused("forward returns no output but the states of its layers")
    return answers


def write_answers(g: Emitter, answers: list[Answer]) -> dict[str, Activation]:
    """Write the outputs of the graph, batch-major; return the activation of each."""
    return {answer.name: _write(g, answer, answers) for answer in answers}


def _write(g: Emitter, answer: Answer, answers: list[Answer]) -> Activation:
    """Write one output, its activation last of all; return the activation."""
    node = next(n for n in g.nodes if answer.value in n.output)
    readers = sum(answer.value in other.input for other in g.nodes)
    readers += sum(other.value == answer.value for other in answers)
    alone = readers == 1 and not idiom_of(node.name) and len(node.output) == 1
    if answer.head == "last":
        if alone:
            node.output[0] = node.name = answer.name
        else:
            g.add("Identity", [answer.value], answer.name)
    elif not alone or node.op_type not in _ACTIVATIONS:
        g.add("Transpose", [answer.value], answer.name, perm=[1, 0, 2])
    else:
        turned = f"{answer.name}_rows"
        g.nodes.remove(node)
        g.add("Transpose", [node.input[0]], turned, perm=[1, 0, 2])
        node.input[0] = turned
        node.output[0] = node.name = answer.name
        g.nodes.append(node)
    return _ACTIVATIONS.get(node.op_type, "none") if alone else "none"


def joined_answers(answers: list[Answer], each: list[Doubles], steps: int) -> Doubles:
    """Return the outputs side by side, as a prediction has them.

    Beside an output for each step, one for the whole row is in the last step.
    """
    if all(answer.head == answers[0].head for answer in answers):
        return np.concatenate(each, axis=-1)
    wide = []
    for answer, array in zip(answers, each, strict=True):
        if answer.head == "last":
            steps_of = np.zeros((len(array), steps, answer.width))
            steps_of[:, -1] = array
            array = steps_of
        wide.append(array)
    return np.concatenate(wide, axis=-1)
