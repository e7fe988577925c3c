"""Measure whether a vanilla RNN is faster when written as an ONNX GRU with saturated gates.

    python tools/rnn_form.py

onnxruntime's RNN kernel does not pack its weights and computes tanh one value at a time; its GRU
kernel does better. A GRU with update gate z = 0 and reset gate r = 1 computes the same numbers,
with three times the products. Both forms run in turn on one thread; above 1 the GRU is faster.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper

from seqrt.export import export
from seqrt.training import Network

SIZES = ((64, 32), (128, 128), (256, 256))
SHAPES = ((1, 1), (32, 1), (1, 100), (24, 100), (96, 10))
ROUNDS = 41
OPEN = 40.0  # σ(40) is 1 and σ(-40) is 0 in float32


def as_gru(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite every RNN node as an equivalent GRU node."""
    constants = {constant.name: constant for constant in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type != "RNN":
            continue
        w, r, b = (numpy_helper.to_array(constants[name]) for name in node.input[1:4])
        units = r.shape[2]
        gates = np.zeros((1, 6 * units), np.float32)
        gates[:, :units] = -OPEN  # z
        gates[:, units : 2 * units] = OPEN  # r
        gates[:, 2 * units : 3 * units] = b[:, :units]
        gates[:, 5 * units :] = b[:, units:]
        padded = [np.pad(array, ((0, 0), (2 * units, 0), (0, 0))) for array in (w, r)]
        for name, array in zip(node.input[1:4], (*padded, gates), strict=True):
            constants[name].CopyFrom(numpy_helper.from_array(array, name))
        kept = [attribute for attribute in node.attribute if attribute.name != "activations"]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("linear_before_reset", 1)])
        node.op_type = "GRU"
    return proto


def opened(proto: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return ort.InferenceSession(proto.SerializeToString(), options)


def seconds(session: ort.InferenceSession, feeds: dict[str, Any]) -> float:
    began = time.perf_counter()
    for _ in range(5):
        session.run(None, feeds)
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each size and shape: the speedup, and the largest difference."""
    for units in SIZES:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rnn.onnx"
            export(Network("rnn", 1, units, 1), path)
            rnn, gru = opened(onnx.load(path)), opened(as_gru(onnx.load(path)))
        for batch, steps in SHAPES:
            feeds = {
                "x": np.random.default_rng(0).random((batch, steps, 1), dtype=np.float32),
                "lengths": np.full(batch, steps, np.int32),
                "state": np.zeros((batch, sum(units)), np.float32),
            }
            difference = np.abs(rnn.run(["y"], feeds)[0] - gru.run(["y"], feeds)[0]).max()
            ratios = [seconds(rnn, feeds) / seconds(gru, feeds) for _ in range(ROUNDS)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"RNN {units[0]}-{units[1]}, {batch:3} x {steps:3}: as a GRU {middle:.2f} times as"
                f" fast ({low:.2f} to {high:.2f}), largest difference {difference:.0e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
