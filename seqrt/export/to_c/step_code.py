"""The C function for one step: its constants, its workspace, its statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seqrt.export.to_c.fusing import fuse
from seqrt.export.to_c.operations import Operation, StepResult, copied
from seqrt.export.to_c.places import Array, Buffers, runs
from seqrt.export.to_c.placing import Placement, place_buffers, state_copies
from seqrt.export.to_c.text import array_text, comment, float_array, identifier, plus
from seqrt.export.to_c.tracing.values import Operations


@dataclass(frozen=True)
class StepCode:
    """The C of a step: constants, body, the bytes of constants, the numbers of the workspace."""

    constants: str
    body: str
    constant_bytes: int
    workspace: int


class Namer:
    """Gives the C names of places and constants; see operations.Names.

    With `half`, matrices that are exact in float16 are stored so.
    """

    def __init__(self, memory: Buffers, layout: Placement, *, half: bool) -> None:
        self.memory, self.layout, self.half = memory, layout, half
        self.arrays: dict[tuple[str, bytes], str] = {}
        self.texts: list[str] = []
        self.bytes = 0

    def at(self, place: int) -> str:
        """Return a pointer to a place."""
        array, offset = self._locate(place)
        return plus(array, offset)

    def item(self, place: int, *counted: str) -> str:
        """Return the number at a place, plus what the loop counters add."""
        array, offset = self._locate(place)
        parts = [str(offset)] if offset or not counted else []
        return f"{array}[{' + '.join([*parts, *counted])}]"

    def array(self, values: Array, name: str) -> str:
        """Return the name of a constant array with these values."""
        flat = np.ascontiguousarray(values, np.float32).ravel()
        return self._defined("float", flat, name)

    def weights(self, values: Array, name: str, routine: str) -> tuple[str, str]:
        """Return the routine for weights as they are stored, and the name of their array."""
        with np.errstate(over="ignore"):
            small = np.asarray(values, np.float16).ravel()
        if self.half and bool((small.astype(np.float32) == np.ravel(values)).all()):
            return f"seqrt_{routine}_half", self._defined("uint16_t", small, name)
        return f"seqrt_{routine}", self.array(values, name)

    def _defined(self, kind: str, flat: Array, name: str) -> str:
        key = kind, flat.tobytes()
        if key not in self.arrays:
            own = unique(f"k_{identifier(name)}", self.arrays.values())
            self.arrays[key] = own
            bits = [str(each) for each in flat.view(np.uint16)] if kind == "uint16_t" else []
            self.texts.append(array_text(kind, own, bits or float_array(flat)))
            self.bytes += flat.nbytes
        return self.arrays[key]

    def _locate(self, place: int) -> tuple[str, int]:
        buffer, offset = self.memory.find(place)
        if buffer.values is not None:
            return self.array(buffer.values, buffer.name), offset
        if buffer.kind == "work":
            kind, start = self.layout.where[buffer.number]
            return {"state": "s", "y": "y", "work": "w"}[kind], start + offset
        return {"x": "x", "state": "s"}[buffer.kind], offset


def unique(name: str, taken: Iterable[str]) -> str:
    """Return the name, with a number behind it if it is taken.

    >>> unique("a", ["a", "b"])
    'a_2'
    """
    others, found, number = set(taken), name, 1
    while found in others:
        number += 1
        found = f"{name}_{number}"
    return found


def step_code(to: Operations, result: StepResult) -> StepCode:
    """Return the C of a traced step."""
    memory, operations = to.memory, fuse(to.memory, to.done, result)
    layout = place_buffers(memory, operations, result)
    names = Namer(memory, layout, half=to.manifest.weights == "fp16")
    lines = [line for operation in operations for line in _statements(operation, names)]
    lines += [*_y_copies(names, result), *_state_copies(names, result)]
    return StepCode("\n".join(names.texts), _body(lines, layout), names.bytes, layout.workspace)


def _statements(operation: Operation, names: Namer) -> list[str]:
    return [f"/* {comment(operation.label)} */", *operation.code(names)]


def _y_copies(names: Namer, result: StepResult) -> list[str]:
    lines = []
    for offset, source, size in runs(result.y):
        buffer, _ = names.memory.find(source)
        if names.layout.where.get(buffer.number, ("", 0))[0] != "y":
            lines.append(copied(plus("y", offset), names.at(source), size))
    return lines


def _state_copies(names: Namer, result: StepResult) -> list[str]:
    if not len(result.state):
        return []
    copies, cyclic = state_copies(names.memory, names.layout, result)
    lines = []
    for offset, source, size in copies:
        buffer, at = names.memory.find(source)
        if buffer.kind != "state":
            lines.append(copied(plus("s", offset), names.at(source), size))
        elif cyclic:
            lines.append(copied(plus("s", offset), plus("old", at), size))
        else:
            lines.append(copied(plus("s", offset), plus("s", at), size, "memmove"))
    if cyclic:
        saved = ["float old[sizeof *state / sizeof(float)];", "memcpy(old, s, sizeof old);"]
        lines = ["{", *(f"    {line}" for line in [*saved, *lines]), "}"]
    return ["/* what the next step reads */", *lines] if lines else []


def _body(lines: list[str], layout: Placement) -> str:
    """Return the body, with the variables that the lines use."""
    text = "\n".join(f"    {line}" for line in lines)
    counters = [name for name in "ijkt" if f"({name} = " in text]
    declared = [f"int {', '.join(counters)};"] if counters else []
    if layout.workspace:
        declared.append(f"float w[{layout.workspace}]; /* workspace */")
    declared.append("float *const s = state->v;")
    unused = [f"(void){name};" for name in ("x", "s") if not _uses(text, name)]
    head = "\n".join(f"    {line}" for line in [*declared, *unused])
    return f"{head}\n\n{text}"


def _uses(text: str, name: str) -> bool:
    return any(f"{before}{name}{after}" in text for before in " (" for after in "[ ,)")
