"""Puts the two C files of a model together: NAME.h and NAME.c."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqrt.contract import Column, Manifest
from seqrt.export.to_c.routines import routines_for
from seqrt.export.to_c.self_test import self_test
from seqrt.export.to_c.step_code import step_code
from seqrt.export.to_c.text import comment
from seqrt.export.to_c.tokenizing.tokenizer import TextCode, text_code
from seqrt.export.to_c.tracing.trace import trace_step
from seqrt.runtime.opening.file import ModelFile

_USE = """
Start with a state of zeros, and call {name}_step once for each step, with {features} in x; it
writes {outputs} to y. x and y must not overlap. Several streams need several states. The state
is that of the .onnx file, number for number, so a stream may continue there, and back.

Compile as C99, without -ffast-math: cc -std=c99 -O3 -c {name}.c
To test a device against the golden cases of the file, compile {name}.c with -D{name}_MAIN and run
it: exit code 0 if all hold. Nothing else needs stdio.h."""
_SIZES = "Bytes: {:,} of constants, {:,} for each state, {:,} of the stack for one step's numbers."


@dataclass(frozen=True)
class Sources:
    """The text of header and source, and sizes in bytes.

    `vocabulary` is the part of the constants that the words take, `text` the memory of one text.
    """

    header: str
    source: str
    constants: int
    state: int
    workspace: int
    vocabulary: int
    text: int


def sources(file: ModelFile, name: str) -> Sources:
    """Return the C of a checked model file; `name` begins all its names.

    Raises UsageError for a network that C cannot carry.
    """
    manifest = file.manifest
    step = step_code(*trace_step(file.content, manifest))
    text = text_code(manifest.text, name)
    test = self_test(file, name)
    tag = file.digest[:8]
    uses_root = "sqrtf(" in step.body or "seqrt_norm(" in step.body
    includes = ["math.h"] if uses_root else []
    parts = [
        f"/* {name}.c: one step of the network {comment(manifest.name)}; see {name}.h. */",
        _lines(
            f"#include <{each}>"
            for each in ["limits.h", *includes, "stddef.h", "stdint.h", "string.h"]
        ),
        f'#include "{name}.h"',
        _checks(name, tag),
        "#if defined(__clang__) || !defined(__GNUC__)\n#pragma STDC FP_CONTRACT OFF\n#endif",
        routines_for(step.body).strip("\n"),
        step.constants,
        f"void {_signature(name, manifest)} {{\n{step.body}\n}}",
        text.defined,
        test,
    ]
    source = "\n\n".join(part for part in parts if part) + "\n"
    constants = step.constant_bytes + text.flash
    sizes = constants, 4 * max(manifest.state_size, 1), 4 * step.workspace
    header = _header(file, name, tag, sizes, text)
    return Sources(header, source, *sizes, text.flash, text.memory)


def _checks(name: str, tag: str) -> str:
    """Return the lines that stop the compiler where the code would not work."""
    model = f'#if {name}_MODEL != 0x{tag}\n#error "{name}.h is of another model"\n#endif'
    return f'{model}\n#if INT_MAX < 0x7fffffff\n#error "int must have 32 bits"\n#endif'


def _signature(name: str, manifest: Manifest) -> str:
    kind = "int32_t" if manifest.tokens else "float"
    return f"{name}_step({name}_state *state, const {kind} *x, float *y)"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _header(file: ModelFile, name: str, tag: str, sizes: tuple[int, ...], text: TextCode) -> str:
    m = file.manifest
    features = f"{len(m.features)} float{'s' * (len(m.features) > 1)}"
    if m.tokens:
        features = "an id"
    outputs = f"{len(m.outputs)} float{'s' * (len(m.outputs) > 1)}"
    use = _USE.format(name=name, features=features, outputs=outputs).strip("\n")
    about = [
        f"{name}.h: the network {comment(m.name)} as C, written by {comment(m.producer)}",
        f"from the file with SHA-256 {file.digest}",
        "",
        *use.split("\n"),
        "",
        _SIZES.format(*sizes),
        *text.about.splitlines(),
        "",
        *_columns(m),
    ]
    page = "\n".join(f" * {line}".rstrip() for line in about)
    return f"""/*
{page}
 */
#ifndef {name}_H
#define {name}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {name}_FEATURES {len(m.features)}
#define {name}_OUTPUTS {len(m.outputs)}
#define {name}_STATE {m.state_size}
#define {name}_MODEL 0x{tag}

typedef struct {{
    float v[{max(m.state_size, 1)}]; /* zeros before the first step */
}} {name}_state;

void {_signature(name, m)};
{text.declared}
#ifdef __cplusplus
}}
#endif

#endif
"""


def _columns(m: Manifest) -> list[str]:
    """Return the lines that list features and outputs, with their units and ranges."""
    lines = ["x, in raw units, as in the training data:"]
    if m.tokens:
        row = "first row of the table, for unknown tokens" if m.text else "nearest row of the table"
        lines = [f"x: one id; those outside 0 to {m.tokens - 1} read the {row}"]
    for number, column in enumerate(() if m.tokens else m.features):
        low, high = column.typical_range
        seen = f"trained on {low:.6g} to {high:.6g}"
        lines.append(f"  x[{number}]  {_named(column)}, {seen}")
    if m.takes_missing:
        lines.append(f"  NaN is a missing value (policy {m.missing})")
    lines.append("y:")
    for number, column in enumerate(m.outputs):
        lines.append(f"  y[{number}]  {_named(column)}{_activation(m)}")
    return lines


def _named(column: Column) -> str:
    return comment(f"{column.name} [{column.unit}]" if column.unit else column.name)


def _activation(m: Manifest) -> str:
    return {"softmax": ", a probability", "sigmoid": ", from 0 to 1"}.get(m.activation, "")
