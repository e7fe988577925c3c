"""The proof: golden cases inside the file, replayed on this machine.

A case has inputs, lengths and initial states in float32, and the outputs and end states that the
trained network gives in float64, with PyTorch's own float32 errors beside them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import ModelError
from seqrt.runtime.inputs.arrays import inside
from seqrt.runtime.proving.parity import allowed_error, largest, scaled_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.contract import Manifest
    from seqrt.runtime.proving.protocol import ProvableModel
    from seqrt.runtime.types import Doubles, Floats, Lengths

_ARRAYS = {"x": "<f4", "lengths": "<i4", "state": "<f4", "y": "<f8", "state_out": "<f8"}
_TOKENS = "<i8"
# Far more than export writes, and still quick to replay.
_MOST_CASES = 16
_MOST_STEPS = 10_000

_NUMBERS = ("torch_error", "torch_state_error")


@dataclass(frozen=True)
class Case:
    """One golden case.

    Shapes: x (B, T, D) or tokens (B, T), lengths (B,), state and state_out (B, S), y (B, O) or
    (B, T, O).

    y and state_out are the true values, in float64. torch_error and torch_state_error are the
    largest errors of PyTorch in float32, the first in scaled units.
    """

    x: Floats
    lengths: Lengths
    state: Floats
    y: Doubles
    state_out: Doubles
    torch_error: float
    torch_state_error: float

    def valid(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs in y at steps inside the lengths, as rows (N, O)."""
        return y[inside(self.lengths, self.x.shape[1])] if y.ndim == len("BTO") else y


def replay(model: ProvableModel, case: Case) -> tuple[float, float]:
    """Return the largest errors of a model: of its outputs, in scaled units, and its end states."""
    y, state_out = model.run(case.x, case.lengths, case.state, any_ids=True)
    outputs = model.manifest.outputs
    error = scaled_units(case.valid(y), outputs) - scaled_units(case.valid(case.y), outputs)
    return largest(error), largest(state_out.astype(np.float64) - case.state_out)


def allowed_errors(manifest: Manifest, cases: Sequence[Case]) -> tuple[float, float]:
    """Return the allowed errors of any case: of outputs, in scaled units, and of end states."""
    outputs = manifest.outputs
    return (
        allowed_error(
            max(case.torch_error for case in cases),
            max(largest(scaled_units(case.valid(case.y), outputs)) for case in cases),
        ),
        allowed_error(
            max(case.torch_state_error for case in cases),
            max(largest(case.state_out) for case in cases),
        ),
    )


def encode(cases: Sequence[Case]) -> str:
    """Return cases as JSON, arrays in base64; the same cases give the same text."""
    return json.dumps([_record(case) for case in cases], sort_keys=True, separators=(",", ":"))


def decode(text: str, manifest: Manifest) -> list[Case]:
    """Return the cases in a text that `encode` wrote; raise ModelError for any other text.

    A proof may come from anyone: it must fit this model, and be small enough to replay.
    """
    try:
        cases = [_case(record, tokens=manifest.tokens > 0) for record in json.loads(text)]
        if not 1 <= len(cases) <= _MOST_CASES:
            raise ValueError(f"{len(cases)} cases")
        for case in cases:
            _check_fit(case, manifest)
        return cases
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ModelError(
            f"E_MODEL_PROOF: cannot read the proof in the model: {error!r:.80}."
            " Export the model again."
        ) from None


def _record(case: Case) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(case, name) for name in _NUMBERS}
    for name, dtype in _ARRAYS.items():
        array = getattr(case, name)
        if array.dtype == np.int64:
            dtype = _TOKENS
        data = base64.b64encode(array.astype(dtype).tobytes()).decode()
        record[name] = {"shape": list(array.shape), "data": data, "dtype": dtype}
    return record


def _case(record: dict[str, Any], *, tokens: bool) -> Case:
    kinds = {**_ARRAYS, "x": _TOKENS if tokens else _ARRAYS["x"]}
    arrays: dict[str, Any] = {name: _array(record[name], kind) for name, kind in kinds.items()}
    numbers: dict[str, Any] = {name: float(record[name]) for name in _NUMBERS}
    return Case(**arrays, **numbers)


def _check_fit(case: Case, manifest: Manifest) -> None:
    """Raise ValueError unless the model can run the case."""
    rows, steps = case.x.shape[:2]
    state, outputs = (rows, manifest.state_size), len(manifest.outputs)
    wanted = {
        "x": (rows, steps) if manifest.tokens else (rows, steps, len(manifest.features)),
        "lengths": (rows,),
        "state": state,
        "state_out": state,
        "y": (rows, steps, outputs) if manifest.head == "sequence" else (rows, outputs),
    }
    for name, shape in wanted.items():
        if getattr(case, name).shape != shape:
            raise ValueError(f"{name} must have shape {shape}, not {getattr(case, name).shape}")
    if not 1 <= rows * steps <= _MOST_STEPS:
        raise ValueError(f"{rows} x {steps} steps")
    bounded = manifest.tokens and not manifest.text
    if bounded and not 0 <= case.x.min() <= case.x.max() < manifest.tokens:
        raise ValueError("ids beyond the tokens")
    if not manifest.least <= case.lengths.min() <= case.lengths.max() <= steps:
        raise ValueError("lengths beyond the steps")


def _array(record: dict[str, Any], dtype: str) -> Any:
    if record["dtype"] != dtype:
        raise ValueError(f"dtype {record['dtype']!r:.20}")
    flat = np.frombuffer(base64.b64decode(record["data"], validate=True), dtype)
    return flat.reshape(record["shape"]).astype(dtype[1:])
