"""What a server says about itself and its model, and which outputs can be asked for by name."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y

VERSION: Final = "1"
# The input of a model of text that holds texts in place of ids.
TEXT: Final = "text"
EXTENSIONS: Final = ["sequence", "sequence(string_id)", "binary_tensor_data"]


class NamedOutput(NamedTuple):
    """An output of the graph, or one column of it: its tensor, its width, and whether per step.

    `column` is None for the whole tensor.
    """

    tensor: str
    width: int
    per_step: bool
    column: int | None = None


def parts_of(manifest: Manifest) -> dict[str, NamedOutput]:
    """Return everything that a response can hold, by name: tensors, and columns of the outputs.

    A column that has the name of a tensor, or of an earlier column, can only be had as part of its
    tensor.
    """
    tensors = tensors_of(manifest)
    parts = dict(tensors)
    if manifest.streamable:
        parts[STATE_OUT] = NamedOutput(STATE_OUT, manifest.state_size, per_step=False)
    columns = iter(manifest.outputs)
    for name, tensor in tensors.items():
        for i in range(tensor.width):
            parts.setdefault(next(columns).name, NamedOutput(name, 1, tensor.per_step, i))
    return parts


def tensors_of(manifest: Manifest) -> dict[str, NamedOutput]:
    """Return the outputs of the graph without its state, which a response holds by default."""
    if not manifest.heads:
        return {Y: NamedOutput(Y, len(manifest.outputs), manifest.head == "sequence")}
    return {
        head.name: NamedOutput(head.name, head.outputs, head.head == "sequence")
        for head in manifest.heads
    }


def describe_model(manifest: Manifest, name: str) -> dict[str, Any]:
    """Return the metadata of a model; `columns` are the names of its features and outputs."""
    features = [column.name for column in manifest.features]
    x: dict[str, Any] = {"name": X, "datatype": "FP32", "shape": [-1, -1, len(features)]}
    if manifest.tokens:
        x |= {"datatype": "INT64", "shape": [-1, -1]}
    inputs = [x | {"columns": features}]
    if manifest.text:
        inputs[0]["optional"] = True
        inputs.append({"name": TEXT, "datatype": "BYTES", "shape": [-1], "optional": True})
    inputs.append({"name": LENGTHS, "datatype": "INT32", "shape": [-1], "optional": True})
    if manifest.streamable:
        shape = [-1, manifest.state_size]
        inputs.append({"name": STATE, "datatype": "FP32", "shape": shape, "optional": True})
    return {
        "name": name,
        "versions": [VERSION],
        "platform": "seqrt_onnx",
        "inputs": inputs,
        "outputs": _outputs(manifest),
    }


def _outputs(manifest: Manifest) -> list[dict[str, Any]]:
    columns = [column.name for column in manifest.outputs]
    outputs: list[dict[str, Any]] = []
    for name, part in tensors_of(manifest).items():
        shape = [-1, -1, part.width] if part.per_step else [-1, part.width]
        names, columns = columns[: part.width], columns[part.width :]
        outputs.append({"name": name, "datatype": "FP32", "shape": shape, "columns": names})
    if manifest.streamable:
        shape = [-1, manifest.state_size]
        outputs.append({"name": STATE_OUT, "datatype": "FP32", "shape": shape, "optional": True})
    return outputs
