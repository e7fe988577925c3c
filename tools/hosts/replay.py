"""Replay the proof of a model on any host, with numpy alone: neither seqrt nor onnx is needed.

    python tools/hosts/replay.py MODEL

Copy this file to where the host runs, and call `replay` with the bytes of the model and a function
that maps its inputs to its outputs, both by name. Called as a script it tries onnxruntime.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np


def replay(content, run):
    """Return {output: (largest error, allowed error)}; the host passes if no error is larger."""
    metadata = dict(records(content))
    manifest, cases = (json.loads(metadata[f"seqrt.{key}"]) for key in ("manifest", "proof"))
    columns = manifest["outputs"]
    alone = {"name": "y", "outputs": len(columns), "head": manifest["head"]}
    heads = manifest.get("heads") or [alone]
    mean, scale = (np.array([column[key] for column in columns]) for key in ("mean", "scale"))
    errors, sizes = {"y": [0.0], "state_out": [0.0]}, {"y": [0.0], "state_out": [0.0]}
    for case in cases:
        x, lengths, state, y, state_out = (
            array(case[name]) for name in ("x", "lengths", "state", "y", "state_out")
        )
        streams = {"state": state} if manifest["streamable"] else {}
        outputs = run({"x": x, "lengths": lengths, **streams})
        pairs = [("state_out", outputs["state_out"], state_out, 0, 1)] if streams else []
        at = 0
        for head in heads:
            part = slice(at, at := at + head["outputs"])
            truth, got = y[..., part], outputs[head["name"]]
            inside = np.arange(x.shape[1]) < lengths[:, None]
            if head["head"] == "sequence":
                fits = got.shape == truth.shape
                truth, got = truth[inside], got[inside] if fits else got
            elif y.ndim == 3:  # beside outputs for every step, this one is at the last step
                truth = truth[np.arange(len(x)), lengths - 1]
            pairs.append(("y", got, truth, mean[part], scale[part]))
        for name, got, truth, middle, unit in pairs:
            errors[name].append(worst((got - truth) / unit) if got.shape == truth.shape else np.inf)
            sizes[name].append(worst((truth - middle) / unit))
    torch = {"y": "torch_error", "state_out": "torch_state_error"}
    return {
        name: (max(errors[name]), 8 * max(case[key] for case in cases) + 1e-6 * max(sizes[name]))
        for name, key in torch.items()
    }


def worst(values):
    """Return the largest absolute value; NaN counts as infinite, whatever max() makes of it."""
    return float(np.nan_to_num(np.abs(values), nan=np.inf, posinf=np.inf).max(initial=0.0))


def array(record):
    """Return an array of the proof."""
    flat = np.frombuffer(base64.b64decode(record["data"]), record["dtype"])
    return flat.reshape(record["shape"])


def records(content):
    """Yield the metadata records of an ONNX file: field 14 of the message, keys 1 and values 2."""
    for field, value in fields(memoryview(content)):
        if field == 14:
            yield tuple(bytes(text).decode() for _, text in fields(value))


def fields(message):
    """Yield (number, value) of the fields of a protobuf message; a value is bytes or a number."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = message[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        size = varint() if key & 7 in (0, 2) else 8 if key & 7 == 1 else 4
        if key & 7 == 0:
            yield key >> 3, size
            continue
        yield key >> 3, message[at : at + size]
        at += size


def main(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = replay(
        Path(path).read_bytes(),
        lambda feeds: dict(zip(names, session.run(names, feeds), strict=True)),
    )
    for name, (error, allowed) in found.items():
        print(f"{name}: off by {error:.1e}, allowed {allowed:.1e}")
    return int(any(error > allowed for error, allowed in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
