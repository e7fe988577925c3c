"""The layers of a Keras model as one module of torch, which export reads and proves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.export.keras.activations import ACTIVATIONS
from seqrt.export.keras.layer import CELLS, KerasLayer
from seqrt.export.keras.reading import KerasModel
from seqrt.export.keras.recurrent import KerasRecurrent
from seqrt.export.keras.refusal import bad_file, cannot_carry

# Keras divides by no smaller standard deviation.
_LEAST_DEVIATION = 1e-7
_MOST_REPEATS = 4096
_STEPS, _VALUES = 3, 2
_POOLS = ("GlobalAveragePooling1D", "GlobalMaxPooling1D")
# Layers that do not take a mask into account, or not as rows of their own length do.
_BLIND = ("GlobalMaxPooling1D", "Conv1D", "Normalization", "Softmax")


class KerasNet(nn.Module):
    """A chain of Keras layers. Each row is read without the steps that Keras would mask."""

    def __init__(self, model: KerasModel) -> None:
        """Convert each layer; raise UsageError for one that cannot stand where it does."""
        super().__init__()
        self.features = self.tokens = 0
        self._width: int | None = None
        self._axes, self._masked = _STEPS, False
        parts = [self._converted(layer, place) for place, layer in enumerate(model.layers)]
        self.parts = nn.ModuleList(part for part in parts if part is not None)
        if not any(isinstance(part, KerasRecurrent) for part in parts):
            raise UsageError(
                "cannot import a model without a recurrent layer: it must have SimpleRNN, LSTM or"
                " GRU."
            )
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers to x (B, T, D), or ids (B, T)."""
        for part in self.parts:
            x = part(x)
        return x

    def _converted(self, layer: KerasLayer, place: int) -> nn.Module | None:
        kind, options = layer.kind, layer.options
        self._check_place(layer, place)
        if kind in CELLS or kind == "Bidirectional":
            return self._recurrent(layer)
        if kind == "TimeDistributed":
            return self._each_step(layer.inner[0], place)
        if kind == "Masking" or (kind == "Embedding" and options["mask_zero"]):
            self._masked = True
        if kind in _POOLS:
            self._axes, self._masked = _VALUES, False
        if kind == "RepeatVector":
            self._axes = _STEPS
        made = _MADE.get(kind)
        part = made(layer) if made else None
        if layer.weights:
            self._fit(layer, *_widths(layer))
        return part

    def _each_step(self, inner: KerasLayer, place: int) -> nn.Module | None:
        """Convert the layer of a TimeDistributed, which sees one step without its axis of time."""
        self._axes = _VALUES
        part = self._converted(inner, place)
        self._axes = _STEPS
        return part

    def _recurrent(self, layer: KerasLayer) -> nn.Module:
        part = KerasRecurrent(layer.inner or (layer,), layer.options.get("merge_mode", ""))
        self._fit(layer, part.features, part.width)
        if self._masked and part.every_step and part.backwards:
            raise cannot_carry(
                layer.place,
                "it reads masked steps backwards and returns them in that order",
                "Wrap it in Bidirectional, or drop the mask.",
            )
        if not part.every_step:
            self._axes, self._masked = _VALUES, False
        return part

    def _check_place(self, layer: KerasLayer, place: int) -> None:
        kind = layer.kind
        over_time = (*CELLS, "Bidirectional", "TimeDistributed", "Conv1D", "Masking", *_POOLS)
        if kind in over_time and self._axes != _STEPS:
            raise cannot_carry(layer.place, "it must read steps, and the layer before has none")
        if kind == "RepeatVector" and self._axes != _VALUES:
            raise cannot_carry(layer.place, "it must read one vector a row, not steps")
        if kind == "RepeatVector" and layer.options["n"] > _MOST_REPEATS:
            raise cannot_carry(layer.place, f"n must be at most {_MOST_REPEATS:,}")
        if kind == "Embedding" and place:
            raise cannot_carry(layer.place, "it must be the first layer")
        if kind in _BLIND and self._masked:
            raise cannot_carry(
                layer.place,
                "it reads masked steps as if they were data",
                "Drop the mask in Keras, or pool with GlobalAveragePooling1D.",
            )
        axis = layer.options.get("axis", -1)
        if axis not in (-1, None, self._axes - 1):
            raise cannot_carry(layer.place, f"axis is {axis}; it must be the last one")

    def _fit(self, layer: KerasLayer, reads: int | None, gives: int | None) -> None:
        """Raise InputError unless the layer reads as many features as the one before gives."""
        if layer.kind == "Embedding":
            self.tokens = layer.options["input_dim"]
        elif reads is not None:
            if self._width not in (None, reads):
                raise bad_file(f"{layer.place} must read {self._width} features, got {reads}")
            if self._width is None:
                self.features = reads
        self._width = gives if gives is not None else self._width

    def example(self) -> ArrayLike:
        """Return an input of the right shape, (2, 7, D) or (2, 7)."""
        if self.tokens:
            return np.zeros((2, 7), np.int64)
        return np.zeros((2, 7, self.features), np.float32)


def _widths(layer: KerasLayer) -> tuple[int | None, int | None]:
    """Return how many features a layer with weights reads and gives, None if any number."""
    shapes = {name: array.shape for name, array in layer.weights.items()}
    if "kernel" in shapes:
        return shapes["kernel"][-2], shapes["kernel"][-1]
    if "embeddings" in shapes:
        return None, shapes["embeddings"][1]
    size = next(iter(shapes.values()))
    return (size[0], size[0]) if size else (None, None)


class _Activated(nn.Module):
    """A layer with its activation."""

    def __init__(self, inner: nn.Module | None, activation: str) -> None:
        super().__init__()
        self.inner, self.activation = inner, activation

    def forward(self, x: Tensor) -> Tensor:
        if self.inner is not None:
            x = self.inner(x)
        return ACTIVATIONS[self.activation](x)


class _Affine(nn.Module):
    """scale x + shift, feature by feature."""

    def __init__(self, scale: Any, shift: Any) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", torch.from_numpy(np.asarray(scale, np.float32)))
        self.register_buffer("shift", torch.from_numpy(np.asarray(shift, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class _Standardized(nn.Module):
    """(x - mean) / deviation."""

    def __init__(self, mean: Any, deviation: Any) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.from_numpy(np.asarray(mean, np.float32)))
        self.register_buffer("deviation", torch.from_numpy(np.asarray(deviation, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation


class _Causal(nn.Module):
    """A convolution over time that pads before the first step, and after the last if "same"."""

    def __init__(self, layer: KerasLayer) -> None:
        super().__init__()
        kernel = layer.weights["kernel"]
        size, features, filters = kernel.shape
        dilation = layer.options["dilation_rate"]
        self.conv = nn.Conv1d(features, filters, size, dilation=dilation)
        _copy(self.conv.weight, kernel.transpose(2, 1, 0))
        _copy(self.conv.bias, layer.weights.get("bias", np.zeros(filters, np.float32)))
        padding = dilation * (size - 1)
        after = padding - padding // 2 if layer.options["padding"] == "same" else 0
        self.padding = (padding - after, after)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x.transpose(1, 2), self.padding)
        steps: Tensor = self.conv(padded)
        return steps.transpose(1, 2)


class _Repeated(nn.Module):
    """The same vector at each of n steps."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).repeat(1, self.n, 1)


class _Pooled(nn.Module):
    """The mean or the maximum over all steps."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.mean = kind == "GlobalAveragePooling1D"

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1) if self.mean else x.amax(1)


def _copy(parameter: Any, values: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _dense(layer: KerasLayer) -> nn.Module:
    kernel = layer.weights["kernel"]
    linear = nn.Linear(*kernel.shape)
    _copy(linear.weight, kernel.T)
    _copy(linear.bias, layer.weights.get("bias", np.zeros(kernel.shape[1], np.float32)))
    return _with_activation(linear, layer)


def _with_activation(inner: nn.Module, layer: KerasLayer) -> nn.Module:
    activation = layer.options["activation"]
    return inner if activation == "linear" else _Activated(inner, activation)


def _embedding(layer: KerasLayer) -> nn.Module:
    table = layer.weights["embeddings"]
    embedding = nn.Embedding(*table.shape)
    _copy(embedding.weight, table)
    return embedding


def _layer_norm(layer: KerasLayer) -> nn.Module:
    weights = layer.weights
    size = next((each.shape[0] for each in weights.values()), 0)
    if not size:
        raise cannot_carry(layer.place, "center and scale are both off", "Turn one of them on.")
    norm = nn.LayerNorm(size, eps=layer.options["epsilon"])
    _copy(norm.weight, weights.get("gamma", np.ones(size, np.float32)))
    _copy(norm.bias, weights.get("beta", np.zeros(size, np.float32)))
    return norm


def _batch_norm(layer: KerasLayer) -> nn.Module:
    values = {name: each.astype(np.float64) for name, each in layer.weights.items()}
    variance = values["moving_variance"] + layer.options["epsilon"]
    if not (variance > 0).all():
        raise bad_file(f"moving_variance of {layer.place} must be positive")
    scale = values.get("gamma", 1.0) / np.sqrt(variance)
    return _Affine(scale, values.get("beta", 0.0) - values["moving_mean"] * scale)


def _normalization(layer: KerasLayer) -> nn.Module:
    given = layer.weights or layer.options
    mean, variance = (np.asarray(given[each], np.float64) for each in ("mean", "variance"))
    if not (variance >= 0).all() or mean.shape != variance.shape:
        raise bad_file(f"variance of {layer.place} must fit the mean, and be positive")
    return _Standardized(mean, np.maximum(np.sqrt(variance), _LEAST_DEVIATION))


_MADE: dict[str, Callable[[KerasLayer], nn.Module]] = {
    "Dense": _dense,
    "Embedding": _embedding,
    "LayerNormalization": _layer_norm,
    "BatchNormalization": _batch_norm,
    "Normalization": _normalization,
    "Conv1D": lambda layer: _with_activation(_Causal(layer), layer),
    "Activation": lambda layer: _Activated(None, layer.options["activation"]),
    "ReLU": lambda layer: nn.ReLU(),
    "Softmax": lambda layer: nn.Softmax(-1),
    "LeakyReLU": lambda layer: nn.LeakyReLU(layer.options["negative_slope"]),
    "ELU": lambda layer: nn.ELU(layer.options["alpha"]),
    "RepeatVector": lambda layer: _Repeated(layer.options["n"]),
    "GlobalAveragePooling1D": lambda layer: _Pooled(layer.kind),
    "GlobalMaxPooling1D": lambda layer: _Pooled(layer.kind),
}
