"""The networks of tests/export/foreign, and what their own forwards compute for one row."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import foreign_nets
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import seqrt
from seqrt.contract import Manifest
from seqrt.export import export

NAMES: list[str] = list(foreign_nets.nets())


def case_of(name: str) -> Any:
    """Return a network by its name, with the weights of seed 0, and what is expected of it."""
    torch.manual_seed(0)
    return foreign_nets.nets()[name]


def expected(net: nn.Module, row: NDArray[Any], m: Manifest) -> NDArray[np.float64]:
    """Return what forward computes for one row in float64: (O,), or (T, O) per step."""
    twin, steps = copy.deepcopy(net).double().eval(), len(row)
    x = torch.from_numpy(np.stack([row, row]))
    x = x if m.tokens else x.double()
    extras: list[Any] = []
    name = type(net).__name__
    if name == "Flat":
        x = x[..., 0]
    if "lengths" in inspect.signature(net.forward).parameters:
        extras = [torch.full((2,), steps)]
    if name == "StateArgument":
        extras = [(torch.zeros(2, 2, 6), torch.zeros(2, 2, 6))]
    torch.set_default_dtype(torch.float64)
    try:
        if extras and isinstance(extras[0], tuple):
            extras = [tuple(each.double() for each in extras[0])]
        x = x.transpose(0, 1) if name == "TimeMajor" else x
        with torch.no_grad():
            returned = twin(x, *extras)
    finally:
        torch.set_default_dtype(torch.float32)
    if m.heads:
        named = returned.values() if isinstance(returned, dict) else returned
        wide = torch.zeros(steps, len(m.outputs), dtype=torch.float64)
        for head, tensor, columns in zip(
            m.heads, named, wide.split([head.outputs for head in m.heads], 1), strict=True
        ):
            columns[slice(-1, None) if head.head == "last" else slice(None)] = tensor[0]
        return wide.numpy() if m.head == "sequence" else wide[-1].numpy()
    y = returned[0] if isinstance(returned, tuple) else returned
    if name == "TimeMajor":
        y = y.transpose(0, 1)
    rows = y.reshape(2, steps, -1) if m.head == "sequence" else y.reshape(2, -1)
    array: NDArray[np.float64] = rows[0].numpy()
    return array


def check_export(net: nn.Module, folder: Path) -> Manifest:
    """Export a network and compare its file with its own forward, row by row; return the manifest.

    A file that streams must give the same bits step by step.
    """
    result = export(net.eval(), folder / "m.onnx")
    m, rng = result.manifest, np.random.default_rng(0)
    model = seqrt.load(result.path, threads=1).joined
    x: NDArray[Any] = rng.standard_normal((3, 9, len(m.features))).astype(np.float32)
    if m.tokens:
        x = rng.integers(0, m.tokens, (3, 9))
    lengths = np.array([9, 6, max(m.least, 2)])
    for row, steps in enumerate(lengths):
        x[row, steps:] = -9 if m.tokens else 1e6
    y = model.predict(x, lengths)
    for row, steps in enumerate(lengths):
        got = y[row, :steps] if m.head == "sequence" else y[row]
        want = expected(net, x[row, :steps], m)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    if m.streamable:
        stream = model.stream()
        last = [stream.push(step) for step in x[0]][-1]
        np.testing.assert_array_equal(last, y[0, -1] if m.head == "sequence" else y[0])
    return m


def carried(m: Manifest) -> str:
    """Return the pieces of the state of a file of format 2, such as "h4 c4 steps1"."""
    return " ".join(f"{piece.what}{piece.size}" for piece in m.carries)
