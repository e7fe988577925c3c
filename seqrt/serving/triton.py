"""The configuration with which NVIDIA Triton serves a model file: `config.pbtxt`.

Written from the documentation and source of its onnxruntime backend, which takes no control inputs
and wants exactly the inputs of the file. No Triton was run with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X
from seqrt.serving.described import tensors_of

# Requests that Triton runs together, and sequences that it keeps for them.
_BATCH = 32
_CANDIDATES = 64


def triton_config(manifest: Manifest) -> str:
    """Return the text of config.pbtxt; for a network that streams, one that keeps its state."""
    steps = [-1] if manifest.tokens else [-1, len(manifest.features)]
    inputs = [
        _tensor(X, "TYPE_INT64" if manifest.tokens else "TYPE_FP32", steps),
        _tensor(LENGTHS, "TYPE_INT32", [1], "reshape { shape: [ ] }"),
    ]
    outputs = [
        _tensor(name, "TYPE_FP32", [-1, part.width] if part.per_step else [part.width])
        for name, part in tensors_of(manifest).items()
    ]
    return "\n".join(
        [
            "# For NVIDIA Triton. Save it as REPOSITORY/NAME/config.pbtxt, and the model as",
            "# REPOSITORY/NAME/1/model.onnx.",
            "# Every request has x and lengths, an INT32 [rows, 1] with the steps of each row.",
            *(_STREAM_NOTES if manifest.streamable else ()),
            'platform: "onnxruntime_onnx"',
            f"max_batch_size: {_BATCH}",
            *_repeated("input", inputs),
            *_repeated("output", outputs),
            *(_streams(manifest.state_size) if manifest.streamable else ["dynamic_batching { }"]),
            "",
        ]
    )


_STREAM_NOTES = (
    "# It also has a sequence id, and the first request of a sequence sequence_start.",
    "# Triton batches requests with equally many steps only.",
)


def _tensor(name: str, kind: str, dims: Sequence[int], more: str = "") -> str:
    sizes = ", ".join(map(str, dims))
    quoted = json.dumps(name, ensure_ascii=False)
    return f"{{ name: {quoted} data_type: {kind} dims: [ {sizes} ] {more}".rstrip() + " }"


def _repeated(field: str, tensors: list[str]) -> list[str]:
    return [f"{field} [", ",\n".join(f"  {tensor}" for tensor in tensors), "]"]


def _streams(size: int) -> list[str]:
    """Return the block that carries the state from request to request, from zeros at the start."""
    return f"""sequence_batching {{
  oldest {{
    max_candidate_sequences: {_CANDIDATES}
    preferred_batch_size: [ 8, {_BATCH} ]
    max_queue_delay_microseconds: 100
  }}
  state [
    {{
      input_name: "{STATE}"
      output_name: "{STATE_OUT}"
      data_type: TYPE_FP32
      dims: [ {size} ]
      initial_state {{ name: "zeros" data_type: TYPE_FP32 dims: [ {size} ] zero_data: true }}
    }}
  ]
}}""".splitlines()
