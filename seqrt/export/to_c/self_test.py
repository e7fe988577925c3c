"""The golden cases of a file as a C program, which a device runs to prove that it computes them."""

from __future__ import annotations

import numpy as np

from seqrt.contract import Manifest
from seqrt.export.to_c.places import Array
from seqrt.export.to_c.text import array_text, double, float_array
from seqrt.export.to_c.tokenizing.golden_texts import proof_of_texts
from seqrt.runtime.opening.file import ModelFile
from seqrt.runtime.proving.proof import Case, allowed_errors, decode

_PROGRAM = """
#ifdef NAME_MAIN
/* Runs the golden cases of the file, each row to its own length. NaN is an infinite error. */
#include <math.h>
#include <stdio.h>

CASES

static double worst_y, worst_state;

static double error(float got, double wanted, double scale) {
    double e = ((double)got - wanted) / scale;
    union { float f; uint32_t i; } u;
    u.f = got;
    return (u.i & 0x7fffffffu) > 0x7f7fffffu ? 1e300 : e < 0 ? -e : e;
}

/* y has the outputs of the last `answers` steps; in rows of several, some columns have only one */
static void run(const KIND *x, int steps, const float *start, const double *y, int answers,
                const double *end) {
    NAME_state state;
    float got[NAME_OUTPUTS];
    double e;
    int t, j;
    memcpy(state.v, start, sizeof state.v);
    for (t = 0; t < steps; t++) {
        NAME_step(&state, x + t * NAME_FEATURES, got);
        if (steps - t > answers) { continue; }
        for (j = 0; j < NAME_OUTPUTS; j++, y++) {
            if (last_only[j] && t < steps - 1) { continue; }
            e = error(got[j], *y, scale[j]);
            worst_y = e > worst_y ? e : worst_y;
        }
    }
    for (j = 0; j < NAME_STATE; j++) {
        e = error(state.v[j], end[j], 1.0);
        worst_state = e > worst_state ? e : worst_state;
    }
}
PROOF_OF_TEXTS
int main(void) {
    int holds;
RUNS
    holds = worst_y <= ALLOWED_Y && worst_state <= ALLOWED_STATE;
    printf("NAME: worst y %.2e of %.2e allowed, state %.2e of %.2e allowed: %s\\n", worst_y,
           ALLOWED_Y, worst_state, ALLOWED_STATE, holds ? "holds" : "FAILS");
    return !ALL_HOLD;
}
#endif
"""


def self_test(file: ModelFile, name: str) -> str:
    """Return the program that NAME.c has if it is compiled with -DNAME_MAIN.

    It is empty for a draft, which has no cases yet.
    """
    if not file.proof:
        return ""
    manifest = file.manifest
    cases = decode(file.proof, manifest)
    arrays, runs = _arrays(manifest), []
    for number, case in enumerate(cases):
        for row, steps in enumerate(case.lengths):
            head = f"c{number}_{row}"
            texts, answers = _row(case, row, int(steps), head, manifest)
            arrays += texts
            runs.append(
                f"    run({head}_x, {steps}, {head}_start, {head}_y, {answers}, {head}_end);"
            )
    y, state = allowed_errors(manifest, cases)
    parts = {
        "PROOF_OF_TEXTS": f"\n{proof_of_texts(manifest.text)}\n" if manifest.text else "",
        "ALL_HOLD": "(texts_hold() && holds)" if manifest.text else "holds",
        "CASES": "\n".join(arrays),
        "RUNS": "\n".join(runs),
        "ALLOWED_Y": double(y),
        "ALLOWED_STATE": double(state),
        "KIND": "int32_t" if manifest.tokens else "float",
        "NAME": name,
    }
    text = _PROGRAM
    for word, part in parts.items():
        text = text.replace(word, part)
    return text.strip("\n")


def _arrays(manifest: Manifest) -> list[str]:
    scale = [double(column.scale) for column in manifest.outputs]
    last = [
        str(int(head.head == "last" and manifest.head == "sequence"))
        for head in manifest.heads
        for _ in range(head.outputs)
    ]
    return [
        array_text("double", "scale", scale),
        array_text("unsigned char", "last_only", last or ["0"] * len(scale)),
    ]


def _row(case: Case, row: int, steps: int, head: str, m: Manifest) -> tuple[list[str], int]:
    """Return the arrays of one row of a case, and how many steps have an output."""
    x = case.x[row, :steps]
    y = case.y[row, :steps] if m.head == "sequence" else case.y[row : row + 1]
    ids = [_id(int(each)) for each in x.ravel()] if m.tokens else float_array(x)
    texts = [
        array_text("int32_t" if m.tokens else "float", f"{head}_x", ids),
        array_text("float", f"{head}_start", float_array(case.state[row]) or ["0"]),
        array_text("double", f"{head}_y", _doubles(y)),
        array_text("double", f"{head}_end", _doubles(case.state_out[row]) or ["0"]),
    ]
    return texts, len(y)


def _id(number: int) -> str:
    """Return an id of the proof, or one that is outside of the table too and that int32 holds."""
    return str(min(max(number, 1 - 2**31), 2**31 - 1))


def _doubles(values: Array) -> list[str]:
    return [double(float(each)) for each in np.ravel(values)]
