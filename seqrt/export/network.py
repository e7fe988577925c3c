"""A seqrt network as the subject of an export."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt import __version__
from seqrt.contract import NEWEST_FORMAT, Column, Manifest
from seqrt.errors import UsageError
from seqrt.export.graph.build import build_onnx
from seqrt.export.graph.groups import carries_of, group_count, layers_of
from seqrt.export.graph.weights import float32_array
from seqrt.export.subject import rounded_again
from seqrt.runtime import Model
from seqrt.runtime.inputs.arrays import inside
from seqrt.runtime.proving.parity import largest
from seqrt.runtime.proving.proof import Case
from seqrt.runtime.types import Doubles, Floats, Lengths
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack
from seqrt.training.runs.memory import gradient_by_lag

# The share of missing values, for a network with a missing-value policy.
MISSING_SHARE = 0.25

# One of so many ids of text is outside the table, where hosts differ; they all take 32 bits.
_OUTSIDE = 12
_LARGEST_ID = 2**31 - 1

# The most steps that a row of a case has seen before it.
_SEEN = 8


class SeqrtNetwork:
    """A stack of layers, its manifest, and its solutions in torch."""

    def __init__(self, stack: Stack) -> None:
        """Wrap a stack on the CPU in float32."""
        self.stack = stack

    def weights(self) -> Mapping[str, Tensor]:
        """Return parameters and buffers by name."""
        state: Mapping[str, Tensor] = self.stack.state_dict()
        return state

    def graph(self) -> onnx.ModelProto:
        """Return the ONNX model."""
        return build_onnx(self.stack)

    def manifest(self) -> Manifest:
        """Return the manifest, with the scaling that the graph uses."""
        stack, metadata = self.stack, self.stack.metadata
        return Manifest(
            name=metadata.name,
            producer=f"seqrt {__version__}",
            task=metadata.task,
            head=stack.head,
            activation=stack.activation,
            layers=layers_of(stack),
            features=_features(stack),
            outputs=_columns(metadata.outputs, stack.y_mean, stack.y_scale),
            classes=metadata.classes,
            targets=metadata.targets,
            window=metadata.window,
            horizon=metadata.horizon,
            data_sha256=metadata.data_sha256,
            missing=stack.missing,
            seed=metadata.seed,
            inputs=metadata.inputs,
            series=metadata.series,
            time=metadata.time,
            earlier_data=metadata.earlier_data,
            quantiles=metadata.quantiles,
            wide=metadata.wide,
            **(_format2(stack) if needs_format2(stack) else {}),
        )

    def gradient(self, x: Floats) -> Doubles:
        """Return the gradient of the last logits by lag."""
        return gradient_by_lag(self.stack, x)

    def check(self, draft: Model) -> None:
        """Accept: every seqrt network can be a file."""

    def case(
        self, draft: Model, rows: int, steps: int, rng: np.random.Generator, *, fresh: bool = False
    ) -> Case:
        """Return a case with inputs from the range seen in training, and random states."""
        x, lengths, state = self._draw(rows, steps, rng)
        truth, state_truth = self.solve(torch.float64, x, lengths, state)
        y, state_out = self.solve(torch.float32, x, lengths, state)
        return Case(
            x,
            lengths,
            state,
            truth,
            state_truth,
            torch_error=largest((y - truth) / float32_array(self.stack.y_scale)),
            torch_state_error=largest(state_out - state_truth),
        )

    def _draw(
        self, rows: int, steps: int, rng: np.random.Generator
    ) -> tuple[NDArray[Any], Lengths, Floats]:
        """Draw inputs uniformly from the range seen in training, some rows shorter, and states.

        A quarter of the values is NaN if the network has a missing-value policy. The training data
        itself is never used: a file travels further than its data may.
        """
        x = self.draw_inputs(rows, steps, rng)
        lengths = np.maximum(1, steps - np.arange(rows) * steps // (rows + 1)).astype(np.int32)
        state = self.draw_states(rows, rng)
        if self.stack.missing != "error":
            x[rng.random(x.shape) < MISSING_SHARE] = np.nan
        return x, lengths, state

    def draw_inputs(self, rows: int, steps: int, rng: np.random.Generator) -> NDArray[Any]:
        """Draw inputs (B, T, D) uniformly from the range seen in training, or ids (B, T).

        Some ids of text are outside the table.
        """
        if self.stack.tokens:
            return _draw_ids(self.stack, rows, steps, rng)
        features = self.stack.metadata.features
        x = np.empty((rows, steps, len(features)), np.float32)
        for d, column in enumerate(features):
            low, high = column.typical_range
            x[..., d] = low + (high - low) * rng.random((rows, steps))
        return x

    def draw_states(self, rows: int, rng: np.random.Generator) -> Floats:
        """Draw states (B, S) within ±1/2.

        Those that count steps are of rows that have seen from 0 to `_SEEN` of them.
        """
        state = rng.random((rows, self.stack.state_size)) - 0.5
        at = 0
        for piece in self.stack.carries:
            if piece.what == "steps":
                state[:, at] = rng.integers(0, _SEEN + 1, rows)
            at += piece.size
        return state.astype(np.float32)

    def solve(
        self,
        dtype: torch.dtype,
        x: Floats | Doubles,
        lengths: Lengths,
        state: Floats | Doubles,
        *,
        rounded: bool = False,
    ) -> tuple[Doubles, Doubles]:
        """Return y and the final state as torch computes them in `dtype`; see Subject."""
        net = copy.deepcopy(self.stack).to(dtype)
        if rounded and net.embedding:
            table = rounded_again(net.embedding.weight.detach().numpy()[None])
            net.embedding.weight.data = torch.from_numpy(table[0])
            state = rounded_again(state)
        elif rounded:
            x = rounded_again(x)
        values = torch.from_numpy(x) if net.tokens else torch.from_numpy(x).to(dtype)
        inputs = values, torch.from_numpy(lengths).long()
        with torch.no_grad():
            if net.state_size:
                y, end = net.run(*inputs, torch.from_numpy(state).to(dtype))
            else:
                y, end = net(*inputs), torch.zeros(len(x), 0)
        outputs = _double(y)
        if net.head == "sequence":
            outputs[~inside(lengths, x.shape[1])] = 0
        return outputs, _double(end)


def _draw_ids(stack: Stack, rows: int, steps: int, rng: np.random.Generator) -> NDArray[Any]:
    """Draw ids (B, T) uniformly; of text, one in `_OUTSIDE` is outside the table."""
    ids = rng.integers(0, stack.tokens, (rows, steps))
    if stack.metadata.text and steps > 1:
        beyond = np.array([-1, stack.tokens, -stack.tokens, _LARGEST_ID, -_LARGEST_ID - 1])
        outside = rng.random(ids.shape) < 1 / _OUTSIDE
        ids[outside] = rng.choice(beyond, int(outside.sum()))
    return ids


def needs_format2(stack: Stack) -> bool:
    """Return whether a stack is more than the chain of layers that a file of format 1 can hold."""
    layers = stack.time_layers()
    return bool(stack.tokens) or any(
        type(layer) is not Recurrent or group_count(layer) > 1 for layer in layers
    )


def _format2(stack: Stack) -> dict[str, Any]:
    """Return the entries of the manifest of format 2."""
    text, table = stack.metadata.text, stack.embedding
    if text and table:  # the table of several networks in one is wider than each had
        text = replace(text, width=table.embedding_dim)
    if text and text.size != stack.tokens:
        raise UsageError(
            f"metadata.text must have as many ids as the network has tokens, {stack.tokens}, got"
            f" {text.size}."
        )
    return {
        "format": NEWEST_FORMAT,
        "carries": carries_of(stack),
        "not_streamable": stack.not_streamable,
        "tokens": stack.tokens,
        "text": text,
    }


def _features(stack: Stack) -> tuple[Column, ...]:
    """Return the features, one for the ids of a network that reads tokens."""
    metadata = stack.metadata
    if not stack.tokens:
        return _columns(metadata.features, stack.x_mean, stack.x_scale)
    name = metadata.text.column if metadata.text else metadata.features[0].name
    return (Column(name, low=0.0, high=stack.tokens - 1.0),)


def _columns(columns: tuple[Column, ...], mean: Tensor, scale: Tensor) -> tuple[Column, ...]:
    """Return the columns with the mean and scale that the graph uses."""
    scaling = zip(columns, mean.tolist(), scale.tolist(), strict=True)
    return tuple(replace(column, mean=m, scale=s) for column, m, s in scaling)


def _double(tensor: Tensor) -> Doubles:
    array: Doubles = tensor.double().numpy()
    return array
