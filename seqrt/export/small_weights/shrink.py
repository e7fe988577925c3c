"""Turns a proved model file into one with small weights and a proof of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import ArrayLike

from seqrt.contract import (
    MANIFEST_KEY,
    NEWEST_FORMAT,
    PROOF_KEY,
    Carry,
    Manifest,
    Memory,
    seal,
)
from seqrt.contract.manifest import STATE_PARTS, Carried, WeightForm
from seqrt.errors import UsageError
from seqrt.export.memory import typical_sequences
from seqrt.export.prove import checked_parity, parity_error
from seqrt.export.small_weights.moved import measure_rounding
from seqrt.export.small_weights.storing import Stored, store_weights
from seqrt.export.small_weights.truth import scaled_outputs, solved
from seqrt.runtime import Model
from seqrt.runtime.memory import forgetting
from seqrt.runtime.proving.parity import largest
from seqrt.runtime.proving.proof import Case, allowed_errors, decode, encode

# Rows and steps of the cases that are tried but too large for the file.
_TRIALS = ((17, 40), (2, 300))
_MEMORY_STEPS = 2000


class Shrunk(NamedTuple):
    """A model file as bytes, and which of its weights are stored in fewer bytes."""

    content: bytes
    stored: Stored


def shrink_file(content: bytes, weights: WeightForm, series: ArrayLike | None) -> Shrunk:
    """Return a float32 model file with its weights stored as "fp16" or "int8".

    The truth of its proof is what its graph says with the rounded weights in float64. The numpy
    that computes it must first reproduce the proof of the float32 file. `series` as in `export`.

    Raises UsageError for a file without weights to round, and ParityError.
    """
    whole = Model(content).joined
    m = whole.manifest
    if m.weights != "float32":
        raise UsageError(
            f"the model must have float32 weights to be rounded, got {m.weights}. Export the"
            " float32 file again."
        )
    cases = decode(whole.proof, m)
    _check_numpy(content, m, cases)
    graph = onnx.load_from_string(content)
    stored = store_weights(graph, weights)
    if not stored.rounded:
        raise UsageError(_nothing(weights, stored))
    m = replace(as_format2(m), weights=weights, parity=None)
    draft = _sealed(graph, m, "")
    small = Model(draft).joined
    golden = [solved(draft, m, case.x, case.lengths, case.state) for case in cases]
    reach = whole.manifest.parity.steps if whole.manifest.parity else _TRIALS[-1][1]
    parity = checked_parity(small, golden, list(_trials(draft, m, cases, reach)), reach)
    memory = _memory(small, m.memory, series)
    moved = measure_rounding(whole, small, series)
    m = replace(m, parity=parity, memory=memory, rounding=moved)
    return Shrunk(_sealed(graph, m, encode(golden)), stored)


def as_format2(m: Manifest) -> Manifest:
    """Return a manifest as one of format 2, which says what the state holds."""
    if m.format == NEWEST_FORMAT:
        return m
    if not m.streamable:
        return replace(m, format=NEWEST_FORMAT, not_streamable="its layers are bidirectional")
    parts: list[tuple[Carried, int]] = [
        ("c" if part == "c" else "h", layer.units)
        for layer in m.layers
        for part in STATE_PARTS[layer.cell]
    ]
    if m.missing == "forward":
        parts.append(("known", len(m.features)))
    return replace(m, format=NEWEST_FORMAT, carries=tuple(Carry(*part) for part in parts))


def _check_numpy(content: bytes, m: Manifest, cases: list[Case]) -> None:
    """Raise ParityError unless the graph, computed in numpy's float64, gives the proof's truth."""
    limit, _ = allowed_errors(m, cases)
    for case in cases:
        found = solved(content, m, case.x, case.lengths, case.state)
        error = largest(scaled_outputs(found, m) - scaled_outputs(case, m))
        if not error <= limit:
            raise parity_error(case, error, limit)


def _trials(draft: bytes, m: Manifest, cases: list[Case], reach: int) -> Iterator[Case]:
    """Yield longer and wider cases, from the inputs of the proof and zero states."""
    inputs = np.concatenate([case.x.reshape(-1, *case.x.shape[2:]) for case in cases])
    for rows, longest in _TRIALS:
        steps = max(m.least, min(longest, reach))
        x = np.resize(inputs, (rows, steps, *inputs.shape[1:]))
        lengths = np.maximum(m.least, steps - np.arange(rows) * steps // (rows + 1))
        state = np.zeros((rows, m.state_size), np.float32)
        yield solved(draft, m, x, lengths.astype(np.int32), state)


def _memory(small: Model, memory: Memory | None, series: ArrayLike | None) -> Memory | None:
    """Return the memory of the rounded network; its gradient is that before rounding.

    If the memory was measured on data that is not given, it stays as it is.
    """
    if memory is None or (series is None and memory.inputs == "data"):
        return memory
    x, inputs = typical_sequences(small.manifest, series, _MEMORY_STEPS)
    found = forgetting(small, x)
    return replace(memory, steps=found.longest, median=found.median, more=found.more, inputs=inputs)


def _sealed(graph: onnx.ModelProto, m: Manifest, proof: str) -> bytes:
    """Return the bytes of the model with this manifest and proof."""
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {MANIFEST_KEY: m.to_json(), PROOF_KEY: proof})
    return seal(graph.SerializeToString(deterministic=True))


def _nothing(weights: WeightForm, stored: Stored) -> str:
    if stored.kept:
        name, why = next(iter(stored.kept.items()))
        return f"no weights can be stored as {weights}: of {name}, {why}. Keep float32."
    return (
        f"the network is too small: it has no matrix that {weights} would make smaller."
        " Keep float32."
    )
