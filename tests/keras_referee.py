"""What Keras computes, layer by layer, in float64 numpy: with its masks, and its order of steps.

A masked step keeps the state, and repeats the output before it (zeros at first); what is answered
at masked steps themselves is not compared, since Bidirectional puts zeros there. The tests hold
imported files against it, and it is itself held against the answers of a real Keras.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = Array | None


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softmax": _softmax,
    "log_softmax": lambda x: np.log(_softmax(x)),
    "elu": _elu,
    "selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(_softplus(x)),
}


def answers(layers: Sequence[Any], x: Array) -> Array:
    """Return what a chain of KerasLayers computes for x (B, T, D), or ids (B, T)."""
    value, mask = np.asarray(x, np.float64), None
    for layer in layers:
        value, mask = _applied(layer, value, mask)
    return value


def _applied(layer: Any, x: Array, mask: Mask) -> tuple[Array, Mask]:
    o, w = layer.options, {k: v.astype(np.float64) for k, v in layer.weights.items()}
    if layer.kind in ("SimpleRNN", "LSTM", "GRU"):
        return _steps(layer, x, mask), mask if o["return_sequences"] else None
    if layer.kind == "Bidirectional":
        return _both(layer, x, mask), mask if layer.inner[0].options["return_sequences"] else None
    if layer.kind == "TimeDistributed":
        return _applied(layer.inner[0], x, None)[0], mask
    if layer.kind == "Embedding":
        return w["embeddings"][x.astype(int)], (x != 0) if o["mask_zero"] else None
    if layer.kind == "Masking":
        kept = (x != o["mask_value"]).any(-1)
        return x * kept[..., None], kept
    if layer.kind == "GlobalAveragePooling1D":
        kept = np.ones(x.shape[:2]) if mask is None else mask
        return (x * kept[..., None]).sum(1) / kept.sum(1, keepdims=True), None
    return _PLAIN.get(layer.kind, lambda x, w, o: x)(x, w, o), mask


def _dense(x: Array, w: dict[str, Array], o: dict[str, Any]) -> Array:
    return ACTIVATIONS[o["activation"]](x @ w["kernel"] + w.get("bias", 0))


def _convolved(x: Array, w: dict[str, Array], o: dict[str, Any]) -> Array:
    size, dilation = len(w["kernel"]), o["dilation_rate"]
    padding = dilation * (size - 1)
    before = padding // 2 if o["padding"] == "same" else padding
    padded = np.pad(x, ((0, 0), (before, padding - before), (0, 0)))
    parts = (padded[:, k * dilation :][:, : x.shape[1]] @ w["kernel"][k] for k in range(size))
    return ACTIVATIONS[o["activation"]](sum(parts) + w.get("bias", 0))


def _layer_norm(x: Array, w: dict[str, Array], o: dict[str, Any]) -> Array:
    spread = np.sqrt(x.var(-1, keepdims=True) + o["epsilon"])
    return (x - x.mean(-1, keepdims=True)) / spread * w.get("gamma", 1) + w.get("beta", 0)


def _batch_norm(x: Array, w: dict[str, Array], o: dict[str, Any]) -> Array:
    scaled = (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + o["epsilon"])
    return scaled * w.get("gamma", 1) + w.get("beta", 0)


def _normalized(x: Array, w: dict[str, Array], o: dict[str, Any]) -> Array:
    mean, variance = (np.asarray((w or o)[name], float) for name in ("mean", "variance"))
    return (x - mean) / np.maximum(np.sqrt(variance), 1e-7)


_PLAIN: dict[str, Callable[[Array, dict[str, Array], dict[str, Any]], Array]] = {
    "Dense": _dense,
    "Conv1D": _convolved,
    "LayerNormalization": _layer_norm,
    "BatchNormalization": _batch_norm,
    "Normalization": _normalized,
    "Activation": lambda x, w, o: ACTIVATIONS[o["activation"]](x),
    "ReLU": lambda x, w, o: np.maximum(x, 0),
    "Softmax": lambda x, w, o: _softmax(x),
    "LeakyReLU": lambda x, w, o: np.where(x > 0, x, o["negative_slope"] * x),
    "ELU": lambda x, w, o: _elu(x, o["alpha"]),
    "RepeatVector": lambda x, w, o: np.repeat(x[:, None], o["n"], axis=1),
    "GlobalMaxPooling1D": lambda x, w, o: x.max(1),
}


def _both(layer: Any, x: Array, mask: Mask) -> Array:
    forward, back = (_steps(each, x, mask) for each in layer.inner)
    if forward.ndim > 2:
        back = back[:, ::-1]
    merged = {
        "concat": lambda: np.concatenate([forward, back], -1),
        "sum": lambda: forward + back,
        "mul": lambda: forward * back,
        "ave": lambda: (forward + back) / 2,
    }
    return merged[layer.options["merge_mode"]]()


def _steps(layer: Any, x: Array, mask: Mask) -> Array:
    """The outputs of a recurrent layer in the order in which it reads, or its last h."""
    o = layer.options
    rows, time = x.shape[:2]
    state = [np.zeros((rows, o["units"]))] * 2
    output, outputs = state[0], []
    for t in reversed(range(time)) if o["go_backwards"] else range(time):
        new = _step(layer, x[:, t], *state)
        kept = np.ones((rows, 1), bool) if mask is None else mask[:, t, None]
        state = [np.where(kept, n, s) for n, s in zip(new, state, strict=True)]
        output = np.where(kept, new[0], output)
        outputs.append(output)
    return np.stack(outputs, 1) if o["return_sequences"] else state[0]


def _step(layer: Any, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """The next h and c of one cell."""
    o, w = layer.options, {k: v.astype(np.float64) for k, v in layer.weights.items()}
    kernel, recurrent = w["kernel"], w["recurrent_kernel"]
    bias = w.get("bias", np.zeros(kernel.shape[1]))
    if layer.kind == "SimpleRNN":
        return ACTIVATIONS[o["activation"]](x @ kernel + bias + h @ recurrent), c
    gate, inner = ACTIVATIONS[o["recurrent_activation"]], ACTIVATIONS[o["activation"]]
    if layer.kind == "LSTM":
        i, f, g, out = np.split(x @ kernel + bias + h @ recurrent, 4, -1)
        c = gate(f) * c + gate(i) * inner(g)
        return gate(out) * inner(c), c
    after = o["reset_after"]
    given = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    z, r, n = np.split(x @ kernel + given[0], 3, -1)
    u = np.split(recurrent, 3, -1)
    b = np.split(given[1], 3)
    z, r = gate(z + h @ u[0] + b[0]), gate(r + h @ u[1] + b[1])
    n = inner(n + (r * (h @ u[2] + b[2]) if after else (r * h) @ u[2]))
    return z * h + (1 - z) * n, c
