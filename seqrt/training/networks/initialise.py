"""Initial weights with which a network remembers over long sequences from the start."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqrt.contract.columns import inputs_of
from seqrt.errors import UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.network import Network
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack


@torch.no_grad()
def chrono_initialise(net: Stack, steps: int) -> None:
    """Draw new weights for the recurrent layers of `net` that remember over `steps` steps.

    Recurrent weights are orthogonal, gate by gate, so that a signal neither vanishes nor explodes;
    those of an rnn with relu are the identity. Input weights are Glorot's. The forget gate of the
    LSTM and the update gate of the GRU and minGRU start open for 1 to `steps` steps, unit by unit:

        LSTM            b_f = log u, b_i = -log u,   u ~ U(1, steps - 1)
        GRU, minGRU     b_z = log u                  z near 1 keeps the state, in our equations

    A dilated layer remembers over so many of its own steps that they are `steps` steps. All other
    biases are zero. Everything is drawn from torch's global generator.

    Raises UsageError unless `steps` is a whole number of at least 1.

    Saxe et al. 2014, arXiv:1312.6120 (orthogonal); Le et al. 2015, arXiv:1504.00941 (identity);
    Glorot & Bengio 2010; Tallec & Ollivier 2018, arXiv:1804.11188 (gates).
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise UsageError(f"memory must be a whole number of steps from 1, got {steps!r}.")
    for layer in net.recurrent():
        for kernel in layer.cells:
            _draw(layer, kernel, math.ceil(steps / layer.layer.dilation))


@torch.no_grad()
def forget_constants(net: Stack, metadata: Metadata) -> None:
    """Set the input weights of categories that the training part does not have to zero.

    Such a feature is 0 in all of training, so its weights would stay as they were drawn. With
    zeros, a category that is met later counts as none of the known ones.
    """
    inputs = inputs_of(metadata.inputs, [column.name for column in metadata.features])
    kinds = [each.kind for each in inputs for _ in each.names]
    constant = [
        place
        for place, (kind, column) in enumerate(zip(kinds, metadata.features, strict=True))
        if kind == "category" and column.low == column.high == 0
    ]
    for weights in net.time_layers()[0].input_weights():
        weights[..., constant] = 0.0


@torch.no_grad()
def start_at_frequencies(net: Network, counts: NDArray[np.int64]) -> None:
    """Set the bias of the head to log ((n_k + 1) / (N + K)), n_k of the N targets being of class k.

    With thousands of targets of a few dozen classes among 256, a bias that is drawn delays training
    by hundreds of steps: the gradient is noise until the other classes are improbable.
    """
    shares = torch.from_numpy((counts + 1) / (counts + 1).sum())
    net.dense.bias.copy_(shares.log())


def _draw(layer: Recurrent, kernel: nn.Module, steps: int) -> None:
    weights = dict(kernel.named_parameters())
    units = layer.layer.units
    for w in weights["weight_ih_l0"].split(units):
        nn.init.xavier_uniform_(w)
    if layer.kind.cell != "mingru":
        for w in weights["weight_hh_l0"].split(units):
            if layer.kind.nonlinearity == "relu":
                nn.init.eye_(w)
            else:
                nn.init.orthogonal_(w)
        weights["bias_hh_l0"].zero_()
    bias = weights["bias_ih_l0"].zero_().split(units)
    if layer.kind.cell == "lstm":
        log_time = _log_times(units, steps)
        bias[0].sub_(log_time)  # i
        bias[1].add_(log_time)  # f
    elif layer.kind.cell in ("gru", "mingru"):
        z = 1 if layer.kind.cell == "gru" else 0
        bias[z].add_(_log_times(units, steps))


def _log_times(units: int, steps: int) -> Tensor:
    """Return for each unit the logarithm of a time drawn from 1 to steps - 1."""
    return torch.empty(units).uniform_(1, max(steps - 1, 1)).log()
