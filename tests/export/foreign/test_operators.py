"""Each operator of the table computes what torch's does."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import seqrt
from seqrt.export import export


class After(nn.Module):
    """A GRU, and a function of its output at every step, (B, T, 6)."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.gru, self.function = nn.GRU(2, 6, batch_first=True), function

    def forward(self, x):
        return self.function(3 * self.gru(x)[0])


def check(function, tmp_path, rng, streams=True):
    torch.manual_seed(0)
    net = After(function).eval()
    x = rng.standard_normal((3, 7, 2)).astype(np.float32)

    exported = export(net, tmp_path / "m.onnx")

    twin = copy.deepcopy(net).double()
    with torch.no_grad():
        want = twin(torch.from_numpy(x).double()).reshape(3, *exported_shape(exported, 7)).numpy()
    np.testing.assert_allclose(seqrt.load(exported.path).predict(x), want, rtol=1e-6, atol=1e-6)
    assert exported.manifest.streamable == streams


def exported_shape(exported, steps):
    width = len(exported.manifest.outputs)
    return (steps, width) if exported.manifest.head == "sequence" else (width,)


EACH_NUMBER: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda v: F.leaky_relu(v, 0.2),
    "elu": lambda v: F.elu(v, 0.7),
    "selu": F.selu,
    "celu": lambda v: F.celu(v, 0.7),
    "gelu": F.gelu,
    "gelu tanh": lambda v: F.gelu(v, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "logsigmoid": F.logsigmoid,
    "hardtanh": lambda v: F.hardtanh(v, -0.5, 2.0),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "softplus": F.softplus,
    "softplus beta": lambda v: F.softplus(v, beta=2.0),
    "softsign": F.softsign,
    "glu": lambda v: F.glu(v, -1),
    "softmax": lambda v: F.softmax(v, -1),
    "log_softmax": lambda v: F.log_softmax(v, 2),
    "exp": torch.exp,
    "log": lambda v: torch.log(v.abs() + 0.1),
    "sqrt": lambda v: torch.sqrt(v.abs() + 0.1),
    "rsqrt": lambda v: torch.rsqrt(v.abs() + 0.1),
    "square": lambda v: v**2 + v.pow(3) + torch.square(v),
    "clamp": lambda v: v.clamp(-1, 1) + v.clamp(min=0) + torch.clamp_max(v, 0.5),
    "arithmetic": lambda v: (2 - v) / (v.abs() + 1) * 3 - (-v) + torch.rsub(v, 1, alpha=2),
    "in place": lambda v: v.clone().mul_(2).add_(1).relu_(),
    "extremes": lambda v: torch.maximum(v, 0.5 * v) + torch.minimum(v, -v),
    "normed": lambda v: F.layer_norm(v, (6,)),
    "rms norm": lambda v: F.rms_norm(v, (6,), eps=1e-5),
    "normalised": lambda v: F.normalize(v, dim=-1),
    "standardised": lambda v: (v - v.mean(-1, keepdim=True)) / (v.std(-1, keepdim=True) + 1e-3),
}
AXES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean of features": lambda v: v.mean(-1),
    "sum of features": lambda v: v.sum(2, keepdim=True) * v,
    "extremes of features": lambda v: v.amax(-1) - v.amin(-1) + v.max(-1)[0],
    "cumsum of features": lambda v: v.cumsum(-1),
    "view": lambda v: v.view(v.size(0), v.size(1), 2, 3).sum(2),
    "view turned": lambda v: v.view(v.size(0), v.size(1), 2, 3).transpose(2, 3).flatten(2),
    "rows and steps": lambda v: F.relu(v.reshape(-1, 6)).view(v.size(0), v.size(1), 6),
    "unflatten": lambda v: v.unflatten(-1, (3, 2))[..., 1],
    "movedim": lambda v: v.movedim(1, 0).movedim(0, 1).swapaxes(1, 2).mT,
    "chunk": lambda v: torch.cat(v.chunk(3, -1)[::-1], -1),
    "split": lambda v: v.split([1, 5], -1)[1] - v.split(1, dim=-1)[0],
    "unbind": lambda v: torch.stack(v.unbind(-1)[:3], -1),
    "slices": lambda v: v[..., 1:5:2] + v[:, :, -2:],
    "flip": lambda v: v.flip(-1),
    "places": lambda v: v[:, :, [5, 0, 0]],
    "select": lambda v: torch.index_select(v, 2, torch.tensor([3, 1])),
    "steps of none": lambda v: v.unsqueeze(1).squeeze(1).unsqueeze(-1).squeeze(-1),
    "norms": lambda v: v.norm(dim=-1) + v.norm(p=1, dim=-1) + v.var(-1, unbiased=False),
    "cosine": lambda v: F.cosine_similarity(v[..., :3], v[..., 3:], dim=-1),
    "einsum": lambda v: torch.einsum("btd,btd->bt", v, v),
    "matmul": lambda v: v @ torch.arange(12).reshape(6, 2).to(v.dtype),
}
ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "last": lambda v: v[:, -1],
    "last kept": lambda v: v[:, -1:].squeeze(1),
    "group norm": lambda v: F.group_norm(v[:, -1], 2),
    "mean": lambda v: v.mean(1),
    "sum": lambda v: v.transpose(1, 2).sum(-1),
    "max": lambda v: v.max(dim=1).values,
    "min": lambda v: v.amin(1),
    "pools": lambda v: torch.cat(
        [F.adaptive_avg_pool1d(v.mT, 1), F.adaptive_max_pool1d(v.mT, 1)], 1
    ).squeeze(-1),
    "all of the axis": lambda v: F.max_pool1d(v.mT, v.size(1)).flatten(1),
}
WHOLE: dict[str, Callable[[Tensor], Tensor]] = {
    "first": lambda v: v[:, 0],
    "first two": lambda v: v[:, :2].flatten(1),
    "last but one": lambda v: v[:, -2],
    "softmax over time": lambda v: (torch.softmax(v, 1) * v).sum(1),
    "flip over time": lambda v: v.flip(1),
    "spread": lambda v: v.var(1, unbiased=False, keepdim=True).sqrt().squeeze(1),
    "deviations of two steps and more": lambda v: torch.cat([v.std(1), v.mT.var(-1)], -1),
    "centred": lambda v: v - v.mean(1, keepdim=True),
    "attended": lambda v: (v.mT @ torch.softmax(v[..., :2], 1)).flatten(1),
    "queried": lambda v: torch.bmm(v[:, -1:], v.mT).squeeze(1),
    "put back": lambda v: torch.cat([v, v[:, -1:].expand(-1, v.size(1), -1)], -1),
}


@pytest.mark.parametrize("name", EACH_NUMBER)
def test_an_operator_on_each_number(tmp_path, rng, name):
    check(EACH_NUMBER[name], tmp_path, rng)


@pytest.mark.parametrize("name", AXES)
def test_an_operator_on_each_step_gives_the_same_bits_wherever_the_step_is(tmp_path, rng, name):
    check(AXES[name], tmp_path, rng)

    assert seqrt.load(tmp_path / "m.onnx").validate().exact


@pytest.mark.parametrize("name", ENDS)
def test_an_operator_that_ends_time_streams(tmp_path, rng, name):
    check(ENDS[name], tmp_path, rng)


@pytest.mark.parametrize("name", WHOLE)
def test_an_operator_that_needs_the_whole_row(tmp_path, rng, name):
    check(WHOLE[name], tmp_path, rng, streams=False)


@pytest.mark.parametrize(
    ("conv", "pad"),
    [
        (nn.Conv1d(2, 4, 1), 0),
        (nn.Conv1d(2, 4, 2), 1),
        (nn.Conv1d(2, 4, 3, dilation=2, groups=2), 4),
        (nn.Conv1d(2, 4, 3, padding=1), 0),
        (nn.Conv1d(2, 4, 4, padding="same", bias=False), 0),
    ],
)
def test_convolutions(tmp_path, rng, conv, pad):
    class Front(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gru = conv, nn.GRU(4, 3, batch_first=True)

        def forward(self, x):
            return self.gru(self.conv(F.pad(x.mT, (pad, 0))).mT)[0]

    net = Front().eval()
    rows = [rng.standard_normal((steps, 2)).astype(np.float32) for steps in (1, 2, 9)]

    exported = export(net, tmp_path / "m.onnx")

    for row, got in zip(rows, seqrt.load(exported.path).predict(rows), strict=True):
        want = net(torch.from_numpy(row)[None])[0].detach()
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    assert exported.manifest.streamable == (conv.padding == (0,))
