"""The mean of several networks as one network, which is exported, proved and run like any other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.training.networks.convolution import CausalConvolution
from seqrt.training.networks.front import parse_front
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.missing import AS_MEAN, input_size
from seqrt.training.networks.network import Network
from seqrt.training.networks.pooling import AttentionPool


def mean_of(nets: Sequence[Network], metadata: Metadata) -> Network:
    """Return one network whose logits are the mean of the logits of `nets`.

    Its layers hold those of the K members side by side, K times as wide, with zeros between them:

        W_ih = | W_1        |    W_hh, from the second layer on W_ih, and so on;  dense = mean_k W_k
               |      W_2   |

    The members of a convolution in front, or of attention, lie side by side too; each member has
    its own heads, and its own columns of the table of tokens. Names and scaling come from
    `metadata`; if a member was scaled differently, the weights of its first layer and its head are
    rescaled to match. Outputs in raw units are the mean of the members' outputs, and probabilities
    the softmax or sigmoid of the mean logits, up to float32 rounding.

    Raises UsageError unless all networks have the same architecture, without layer normalisation
    (which would mix the members), and the same feature means where something is read as the mean: a
    missing value without an indicator, or what lies before a sequence, by a convolution. Networks
    of tokens must have the same vocabulary.
    """
    architecture = nets[0].architecture
    if architecture.layer_norm or any(net.architecture != architecture for net in nets):
        raise UsageError(
            "networks must have the same architecture, without layer normalisation, to be averaged"
            " into one. Train them by the same plan, without layer norm."
        )
    _check_text(nets)
    merged = Network(**_wider(nets[0], len(nets)))
    merged.metadata = metadata
    merged.set_scaling(metadata.features, metadata.outputs)
    if architecture.missing in AS_MEAN or architecture.front:
        _check_means(merged, nets)
    with torch.no_grad():
        for parameter in merged.parameters():
            parameter.zero_()
        for number, net in enumerate(nets):
            _copy_member(merged, net, number, len(nets))
    return merged.eval()


def _wider(net: Network, count: int) -> dict[str, Any]:
    """Return the arguments of a network that holds `count` networks like `net` side by side."""
    config = net.config() | {"units": tuple(count * size for size in net.architecture.units)}
    config |= {"embedding": count * net.architecture.embedding} if net.tokens else {}
    if front := parse_front(net.architecture.front):
        config["front"] = str(front.times(count))
    if isinstance(net.pool, AttentionPool):
        config["pool"] = f"attention:{count * net.pool.width // _share(net.pool, net)}"
    return config


def _share(pool: AttentionPool, net: Network) -> int:
    """Return how many neighbouring outputs of a member one head of the merged network weighs.

    The two directions of a member do not lie side by side, so a head that weighs both becomes two.
    """
    return math.gcd(pool.width // pool.heads, net.architecture.units[-1])


def _check_text(nets: Sequence[Network]) -> None:
    """Raise UsageError unless the same text becomes the same ids for all networks."""
    if any(net.metadata.text != nets[0].metadata.text for net in nets):
        raise UsageError(
            "networks must have the same vocabulary to be averaged into one: each knows the words"
            " of its own training part. Train them as a committee."
        )


def _check_means(merged: Network, nets: Sequence[Network]) -> None:
    """Raise UsageError unless all networks read the mean of a feature as the same number."""
    if any(not torch.equal(net.x_mean, merged.x_mean) for net in nets):
        front = merged.architecture.front
        before = f"what lies before a sequence as the mean (front {front})"
        missing = f"missing values by the policy {merged.missing!r}"
        raise UsageError(
            "networks must have the same feature means to be averaged into one that reads"
            f" {before if front else missing}. Train them as a committee."
        )


def _copy_member(merged: Network, net: Network, number: int, count: int) -> None:
    """Write the weights of member `number` into its place in the merged network."""
    first, *_ = net.time_layers()
    inputs = torch.arange(input_size(len(net.x_mean), net.missing))  # the same for all members
    if net.embedding and merged.embedding:
        width = net.embedding.embedding_dim
        inputs = number * width + torch.arange(width)
        merged.embedding.weight[:, inputs] = net.embedding.weight
    if net.front:
        inputs = _copy_front(merged, net, number, inputs)
    for wide, layer in zip(merged.recurrent(), net.recurrent(), strict=True):
        units = layer.layer.units
        own = number * units + torch.arange(units)
        for wide_cell, cell in zip(wide.cells, layer.cells, strict=True):
            weights = {name: value.double() for name, value in cell.named_parameters()}
            if layer is first and not net.tokens:
                w, bias = weights["weight_ih_l0"], weights["bias_ih_l0"]
                w, weights["bias_ih_l0"] = _rescaled(w[:, None], bias, merged, net)
                weights["weight_ih_l0"] = w[:, 0]
            _copy_cell(weights, wide_cell, own, units * count, inputs)
        inputs = torch.cat([d * count * units + own for d in range(len(layer.cells))])
    if isinstance(merged.pool, AttentionPool) and isinstance(net.pool, AttentionPool):
        _copy_attention(merged.pool, net.pool, inputs)
    w, b = _head(merged, net)
    merged.dense.weight[:, inputs] = (w / count).float()
    merged.dense.bias.add_(b / count)


def _copy_front(merged: Network, net: Network, number: int, inputs: Tensor) -> Tensor:
    """Write the convolution of a member, of inputs at `inputs`; return its channels' places."""
    wide, own = merged.front, net.front
    assert isinstance(wide, CausalConvolution)
    assert isinstance(own, CausalConvolution)
    channels = number * own.channels + torch.arange(own.channels)
    (w,) = own.input_weights()
    bias: Tensor = own.dense.bias
    if not net.tokens:
        w, bias = _rescaled(w.double(), bias.double(), merged, net)
    (target,) = wide.input_weights()
    target[channels[:, None, None], torch.arange(own.kernel)[:, None], inputs] = w.float()
    wide.dense.bias[channels] = bias.float()
    return channels


def _copy_attention(wide: AttentionPool, pool: AttentionPool, inputs: Tensor) -> None:
    """Write the attention of a member, whose outputs are at the places `inputs`."""
    wide.hidden.weight[inputs[:, None], inputs] = pool.hidden.weight
    wide.hidden.bias[inputs] = pool.hidden.bias
    share = wide.width // wide.heads
    for place in range(0, pool.width, share):
        head = place // (pool.width // pool.heads)
        wide.score.weight[inputs[place] // share, inputs] = pool.score.weight[head]


def _copy_cell(
    weights: dict[str, Tensor], wide: nn.Module, own: Tensor, width: int, inputs: Tensor
) -> None:
    """Write a kernel's weights to the rows `own` of each gate and the columns `inputs` of W_ih."""
    target = dict(wide.named_parameters())
    gates = len(target["bias_ih_l0"]) // width
    rows = (torch.arange(gates)[:, None] * width + own).flatten()
    target["weight_ih_l0"][rows[:, None], inputs] = weights["weight_ih_l0"].float()
    if "weight_hh_l0" in target:  # a minGRU has none
        target["weight_hh_l0"][rows[:, None], own] = weights["weight_hh_l0"].float()
        target["bias_hh_l0"][rows] = weights["bias_hh_l0"].float()
    target["bias_ih_l0"][rows] = weights["bias_ih_l0"].float()


def _rescaled(
    weights: Tensor, bias: Tensor, merged: Network, net: Network
) -> tuple[Tensor, Tensor]:
    """Return a first layer's weights (H, K, D) and bias (H,) for inputs in the merged scale.

    u_k = (x - m_k) / s_k = (u s + m - m_k) / s_k

    K is 1, or the number of steps that a convolution reads. A missing value is 0 for the member as
    well, so its indicator subtracts what the bias adds.
    """
    m, s = merged.x_mean.double(), merged.x_scale.double()
    m_k, s_k = net.x_mean.double(), net.x_scale.double()
    w, indicators = weights.tensor_split([len(m)], dim=2)
    shift = (m - m_k) / s_k
    bias = bias + (w @ shift).sum(dim=1)
    indicators = indicators - w * shift if indicators.numel() else indicators
    return torch.cat([w * (s / s_k), indicators], dim=2), bias


def _head(merged: Network, net: Network) -> tuple[Tensor, Tensor]:
    """Return the head's weights for outputs in the scale of the merged network."""
    w, b = net.dense.weight.double(), net.dense.bias.double()
    m, s = merged.y_mean.double(), merged.y_scale.double()
    m_k, s_k = net.y_mean.double(), net.y_scale.double()
    return w * (s_k / s)[:, None], (b * s_k + m_k - m) / s
