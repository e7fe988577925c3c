"""The C of the routines that steps call; the source has only those that it needs."""

from __future__ import annotations

import re
from typing import Final

from seqrt.export.to_c.functions import FUNCTIONS

_ROWS = {
    "add": """
/* adds the products of x with weights (inputs, outputs) to z; eight inputs at a time, so that z is
   read once for eight */
static inline void seqrt_add(float *restrict z, const float *restrict w, const float *restrict x,
                             int inputs, int outputs) {
    int j = 0, o;
    for (; j + 8 <= inputs; j += 8, w += 8 * outputs) {
        for (o = 0; o < outputs; o++) {
            z[o] += ((w[o] * x[j] + w[o + outputs] * x[j + 1])
                     + (w[o + 2 * outputs] * x[j + 2] + w[o + 3 * outputs] * x[j + 3]))
                    + ((w[o + 4 * outputs] * x[j + 4] + w[o + 5 * outputs] * x[j + 5])
                       + (w[o + 6 * outputs] * x[j + 6] + w[o + 7 * outputs] * x[j + 7]));
        }
    }
    for (; j < inputs; j++, w += outputs) {
        for (o = 0; o < outputs; o++) { z[o] += w[o] * x[j]; }
    }
}""",
    "softmax": """
static inline void seqrt_softmax(float *restrict y, const float *restrict x, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n, y += n) {
        float most = x[0], sum = 0.0f;
        for (i = 1; i < n; i++) { most = x[i] > most ? x[i] : most; }
        for (i = 0; i < n; i++) { y[i] = seqrt_nan_of(x[i], seqrt_power(x[i] - most)); }
        for (i = 0; i < n; i++) { sum += y[i]; }
        for (i = 0; i < n; i++) { y[i] /= sum; }
    }
}""",
    "log_softmax": """
static inline void seqrt_log_softmax(float *restrict y, const float *restrict x, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n, y += n) {
        float most = x[0], sum = 0.0f;
        for (i = 1; i < n; i++) { most = x[i] > most ? x[i] : most; }
        for (i = 0; i < n; i++) { sum += seqrt_nan_of(x[i], seqrt_power(x[i] - most)); }
        sum = seqrt_log(sum);
        for (i = 0; i < n; i++) { y[i] = (x[i] - most) - sum; }
    }
}""",
    "norm": """
static inline void seqrt_norm(float *restrict y, const float *restrict x,
                              const float *restrict weight, const float *restrict bias,
                              float epsilon, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n, y += n) {
        float mean = 0.0f, square = 0.0f;
        for (i = 0; i < n; i++) { mean += x[i]; }
        mean /= (float)n;
        for (i = 0; i < n; i++) { square += (x[i] - mean) * (x[i] - mean); }
        square = sqrtf(square / (float)n + epsilon);
        for (i = 0; i < n; i++) { y[i] = (x[i] - mean) / square * weight[i] + bias[i]; }
    }
}""",
    "sum": """
static inline void seqrt_sum(float *restrict y, const float *restrict x, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n) {
        float sum = 0.0f;
        for (i = 0; i < n; i++) { sum += x[i]; }
        y[r] = sum;
    }
}""",
    "mean": """
static inline void seqrt_mean(float *restrict y, const float *restrict x, int rows, int n) {
    int r;
    seqrt_sum(y, x, rows, n);
    for (r = 0; r < rows; r++) { y[r] /= (float)n; }
}""",
    "most": """
static inline void seqrt_most(float *restrict y, const float *restrict x, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n) {
        float most = x[0];
        for (i = 1; i < n; i++) { most = seqrt_max(most, x[i]); }
        y[r] = most;
    }
}""",
    "least": """
static inline void seqrt_least(float *restrict y, const float *restrict x, int rows, int n) {
    int i, r;
    for (r = 0; r < rows; r++, x += n) {
        float least = x[0];
        for (i = 1; i < n; i++) { least = seqrt_min(least, x[i]); }
        y[r] = least;
    }
}""",
    "matrices": """
/* y (n, o) = a (n, m) b (m, o), for each of so many pairs of matrices */
static inline void seqrt_matrices(float *restrict y, const float *restrict a,
                                  const float *restrict b, int pairs, int n, int m, int o) {
    int i, j;
    for (; pairs > 0; pairs--, b += m * o) {
        for (i = 0; i < n; i++, y += o, a += m) {
            for (j = 0; j < o; j++) { y[j] = 0.0f; }
            seqrt_add(y, b, a, m, o);
        }
    }
}""",
}

# A row of a table: of the nearest id, or of 0 for ids outside; of float32, or of 16 bits.
_LOOKUP: Final = """
static inline void seqrt_@name(float *restrict y, const @kind *restrict table, int32_t id,
                               int32_t rows, int n) {
    id = @id;
    @copy
}"""
_IDS: Final = {
    "lookup": "id < 0 ? 0 : id < rows ? id : rows - 1",
    "lookup_known": "id < 0 || id >= rows ? 0 : id",
}
_COPY: Final = "memcpy(y, table + (size_t)id * (size_t)n, (size_t)n * sizeof(float));"
_COPY_HALF: Final = (
    "for (table += (size_t)id * (size_t)n; n > 0; n--) { *y++ = seqrt_half(*table++); }"
)

_CELLS = {
    "rnn_@inner": """
static inline void seqrt_rnn_@inner(float *restrict h, const float *restrict a, int n) {
    int i;
    for (i = 0; i < n; i++) { h[i] = seqrt_@inner(a[i]); }
}""",
    "lstm_@gate_@inner": """
static inline void seqrt_lstm_@gate_@inner(float *restrict h, float *restrict c,
                                           const float *restrict a, int n) {
    int i;
    for (i = 0; i < n; i++) {
        c[i] = seqrt_@gate(a[2 * n + i]) * c[i] + seqrt_@gate(a[i]) * seqrt_@inner(a[3 * n + i]);
    }
    for (i = 0; i < n; i++) { h[i] = seqrt_@gate(a[n + i]) * seqrt_@inner(c[i]); }
}""",
    "gru_@gate_@inner": """
static inline void seqrt_gru_@gate_@inner(float *restrict h, const float *restrict a, int n) {
    int i;
    for (i = 0; i < n; i++) {
        float c = seqrt_@inner(a[i] + seqrt_@gate(a[2 * n + i]) * a[3 * n + i]);
        h[i] = c + seqrt_@gate(a[n + i]) * (h[i] - c);
    }
}""",
    "blend_@gate_@inner": """
static inline void seqrt_blend_@gate_@inner(float *restrict h, const float *restrict a, int n) {
    int i;
    for (i = 0; i < n; i++) {
        float c = seqrt_@inner(a[i]);
        h[i] = c + seqrt_@gate(a[n + i]) * (h[i] - c);
    }
}""",
    "look_@gate": """
static inline void seqrt_look_@gate(float *restrict y, const float *restrict a,
                                    const float *restrict h, int n) {
    int i;
    for (i = 0; i < n; i++) { y[i] = seqrt_@gate(a[2 * n + i]) * h[i]; }
}""",
}

_GATES: Final = ("sigmoid", "hardsigmoid")
_INNER: Final = ("tanh", "relu", "sigmoid")


def _cells() -> dict[str, str]:
    """Return the routines of the cells, for each choice of their functions."""
    found = {}
    for name, text in _CELLS.items():
        for gate in _GATES:
            for inner in _INNER:
                full = name.replace("@gate", gate).replace("@inner", inner)
                found[full] = text.replace("@gate", gate).replace("@inner", inner)
    return found


def _with_half() -> str:
    """Return the routine `add` for weights that are stored in 16 bits."""
    text = _ROWS["add"].replace("seqrt_add", "seqrt_add_half")
    text = text.replace("const float *restrict w", "const uint16_t *restrict w")
    return re.sub(r"w\[([^]]+)\]", r"seqrt_half(w[\1])", text)


def _lookups() -> dict[str, str]:
    found = {}
    for name, own in _IDS.items():
        text = _LOOKUP.replace("@id", own)
        for end, kind, copy in (("", "float", _COPY), ("_half", "uint16_t", _COPY_HALF)):
            whole = text.replace("@name", name + end).replace("@kind", kind)
            found[name + end] = whole.replace("@copy", copy)
    return found


_KNOWN: Final[dict[str, str]] = {
    **FUNCTIONS,
    **_ROWS,
    **_lookups(),
    **_cells(),
    "add_half": _with_half(),
}


def routines_for(code: str) -> str:
    """Return the C of all routines that some code calls, those that others call before them."""
    found: dict[str, str] = {}

    def add(text: str) -> None:
        for name in dict.fromkeys(re.findall(r"\bseqrt_(\w+)\b", text)):
            if name in _KNOWN and name not in found:
                own = _KNOWN[name]
                add(own.replace(f"seqrt_{name}", ""))
                found[name] = own

    add(code)
    return "\n".join(found.values())
