"""The mean of several networks as one network, which is exported, proved and run like any other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.missing import AS_MEAN
from seqrt.training.networks.network import Network


def mean_of(nets: Sequence[Network], metadata: Metadata) -> Network:
    """Return one network whose logits are the mean of the logits of `nets`.

    Its layers hold those of the K members side by side, K times as wide, with zeros between them:

        W_ih = | W_1        |    W_hh, from the second layer on W_ih, and so on;  dense = mean_k W_k
               |      W_2   |

    Its names and scaling come from `metadata`; if a member was scaled differently, the weights of
    its first layer and its head are rescaled to match. Outputs in raw units are the mean of the
    members' outputs, and probabilities the softmax or sigmoid of the mean logits, up to float32
    rounding.

    Raises UsageError unless all networks have the same architecture, without layer normalisation
    (which would mix the members), and the same feature means where a missing value is read as the
    mean without an indicator.
    """
    architecture = nets[0].architecture
    if architecture.layer_norm or any(net.architecture != architecture for net in nets):
        raise UsageError(
            "networks must have the same architecture, without layer normalisation, to be averaged"
            " into one. Train them by the same plan, without layer norm."
        )
    if architecture.front or architecture.pool != "last":
        raise UsageError("networks with a front or a pool cannot be averaged yet.")
    count = len(nets)
    wide = tuple(count * size for size in architecture.units)
    merged = Network(**{**nets[0].config(), "units": wide})
    merged.metadata = metadata
    merged.set_scaling(metadata.features, metadata.outputs)
    if architecture.missing in AS_MEAN:
        _check_means(merged, nets)
    with torch.no_grad():
        for parameter in merged.parameters():
            parameter.zero_()
        for number, net in enumerate(nets):
            _copy_member(merged, net, number, count)
    return merged.eval()


def _check_means(merged: Network, nets: Sequence[Network]) -> None:
    """Raise UsageError unless all networks read a missing value as the same number."""
    if any(not torch.equal(net.x_mean, merged.x_mean) for net in nets):
        raise UsageError(
            "networks must have the same feature means to be averaged into one that reads missing"
            f" values by the policy {merged.missing!r}. Train them as a committee."
        )


def _copy_member(merged: Network, net: Network, number: int, count: int) -> None:
    """Write the weights of member `number` into its place in the merged network."""
    first, *_ = net.recurrent()
    inputs = torch.arange(first.features)  # all members read the same features
    for wide, layer in zip(merged.recurrent(), net.recurrent(), strict=True):
        units = layer.layer.units
        own = number * units + torch.arange(units)
        for wide_cell, cell in zip(wide.cells, layer.cells, strict=True):
            weights = {name: value.double() for name, value in cell.named_parameters()}
            if layer is first:
                _rescale(weights, merged, net)
            _copy_cell(weights, wide_cell, own, units * count, inputs)
        inputs = torch.cat([d * count * units + own for d in range(len(layer.cells))])
    w, b = _head(merged, net)
    merged.dense.weight[:, inputs] = (w / count).float()
    merged.dense.bias.add_(b / count)


def _copy_cell(
    weights: dict[str, Tensor], wide: nn.Module, own: Tensor, width: int, inputs: Tensor
) -> None:
    """Write a kernel's weights to the rows `own` of each gate and the columns `inputs` of W_ih."""
    target = dict(wide.named_parameters())
    gates = len(target["bias_ih_l0"]) // width
    rows = (torch.arange(gates)[:, None] * width + own).flatten()
    target["weight_ih_l0"][rows[:, None], inputs] = weights["weight_ih_l0"].float()
    target["weight_hh_l0"][rows[:, None], own] = weights["weight_hh_l0"].float()
    for name in ("bias_ih_l0", "bias_hh_l0"):
        target[name][rows] = weights[name].float()


def _rescale(weights: dict[str, Tensor], merged: Network, net: Network) -> None:
    """Change the weights of a first layer to take inputs in the scale of the merged network.

    u_k = (x - m_k) / s_k = (u s + m - m_k) / s_k

    A missing value is 0 for the member as well, so its indicator subtracts what the bias adds.
    """
    m, s = merged.x_mean.double(), merged.x_scale.double()
    m_k, s_k = net.x_mean.double(), net.x_scale.double()
    w, indicators = weights["weight_ih_l0"].tensor_split([len(m)], dim=1)
    shift = (m - m_k) / s_k
    weights["bias_ih_l0"] = weights["bias_ih_l0"] + w @ shift
    indicators = indicators - w * shift if indicators.numel() else indicators
    weights["weight_ih_l0"] = torch.cat([w * (s / s_k), indicators], dim=1)


def _head(merged: Network, net: Network) -> tuple[Tensor, Tensor]:
    """Return the head's weights for outputs in the scale of the merged network."""
    w, b = net.dense.weight.double(), net.dense.bias.double()
    m, s = merged.y_mean.double(), merged.y_scale.double()
    m_k, s_k = net.y_mean.double(), net.y_scale.double()
    return w * (s_k / s)[:, None], (b * s_k + m_k - m) / s
