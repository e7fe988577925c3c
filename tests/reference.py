"""The reference implementation: recurrent networks in plain float64 numpy, one step at a time.

It follows the equations and is written to be right, not fast. It uses neither torch nor ONNX, and
layers, graphs and runtime are all tested against it.

Shapes: B batch, T time, D features, H hidden, O outputs, G gates. One sequence is x (T, D). Weights
have torch's names and torch's gate order, as in the networks:

    rnn     weight_ih (H, D)    weight_hh (H, H)    bias_ih (H,)    bias_hh (H,)
    lstm    the same, 4H rows: i write, f keep, g what to write, o show
    gru     the same, 3H rows: r look back, z keep, n new
    mingru  weight_ih and bias_ih only, 2H rows: z keep, c new
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


def mingru(x: Array, h: Array, w: Weights) -> tuple[Array, Array]:
    """Return every h_t (T, H) and the last one.

    z_t = σ(W_z x_t + b_z)                        keep
    c_t = tanh(W_c x_t + b_c)                     new
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ c_t
    """
    W_z, W_c = np.split(w["weight_ih"], 2)
    b_z, b_c = np.split(w["bias_ih"], 2)
    y = []
    for x_t in x:
        z_t = sigmoid(W_z @ x_t + b_z)
        c_t = np.tanh(W_c @ x_t + b_c)
        h = z_t * h + (1 - z_t) * c_t
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
    if kind == "mingru":
        return mingru(x, state, w)
    h, C = np.split(state, 2)
    y, h, C = lstm(x, h, C, w)
    return y, np.concatenate([h, C])


def dilated(
    kind: str, x: Array, state: Array, w: Weights, nonlinearity: str = "tanh", steps: int = 1
) -> tuple[Array, Array]:
    """Run the cell `kind` so that each step continues from the state `steps` steps before.

    The state holds the last values of h, oldest first, and for the LSTM then those of C.
    """
    parts = np.split(state, 2 if kind == "lstm" else 1)
    recent = list(np.hstack([part.reshape(steps, -1) for part in parts]))
    y = []
    for x_t in x:
        h, end = cell(kind, x_t[None], recent.pop(0), w, nonlinearity)
        y.append(h[0])
        recent.append(end)
    return np.array(y), np.hstack([p.ravel() for p in np.split(np.array(recent), len(parts), 1)])


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


def causal_front(u: Array, before: Array, weight: Array, bias: Array) -> tuple[Array, Array]:
    """y_t = relu(b + W_1 u_{t-K+1} + ... + W_K u_t) of u (T, D), after K - 1 steps `before` it.

    `weight` is (C, K D), W_1 to W_K side by side. Return y (T, C) and the last K - 1 steps.
    """
    seen, context = np.concatenate([before, u]), len(before)
    taps = [seen[t : t + context + 1].ravel() for t in range(len(u))]
    y = [np.maximum(weight @ tap + bias, 0.0) for tap in taps]
    return np.array(y), seen[len(seen) - context :]


def pooled(kind: str, h: Array, state: Array, w: Weights) -> tuple[Array, Array]:
    """Reduce h (T, W) to p (W,): the mean or the maximum so far, or attention over all steps.

    The state is the sum or the maximum so far, then the number of steps so far.
    """
    if kind == "attention":
        e = np.tanh(h @ w["hidden.weight"].T + w["hidden.bias"]) @ w["score.weight"].T
        heads = np.split(h, e.shape[1], axis=1)
        return np.concatenate([softmax(e[:, k]) @ heads[k] for k in range(len(heads))]), state
    best, n = state[:-1], state[-1]
    for h_t in h:
        best = best + h_t if kind == "mean" else np.maximum(best, h_t) if n else h_t
        n = n + 1
    return best / n if kind == "mean" else best, np.array([*best, n])


def attention(scores: Array, x: Array) -> Array:
    """c_k = sum_t softmax_t(a_tk) x_t, of scores (T, K) and x (T, W): (K, W)."""
    return softmax(scores.T) @ x


def looked_up(ids: Array, table: Array) -> Array:
    """The row of the table (V, E) for each of the ids (T,), row 0 for any not in 0..V-1."""
    return np.array([table[int(i) if 0 <= i < len(table) else 0] for i in ids])


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
    """Run a whole network over one sequence x (T, D), or of ids (T, 1), of at least one step.

    Return y, (O,) for the `last` head or (T, O) for the `sequence` head, and the state (S,) after
    the last step: that of every layer, first layer first, and with `forward` the last known value
    of each feature, scaled. A network that cannot stream has no state. With `residual`, each layer
    after the first adds the output of the layer before it, step by step.
    """
    kind, f = architecture["cell"], architecture["nonlinearity"]
    pool, causal = architecture.get("pool", "last").partition(":")[0], streams(architecture)
    if "embedding.weight" in arrays:
        u = looked_up(x[:, 0], arrays["embedding.weight"])
    else:
        u = (x - arrays["x_mean"]) / arrays["x_scale"]
    carries = architecture["missing"] == "forward" and causal
    before = state[-x.shape[1] :] if carries else np.zeros(x.shape[1])
    h, known = fill(u, architecture["missing"], before)
    starts, ends, last = _starts(architecture, state, h.shape[1]), [], h
    if context := _context(architecture):
        front = _under(arrays, "front.dense.")
        before = next(starts) if causal else np.zeros((context - 1) * h.shape[1])
        taps = before.reshape(context - 1, h.shape[1])
        h, taps = causal_front(h, taps, front["weight"], front["bias"])
        ends += [taps.ravel()] if causal else []
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
            every = _dilation(architecture)
            start = next(starts) if causal else np.zeros(every * state_size(kind, units))
            h, end = dilated(kind, h, start, _cell(arrays, n, 0), f, every)
            last = h[-1]
            ends += [end] if causal else []
        if n and architecture.get("residual"):
            h, last = h + skip, last + skip_last
    if pool != "last":
        start = next(starts) if causal else np.zeros(h.shape[1] + 1)
        last, end = pooled(pool, h, start, _under(arrays, "pool."))
        ends += [end] if causal else []
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
    indicators = architecture["missing"] == "indicator"
    width = architecture.get("embedding") or x.shape[2] * (1 + indicators)
    size = sum(_sizes(architecture, width)) + x.shape[2] * (architecture["missing"] == "forward")
    size *= streams(architecture)
    starts = np.zeros((len(x), size)) if state is None else np.asarray(state, np.float64)
    per_step = (x.shape[1],) if architecture["head"] == "sequence" else ()
    y = np.zeros((len(x), *per_step, architecture["outputs"]))
    state_out = starts.copy()
    for row, end in enumerate(ends):
        if end > 0:
            y_row, state_out[row] = sequence(weights, architecture, x[row, :end], starts[row])
            y[row, : len(y_row)] = y_row
    return y, state_out


def streams(architecture: dict[str, Any]) -> bool:
    """Whether a sequence has a state: not with two directions, nor with attention over it all."""
    attends = architecture.get("pool", "last").startswith("attention")
    return not architecture["bidirectional"] and not attends


def _context(architecture: dict[str, Any]) -> int:
    """The steps that each step of the convolution in front reads, 0 if there is none."""
    return int(architecture.get("front", "").partition(":")[2].partition("x")[0] or 0)


def _dilation(architecture: dict[str, Any]) -> int:
    """From how many steps before a recurrent layer continues."""
    return _context(architecture) if architecture.get("front", "").startswith("segments") else 1


def _sizes(architecture: dict[str, Any], width: int) -> Iterator[int]:
    """The size of the state of each layer, for `width` inputs."""
    if context := _context(architecture):
        yield (context - 1) * width
    for units in architecture["units"]:
        yield state_size(architecture["cell"], units) * _dilation(architecture)
    if architecture.get("pool", "last") in ("mean", "max"):
        yield architecture["units"][-1] + 1


def _starts(architecture: dict[str, Any], state: Array, width: int) -> Iterator[Array]:
    at = 0
    for size in _sizes(architecture, width):
        yield state[at : at + size]
        at += size


def _cell(arrays: Weights, layer: int, direction: int) -> Weights:
    """The weights of one cell, without the `_l0` of torch."""
    weights = _under(arrays, f"layers.{layer}.cells.{direction}.")
    return {name.removesuffix("_l0"): value for name, value in weights.items()}


def _under(arrays: Weights, head: str) -> Weights:
    return {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}
