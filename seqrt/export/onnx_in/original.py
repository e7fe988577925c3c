"""The original ONNX file in onnxruntime, which judges the imported one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.errors import ParityError, UsageError
from seqrt.export.foreign.answers import joined_answers
from seqrt.export.foreign.module import ForeignModule
from seqrt.export.onnx_in.graph import OnnxGraph, OnnxValue
from seqrt.export.onnx_in.net import MOST_STEPS, OnnxNet
from seqrt.runtime import Model
from seqrt.runtime.opening.installed import onnxruntime
from seqrt.runtime.proving.parity import largest
from seqrt.runtime.types import Doubles

# Both are float32; each may be this far from float64, relative to the outputs.
_LIMIT = 2e-5
_LENGTHS = (1, 2, 3, 5, 9, 33)
_SEED = 20261128


class Original:
    """Runs the original on one row alone and compares the imported file with it.

    `errors` has the largest difference by number of steps, once it was compared.
    """

    def __init__(self, graph: OnnxGraph, net: OnnxNet, module: ForeignModule) -> None:
        """Open the original. Its structure was checked, and its sizes are those of the net."""
        self._net, self._module = net, module
        self.errors: dict[int, float] = {}
        self.fails: dict[int, str] = {}
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(
                graph.content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _not_run(error) from error
        # The rows and the steps of x, if the file fixes them.
        rows, steps = net.traced[::-1] if module.built.time_major else net.traced
        self.rows, self.steps = rows, steps

    def check(self, draft: Model) -> None:
        """Raise ParityError if the imported file computes something else than the original."""
        rng = np.random.Generator(np.random.PCG64(_SEED))
        lengths = (self.steps,) if self.steps else _LENGTHS
        for steps in lengths:
            if steps < draft.manifest.least or steps > MOST_STEPS * (1 if not self.steps else 64):
                continue
            x = self._module.draw(1, steps, rng)
            try:
                truth = self._row(x[0])
            except Exception as error:  # noqa: BLE001 - onnxruntime raises its own types
                self.fails[steps] = " ".join(str(error).split())[:200]
                continue
            got = draft.run(x)[0][0]
            scale = max(1.0, largest(truth))
            self.errors[steps] = largest(got - truth) / scale
            if not self.errors[steps] <= _LIMIT:
                raise ParityError(
                    "E_PARITY: the imported file does not compute what the original does: on a row"
                    f" of {steps} steps they differ by {self.errors[steps]:.1e}, more than the"
                    f" allowed {_LIMIT:.0e}. No file was written."
                )
        if not self.errors:
            raise _not_run(next(iter(self.fails.values()), "no number of steps fits"))

    def _row(self, row: NDArray[Any]) -> Doubles:
        """Return what the original computes for one row alone, (O,) or (T, O)."""
        built, roles = self._module.built, self._net.roles
        rows, steps = self.rows or 1, len(row)
        x = np.repeat(row[None], rows, axis=0)
        if len(roles.x.sizes or ()) == 2 and not roles.tokens:
            x = x[..., 0]
        x = x.swapaxes(0, 1) if built.time_major else x
        feeds = {roles.x.name: np.ascontiguousarray(x, roles.x.dtype)}
        for value in roles.lengths:
            feeds[value.name] = np.full(rows, steps, value.dtype)
        for value in (*roles.states, *roles.unused):
            feeds[value.name] = _zeros(value, rows, state=value in roles.states)
        names = [value.name for value in roles.outputs]
        arrays = self._session.run(names, feeds)
        tensors = [torch.from_numpy(np.array(array)) for array in arrays]
        each = [answer.of(tensors, rows, steps)[:1] for answer in built.answers]
        y: Doubles = joined_answers(built.answers, each, steps)[0]
        return y


def _zeros(value: OnnxValue, rows: int, *, state: bool) -> NDArray[Any]:
    sizes = list(value.sizes or ())
    if state:
        sizes[-2] = rows
    return np.zeros([size if isinstance(size, int) else 1 for size in sizes], value.dtype)


def _not_run(error: Any) -> UsageError:
    text = " ".join(str(error).split())
    return UsageError(
        f"cannot import the file: onnxruntime does not run it, so nothing can prove the result"
        f" ({text:.200})."
    )
