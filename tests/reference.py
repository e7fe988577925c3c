"""The reference implementation: recurrent networks in plain float64 numpy, one step at a time.

It follows the equations and is written to be right, not fast. It uses neither torch nor ONNX, and
layers, graphs and runtime are all tested against it.

Shapes: B batch, T time, D features, H hidden, O outputs, G gates. One sequence is x (T, D). Weights
have torch's names and torch's gate order, as in the networks:

    rnn     weight_ih (H, D)    weight_hh (H, H)    bias_ih (H,)    bias_hh (H,)
    lstm    the same, 4H rows: i write, f keep, g what to write, o show
    gru     the same, 3H rows: r look back, z keep, n new
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]


def sigmoid(a: Array) -> Array:
    """σ(a) = 1 / (1 + e^-a), without overflow for a far below zero."""
    return np.exp(-np.logaddexp(0.0, -a))


def rnn(x: Array, h: Array, w: Weights, nonlinearity: str = "tanh") -> tuple[Array, Array]:
    """h_t = f(W_xh x_t + W_hh h_{t-1} + b_h): return every h_t (T, H) and the last one."""
    f = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0.0)}[nonlinearity]
    W_xh, W_hh, b_h = w["weight_ih"], w["weight_hh"], w["bias_ih"] + w["bias_hh"]
    y = []
    for x_t in x:
        h = f(W_xh @ x_t + W_hh @ h + b_h)
        y.append(h)
    return np.array(y).reshape(len(x), len(h)), h


def lstm(x: Array, h: Array, C: Array, w: Weights) -> tuple[Array, Array, Array]:
    """Return every h_t (T, H), and the last h and C.

    i_t = σ(W_xi x_t + W_hi h_{t-1} + b_i)        write
    f_t = σ(W_xf x_t + W_hf h_{t-1} + b_f)        keep
    o_t = σ(W_xo x_t + W_ho h_{t-1} + b_o)        show
    g_t = tanh(W_xg x_t + W_hg h_{t-1} + b_g)     what to write
    C_t = f_t ⊙ C_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(C_t)
    """
    W_xi, W_xf, W_xg, W_xo = np.split(w["weight_ih"], 4)
    W_hi, W_hf, W_hg, W_ho = np.split(w["weight_hh"], 4)
    b_i, b_f, b_g, b_o = np.split(w["bias_ih"] + w["bias_hh"], 4)
    y = []
    for x_t in x:
        i_t = sigmoid(W_xi @ x_t + W_hi @ h + b_i)
        f_t = sigmoid(W_xf @ x_t + W_hf @ h + b_f)
        o_t = sigmoid(W_xo @ x_t + W_ho @ h + b_o)
        g_t = np.tanh(W_xg @ x_t + W_hg @ h + b_g)
        C = f_t * C + i_t * g_t
        h = o_t * np.tanh(C)
        y.append(h)
    return np.array(y).reshape(len(x), len(h)), h, C


def gru(x: Array, h: Array, w: Weights) -> tuple[Array, Array]:
    """Return every h_t (T, H) and the last one.

    r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)        look back
    z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)        keep
    n_t = tanh(W_xn x_t + b_xn + r_t ⊙ (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
    """
    W_xr, W_xz, W_xn = np.split(w["weight_ih"], 3)
    W_hr, W_hz, W_hn = np.split(w["weight_hh"], 3)
    b_xr, b_xz, b_xn = np.split(w["bias_ih"], 3)
    b_hr, b_hz, b_hn = np.split(w["bias_hh"], 3)
    y = []
    for x_t in x:
        r_t = sigmoid(W_xr @ x_t + W_hr @ h + b_xr + b_hr)
        z_t = sigmoid(W_xz @ x_t + W_hz @ h + b_xz + b_hz)
        n_t = np.tanh(W_xn @ x_t + b_xn + r_t * (W_hn @ h + b_hn))
        h = (1 - z_t) * n_t + z_t * h
        y.append(h)
    return np.array(y).reshape(len(x), len(h)), h


def cell(
    kind: str, x: Array, state: Array, w: Weights, nonlinearity: str = "tanh"
) -> tuple[Array, Array]:
    """Run the cell `kind` over x; the state is h, or for the LSTM h followed by C in one array."""
    if kind == "rnn":
        return rnn(x, state, w, nonlinearity)
    if kind == "gru":
        return gru(x, state, w)
    h, C = np.split(state, 2)
    y, h, C = lstm(x, h, C, w)
    return y, np.concatenate([h, C])


def state_size(kind: str, units: int) -> int:
    """Numbers of state in one direction of a layer."""
    return 2 * units if kind == "lstm" else units


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    """Each step on its own: (x - mean) / sqrt(variance + 1e-5) · weight + bias."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


def softmax(a: Array) -> Array:
    """e^a over its sum, along the last axis."""
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def convolution(x: Array, weight: Array, bias: Array, dilation: int = 1, ahead: int = 0) -> Array:
    """y_t = b + sum_j W_j x_{t + a - (k - 1 - j) d}, and zeros outside x (T, C): (T, O).

    `weight` is torch's (O, C, k), d = `dilation`, a = `ahead`, 0 for a causal convolution.
    """
    kernel = weight.shape[2]
    y = np.tile(bias, (len(x), 1))
    for t, j in np.ndindex(len(x), kernel):
        s = t + ahead - (kernel - 1 - j) * dilation
        if 0 <= s < len(x):
            y[t] = y[t] + weight[:, :, j] @ x[s]
    return y


def attention(scores: Array, x: Array) -> Array:
    """c_k = sum_t softmax_t(a_tk) x_t, of scores (T, K) and x (T, W): (K, W)."""
    return softmax(scores.T) @ x


def fill(u: Array, missing: str, known: Array) -> tuple[Array, Array]:
    """Fill u (T, D), in which missing values are NaN, value by value, by the policy `missing`.

    Return the input of the first layer, and the last known value of each feature; `known` are those
    before the first step.
    """
    if missing == "error":
        return u, known
    filled, indicators, known = u.copy(), np.zeros(u.shape), known.copy()
    for t, d in np.ndindex(*u.shape):
        if not np.isnan(u[t, d]):
            known[d] = u[t, d]
            continue
        indicators[t, d] = 1
        filled[t, d] = known[d] if missing == "forward" else 0
    return (
        np.concatenate([filled, indicators], axis=1) if missing == "indicator" else filled
    ), known


def sequence(
    arrays: Weights, architecture: dict[str, Any], x: Array, state: Array
) -> tuple[Array, Array]:
    """Run a whole network over one sequence x (T, D) of at least one step.

    Return y, (O,) for the `last` head or (T, O) for the `sequence` head, and the state (S,) after
    the last step: that of every layer, first layer first, and with `forward` the last known value
    of each feature, scaled. A bidirectional network has no state. With `residual`, each layer after
    the first adds the output of the layer before it, step by step.
    """
    kind, f = architecture["cell"], architecture["nonlinearity"]
    u = (x - arrays["x_mean"]) / arrays["x_scale"]
    carries = architecture["missing"] == "forward" and not architecture["bidirectional"]
    before = state[-x.shape[1] :] if carries else np.zeros(x.shape[1])
    h, known = fill(u, architecture["missing"], before)
    starts, ends, last = _starts(architecture, state), [], h
    for n, units in enumerate(architecture["units"]):
        skip, skip_last = h, last
        if n and architecture["layer_norm"]:
            norm = _under(arrays, f"norms.{n - 1}.")
            h = layer_norm(h, norm["weight"], norm["bias"])
        if architecture["bidirectional"]:
            zeros = np.zeros(state_size(kind, units))
            forwards, _ = cell(kind, h, zeros, _cell(arrays, n, 0), f)
            backwards, _ = cell(kind, h[::-1], zeros, _cell(arrays, n, 1), f)
            last = np.concatenate([forwards[-1], backwards[-1]])
            h = np.concatenate([forwards, backwards[::-1]], axis=1)
        else:
            h, end = cell(kind, h, next(starts), _cell(arrays, n, 0), f)
            last = h[-1]
            ends.append(end)
        if n and architecture.get("residual"):
            h, last = h + skip, last + skip_last
    v = last if architecture["head"] == "last" else h
    v = v @ arrays["dense.weight"].T + arrays["dense.bias"]
    if architecture["activation"] == "softmax":
        y = softmax(v)
    elif architecture["activation"] == "sigmoid":
        y = sigmoid(v)
    else:
        y = v * arrays["y_scale"] + arrays["y_mean"]
    ends += [known] if carries else []
    return y, np.concatenate(ends) if ends else np.zeros(0)


def network(
    arrays: dict[str, NDArray[Any]],
    architecture: dict[str, Any],
    x: ArrayLike,
    lengths: ArrayLike | None = None,
    state: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """Run a whole network over a padded batch x (B, T, D), row by row, each for its own length.

    `arrays` is the network's state dict in numpy, `architecture` the arguments it was made with.
    Return y, (B, O) or (B, T, O) with zeros past each length, and the state after each row's last
    step (B, S). Without `lengths` all rows have T steps; without `state` they start from zeros.
    """
    x = np.asarray(x, np.float64)
    weights = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    ends = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
    causal = not architecture["bidirectional"]
    size = sum(state_size(architecture["cell"], u) for u in architecture["units"])
    size = (size + x.shape[2] * (architecture["missing"] == "forward")) * causal
    starts = np.zeros((len(x), size)) if state is None else np.asarray(state, np.float64)
    per_step = (x.shape[1],) if architecture["head"] == "sequence" else ()
    y = np.zeros((len(x), *per_step, architecture["outputs"]))
    state_out = starts.copy()
    for row, end in enumerate(ends):
        if end > 0:
            y_row, state_out[row] = sequence(weights, architecture, x[row, :end], starts[row])
            y[row, : len(y_row)] = y_row
    return y, state_out


def _starts(architecture: dict[str, Any], state: Array) -> Iterator[Array]:
    at = 0
    for units in architecture["units"]:
        size = state_size(architecture["cell"], units)
        yield state[at : at + size]
        at += size


def _cell(arrays: Weights, layer: int, direction: int) -> Weights:
    """The weights of one cell, without the `_l0` of torch."""
    weights = _under(arrays, f"layers.{layer}.cells.{direction}.")
    return {name.removesuffix("_l0"): value for name, value in weights.items()}


def _under(arrays: Weights, head: str) -> Weights:
    return {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}
