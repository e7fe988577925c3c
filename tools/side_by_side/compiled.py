"""Steps in C inside Python: a library made by the compiler of this machine, called by ctypes.

Two kinds: the plain C that `seqrt export --to c` writes, whose weights are constants of the source,
and one generic step of RNN, LSTM and GRU layers that is given its weights as data. Both call the
same routines in the same order, so their outputs have the same bits.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.bench.contenders import Contender, Seqrt
from seqrt.export.to_c.routines import routines_for
from seqrt.export.to_c.source import sources
from seqrt.runtime.opening.file import read_model
from side_by_side.contenders import network

# Without fused multiply-adds, which round differently, all flags give the same bits.
PLAIN = ("-std=c99", "-O3")
NATIVE = (*PLAIN, "-march=native", "-ffp-contract=off")

CELLS = ("rnn", "lstm", "gru")
GENERIC = """
typedef struct { int cell, inputs, units; const float *b, *w, *r; } layer;
typedef struct {
    int layers, outputs;
    const layer *layer;
    const float *head, *bias;
    float *a; /* the sums of the gates of a layer */
} net;

void net_step(const net *n, float *s, const float *x, float *y) {
    const layer *l = n->layer;
    float *a = n->a;
    int i, u = 0;
    for (i = 0; i < n->layers; i++, l++) {
        int gates = l->cell == 0 ? 1 : l->cell == 1 ? 4 : 3, gru = l->cell == 2;
        u = l->units;
        memcpy(a, l->b, (size_t)((gates + gru) * u) * sizeof(float));
        seqrt_add(a, l->w, x, l->inputs, gates * u);
        seqrt_add(a + gru * u, l->r, s, u, gates * u);
        x = s;
        if (l->cell == 0) {
            seqrt_rnn_tanh(s, a, u);
        } else if (l->cell == 1) {
            seqrt_lstm_sigmoid_tanh(s, s + u, a, u);
            s += u;
        } else {
            seqrt_gru_sigmoid_tanh(s, a, u);
        }
        s += u;
    }
    memset(y, 0, (size_t)n->outputs * sizeof(float));
    seqrt_add(y, n->head, x, u, n->outputs);
    for (i = 0; i < n->outputs; i++) { y[i] += n->bias[i]; }
}
"""


class Layer(ctypes.Structure):
    """A layer of the generic step: its cell by its number in CELLS, its sizes, its weights."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("cell", "inputs", "units")),
        *((name, ctypes.c_void_p) for name in "bwr"),
    )


class Weights(ctypes.Structure):
    """The network of the generic step."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("layers", "outputs")),
        *((name, ctypes.c_void_p) for name in ("layer", "head", "bias", "a")),
    )


def built(source: str, folder: Path, flags: tuple[str, ...], compiler: str = "cc") -> ctypes.CDLL:
    """Compile `source` in `folder` and load it."""
    (folder / "step.c").write_text(source, "utf-8")
    command = [compiler, *flags, "-shared", "-fPIC", "step.c", "-o", "step.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return ctypes.CDLL(str(folder / "step.so"))


class CompiledStep:
    """One step of one row, in the place of the runtime's `BoundStep`; it allocates only y."""

    time = 1

    def __init__(self, state: Any, features: int, outputs: int) -> None:
        """Prepare the pointers; a subclass calls `_bind`."""
        self.process = os.getpid()
        self._state = state.copy()
        self._x, self._y = np.zeros(features, np.float32), np.zeros(outputs, np.float32)

    def _bind(self, step: Callable[..., Any], *first: Any) -> None:
        arrays = (self._state, self._x, self._y)
        self._step = step
        self._arguments = (*first, *(ctypes.c_void_p(each.ctypes.data) for each in arrays))

    @property
    def state(self) -> Any:
        """The current state (1, S), which the next step overwrites."""
        return self._state

    @state.setter
    def state(self, state: Any) -> None:
        self._state[:] = state

    def advance(self, x: Any) -> Any:
        """Advance by x (D,) and return a copy of y (O,)."""
        self._x[:] = x
        self._step(*self._arguments)
        return self._y.copy()


class ExportedStep(CompiledStep):
    """The step that `seqrt export --to c` writes."""

    def __init__(self, job: dict[str, Any], state: Any, flags: tuple[str, ...]) -> None:
        file = read_model(job["path"])
        super().__init__(state, len(file.manifest.features), len(file.manifest.outputs))
        text = sources(file, "net")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "net.h").write_text(text.header, "utf-8")
            self._bind(built(text.source, Path(folder), flags).net_step)


class GenericStep(CompiledStep):
    """The generic step with the weights of the network of the benchmark."""

    def __init__(self, job: dict[str, Any], state: Any, flags: tuple[str, ...]) -> None:
        super().__init__(state, 1, 1)
        net = network(job["net"])
        cells = [layer.cells[0].state_dict() for layer in net.recurrent()]
        layers = [prepared(job["net"].cell, weights) for weights in cells]
        dense = net.steps()[-1]
        head = [contiguous(each) for each in (dense.weight.T, dense.bias)]
        sums = np.zeros(4 * max(job["net"].units), np.float32)
        # Nothing in C holds these arrays, so this object does.
        self._kept = [layers, head, sums]
        cell = CELLS.index(job["net"].cell)
        rows = [Layer(cell, len(w), r.shape[0], *pointers(b, w, r)) for b, w, r in layers]
        self._rows = (Layer * len(rows))(*rows)
        first = ctypes.addressof(self._rows)
        self._net = Weights(len(rows), 1, first, *pointers(*head, sums))
        with tempfile.TemporaryDirectory() as folder:
            source = "#include <stdint.h>\n#include <string.h>\n"
            step = built(source + routines_for(GENERIC) + GENERIC, Path(folder), flags).net_step
            self._bind(step, ctypes.byref(self._net))


def pointers(*arrays: Any) -> list[int]:
    return [each.ctypes.data for each in arrays]


def contiguous(weight: Any) -> Any:
    return np.ascontiguousarray(weight.detach().numpy())


def prepared(cell: str, weights: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the biases (slots, H), w (D, gates H) and r (H, gates H) in the order of the C.

    The gates of torch are i, f, g, o for an LSTM and r, z, n for a GRU; those of the C are i, o, f,
    g, and n, z, r for what x is multiplied with, z, r and the recurrent part of n for h.
    """
    w, r, b_x, b_h = (
        weights[f"{name}_l0"].numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    units = r.shape[1]
    of_x, of_h = {"rnn": ([0], [0]), "lstm": ([0, 3, 1, 2],) * 2, "gru": ([2, 1, 0], [1, 0, 2])}[
        cell
    ]
    w, r = (
        np.ascontiguousarray(m.reshape(-1, units, m.shape[1])[order].reshape(-1, m.shape[1]).T)
        for m, order in ((w, of_x), (r, of_h))
    )
    b_x, b_h = b_x.reshape(-1, units), b_h.reshape(-1, units)
    if cell == "gru":
        b = np.stack([b_x[2], b_x[1] + b_h[1], b_x[0] + b_h[0], b_h[2]])
    else:
        b = (b_x + b_h)[of_x]
    return np.ascontiguousarray(b, np.float32), w, r


Kind = Callable[[dict[str, Any], Any, tuple[str, ...]], CompiledStep]


class PushOverC(Seqrt):
    """`Stream.push` with all its checks, over a step in C where it has a session."""

    def __init__(self, job: dict[str, Any], kind: Kind, flags: tuple[str, ...]) -> None:
        super().__init__(job)
        self._compiled = kind(job, self._model.zero_state(1), flags)

    def reset(self) -> None:
        super().reset()
        self._compiled.state = 0
        # A step bound to a session comes with the stream's first push; this one is there before.
        self._stream._bound = self._compiled


class BareC(Contender):
    """A step in C as ctypes calls it: the input is written, the output read, nothing is checked."""

    version = "C"

    def __init__(self, job: dict[str, Any], kind: Kind, flags: tuple[str, ...]) -> None:
        self._compiled = kind(job, np.zeros((1, job["state"]), np.float32), flags)

    def inputs(self, x: Any) -> list[Any]:
        return list(x)

    def reset(self) -> None:
        self._compiled.state = 0

    def step(self, x: Any) -> Any:
        return self._compiled.advance(x)
