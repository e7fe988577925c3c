"""A module written and trained elsewhere is exported whole, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import seqrt
from seqrt.errors import UsageError
from seqrt.export import export


class Own(nn.Module):
    """A typical module: a deep recurrent layer, a norm, a dense head, and its own forward."""

    def __init__(self, kind=nn.LSTM, *, head="last", **options):
        super().__init__()
        self.head = head
        self.rnn = kind(3, 8, num_layers=2, dropout=0.2, **options)
        width = 16 if options.get("bidirectional") else 8
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, 2)

    def forward(self, x):
        out, h = self.rnn(x)
        if self.head == "sequence":
            return self.fc(self.norm(out))
        h = h[0] if isinstance(h, tuple) else h
        if self.rnn.bidirectional:
            return self.fc(self.norm(torch.cat([h[-2], h[-1]], dim=-1)))
        return self.fc(self.norm(h[-1]))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("both", [False, True])
def test_a_network_of_ones_own_answers_as_it_did(tmp_path, rng, kind, head, both):
    net = Own(kind, head=head, bidirectional=both, batch_first=True).eval()
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    exported = export(net, tmp_path / "m.onnx")

    y = seqrt.load(tmp_path / "m.onnx").predict(x)
    np.testing.assert_allclose(y, net(torch.from_numpy(x)).detach(), rtol=0, atol=1e-6)
    assert exported.manifest.head == head


def test_time_first_networks_become_batch_first_files(tmp_path, rng):
    net = Own(nn.GRU, head="sequence").eval()
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    export(net, tmp_path / "m.onnx")

    y = seqrt.load(tmp_path / "m.onnx").predict(x)
    want = net(torch.from_numpy(x).transpose(0, 1)).transpose(0, 1)
    np.testing.assert_allclose(y, want.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{"bias": False}, {"nonlinearity": "relu"}])
def test_options_of_torch_are_kept(tmp_path, rng, options):
    net = nn.Sequential(nn.RNN(3, 8, batch_first=True, **options), nn.Linear(8, 2, bias=False))
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    export(net, tmp_path / "m.onnx", head="sequence")

    want = net[1](net[0](torch.from_numpy(x))[0]).detach()
    np.testing.assert_allclose(seqrt.load(tmp_path / "m.onnx").predict(x), want, atol=1e-6)


def test_a_sequential_has_the_head_that_was_asked_for(tmp_path):
    net = nn.Sequential(nn.GRU(1, 4, batch_first=True), nn.Dropout(0.1), nn.Linear(4, 1))

    assert export(net, tmp_path / "a.onnx").manifest.head == "last"
    assert export(net, tmp_path / "b.onnx", head="sequence").manifest.head == "sequence"


def test_the_network_of_the_user_is_left_as_it_was(tmp_path):
    net = Own(batch_first=True).double().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    export(net, tmp_path / "m.onnx")

    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.fc.weight.dtype == torch.float64


def test_a_forward_that_does_more_than_its_layers_is_kept(tmp_path, rng):
    class Residual(Own):
        def forward(self, x):
            return super().forward(x) + x[:, -1, :2]

    net = Residual(batch_first=True).eval()
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    export(net, tmp_path / "m.onnx")

    y = seqrt.load(tmp_path / "m.onnx").predict(x)
    np.testing.assert_allclose(y, net(torch.from_numpy(x)).detach(), rtol=0, atol=1e-6)


def test_the_last_column_of_both_directions_is_what_it_is_in_torch(tmp_path, rng):
    class LastColumn(Own):
        def forward(self, x):
            return self.fc(self.norm(self.rnn(x)[0][:, -1]))

    net = LastColumn(batch_first=True, bidirectional=True).eval()
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    export(net, tmp_path / "m.onnx")

    y = seqrt.load(tmp_path / "m.onnx").predict(x)
    np.testing.assert_allclose(y, net(torch.from_numpy(x)).detach(), rtol=0, atol=1e-6)


def test_a_head_that_the_forward_has_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="head must be 'last', as the forward of Own has"):
        export(Own(batch_first=True), tmp_path / "m.onnx", head="sequence")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Conv1d(1, 1, 1)), r"must contain nn\.RNN, nn\.LSTM or nn\.GRU"),
        (nn.Sequential(nn.Linear(1, 1)), "must contain nn.RNN, nn.LSTM or nn.GRU"),
        (nn.Sequential(nn.LSTM(1, 3), nn.Softmax(0)), "softmax over axis 0"),
    ],
)
def test_what_cannot_be_taken_over_is_named(tmp_path, net, message):
    with pytest.raises(UsageError, match=message):
        export(net, tmp_path / "m.onnx")


def test_a_sequential_may_have_any_layers(tmp_path, rng):
    net = nn.Sequential(nn.LSTM(3, 8, proj_size=4), nn.ReLU(), nn.Linear(4, 1)).eval()
    x = rng.standard_normal((5, 11, 3)).astype(np.float32)

    export(net, tmp_path / "m.onnx")

    h = net[0](torch.from_numpy(x).transpose(0, 1))[1][0][-1]
    want = net[2](net[1](h)).detach()
    np.testing.assert_allclose(seqrt.load(tmp_path / "m.onnx").predict(x), want, atol=1e-6)


def test_a_forward_with_a_second_input_is_reported(tmp_path):
    class TwoInputs(Own):
        def forward(self, x, more):
            return super().forward(x)

    with pytest.raises(UsageError, match=r"forward takes 'more'"):
        export(TwoInputs(batch_first=True), tmp_path / "m.onnx")
