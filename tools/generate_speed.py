"""Generate text on one thread, and time bare steps of the same file beside it.

    python tools/generate_speed.py [--bytes NUMBER] [--rounds NUMBER]

The language model has a table of width 64, a GRU of 256 units and 256 outputs. Its weights are
random, which does not change the time. The other side is `session.run` of the same file in a
session of one thread with its feeds prepared, carrying the state, without drawing anything. Both
sides take turns, and a ratio is taken within a round. Times are processor time. Exit code 1 if a
median is below 12,000 bytes a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
import torch

import seqrt
from seqrt.contract.text import Text
from seqrt.export import export
from seqrt.training import Network

LEAST = 12_000
# What the bare steps read.
TOKEN = 5
OPTIONS: dict[str, dict[str, Any]] = {
    "temperature 1": {},
    "temperature 0.8, top-k 40": {"temperature": 0.8, "top_k": 40},
    "temperature 0": {"temperature": 0},
}


def main() -> int:
    """Print a line for each way of drawing; return 1 if one is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    met = True
    print("| drawing | bytes a second | bare steps a second | time in units of the steps |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = export(language_model(), f"{folder}/bytes.onnx").path
        model, steps = seqrt.load(path, threads=1), bare_steps(path.read_bytes())
        for name, options in OPTIONS.items():
            text = partial(model.generate, b"x", seed=1, **options)
            sides = [
                (seconds(text, given.bytes), seconds(steps, given.bytes))
                for _ in range(given.rounds)
            ]
            own, bare = (given.bytes / statistics.median(side) for side in zip(*sides, strict=True))
            ratio = statistics.median(ours / theirs for ours, theirs in sides)
            print(f"| {name} | {own:,.0f} | {bare:,.0f} | {ratio:.2f} |", flush=True)
            met &= own >= LEAST
    return 0 if met else 1


def language_model(units: int = 256) -> Network:
    """Return a language model of bytes with random weights."""
    torch.manual_seed(0)
    text = Text("bytes", 64)
    net = Network(
        "gru",
        1,
        (units,),
        256,
        head="sequence",
        activation="softmax",
        tokens=text.size,
        embedding=64,
    )
    net.metadata = replace(
        net.metadata, task="generate", classes=tuple(range(256)), text=text, name="bytes"
    )
    return net.eval()


def bare_steps(content: bytes) -> Callable[[int], Any]:
    """Return what runs steps in onnxruntime alone, on one thread, and returns the last y."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, settings, ["CPUExecutionProvider"])
    x, lengths = np.full((1, 1), TOKEN, np.int64), np.ones(1, np.int32)
    state = np.zeros((1, session.get_inputs()[2].shape[1]), np.float32)

    def run(count: int) -> Any:
        y, feeds = None, {"x": x, "lengths": lengths, "state": state}
        for _ in range(count):
            y, feeds["state"] = session.run(["y", "state_out"], feeds)
        return y

    return run


def seconds(work: Callable[[int], Any], count: int) -> float:
    """Return the processor time that `work` takes for a number of bytes or steps."""
    began = time.process_time()
    work(count)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
