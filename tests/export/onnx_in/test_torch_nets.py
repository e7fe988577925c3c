"""Nets that torch.onnx.export wrote come in and compute what the net does, row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx_files import export_by_torch
from torch import nn

import seqrt
from seqrt.export import import_onnx

LENGTHS = (9, 1, 5, 3, 2)


class Net(nn.Module):
    """Layers, and a forward from the table below."""

    def __init__(self, forward, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self._forward = forward

    def forward(self, *args):
        return self._forward(self, *args)


def zeros(s, x):
    h = torch.zeros(2, x.size(0), 6)
    out, _ = s.rnn(x, (h, torch.zeros(2, x.size(0), 6)))
    return s.fc(out[:, -1, :])


def attention(s, x):
    out, _ = s.rnn(x)
    weights = torch.softmax(s.score(out), dim=1)
    return s.fc((weights * out).sum(1))


def time_major(s, x):
    out, _ = s.rnn(x.transpose(0, 1))
    return s.fc(out[-1])


def causal(s, x):
    steps = F.relu(s.conv(F.pad(x.transpose(1, 2), (2, 0)))).transpose(1, 2)
    return s.fc(s.rnn(steps)[0])


def both_ends(s, x):
    _, (h, _) = s.rnn(x)
    return s.fc(torch.cat([h[-2], h[-1]], dim=1))


def two_heads(s, x):
    out, _ = s.rnn(x)
    return s.fc(out), torch.sigmoid(s.gate(out[:, -1]))


def encoder_decoder(s, x):
    _, state = s.rnn(x)
    first = x[:, -1:].repeat(1, 4, 1)
    return s.fc(s.decoder(first, state)[0])


def rows_and_steps(s, x):
    out, _ = s.rnn(x)
    return s.fc(out.reshape(-1, 6)).view(x.size(0), x.size(1), 2)


LSTM, GRU, RNN = nn.LSTM, nn.GRU, nn.RNN
NETS = {
    "zeros": lambda: Net(zeros, rnn=LSTM(3, 6, 2, batch_first=True), fc=nn.Linear(6, 2)),
    "gru": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0][:, -1]), rnn=GRU(3, 6, batch_first=True), fc=nn.Linear(6, 2)
    ),
    "relu rnn": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[1][-1]),
        rnn=RNN(3, 6, 2, batch_first=True, nonlinearity="relu"),
        fc=nn.Linear(6, 2),
    ),
    "no bias": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0]),
        rnn=LSTM(3, 6, batch_first=True, bias=False),
        fc=nn.Linear(6, 2, bias=False),
    ),
    "every step": lambda: Net(
        lambda s, x: torch.log_softmax(s.fc(s.rnn(x)[0]), -1),
        rnn=GRU(3, 6, 3, batch_first=True),
        fc=nn.Linear(6, 2),
    ),
    "bidirectional": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0]),
        rnn=LSTM(3, 6, 2, batch_first=True, bidirectional=True),
        fc=nn.Linear(12, 2),
    ),
    "both ends": lambda: Net(
        both_ends, rnn=LSTM(3, 6, batch_first=True, bidirectional=True), fc=nn.Linear(12, 2)
    ),
    "time major": lambda: Net(time_major, rnn=GRU(3, 6), fc=nn.Linear(6, 2)),
    "mean": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0].mean(1)), rnn=GRU(3, 6, batch_first=True), fc=nn.Linear(6, 2)
    ),
    "maximum": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0].amax(1)), rnn=GRU(3, 6, batch_first=True), fc=nn.Linear(6, 2)
    ),
    "attention": lambda: Net(
        attention, rnn=GRU(3, 6, batch_first=True), score=nn.Linear(6, 1), fc=nn.Linear(6, 2)
    ),
    "causal convolution": lambda: Net(
        causal, conv=nn.Conv1d(3, 5, 3), rnn=GRU(5, 6, batch_first=True), fc=nn.Linear(6, 2)
    ),
    "layer norm": lambda: Net(
        lambda s, x: s.fc(s.norm(s.rnn(x)[0])),
        rnn=LSTM(3, 6, batch_first=True),
        norm=nn.LayerNorm(6),
        fc=nn.Linear(6, 2),
    ),
    "batch norm": lambda: Net(
        lambda s, x: s.fc(s.norm(s.rnn(x)[0][:, -1])),
        rnn=LSTM(3, 6, batch_first=True),
        norm=nn.BatchNorm1d(6),
        fc=nn.Linear(6, 2),
    ),
    "gelu head": lambda: Net(
        lambda s, x: s.fc(s.rnn(x)[0][:, -1]),
        rnn=LSTM(3, 6, batch_first=True),
        fc=nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Dropout(0.3), nn.Linear(5, 2)),
    ),
    "elu and softplus": lambda: Net(
        lambda s, x: F.softplus(s.fc(F.elu(s.rnn(x)[0]))),
        rnn=LSTM(3, 6, batch_first=True),
        fc=nn.Linear(6, 2),
    ),
    "residual": lambda: Net(
        lambda s, x: s.fc(x + s.rnn(x)[0]), rnn=LSTM(3, 3, batch_first=True), fc=nn.Linear(3, 2)
    ),
    "learnt start": lambda: Net(
        lambda s, x: s.fc(s.rnn(x, s.start.expand(1, x.size(0), 6).contiguous())[0][:, -1]),
        rnn=GRU(3, 6, batch_first=True),
        start=nn.Parameter(torch.randn(1, 1, 6)),
        fc=nn.Linear(6, 2),
    ),
    "encoder and decoder": lambda: Net(
        encoder_decoder,
        rnn=LSTM(3, 6, batch_first=True),
        decoder=LSTM(3, 6, batch_first=True),
        fc=nn.Linear(6, 2),
    ),
    "rows and steps": lambda: Net(
        rows_and_steps, rnn=GRU(3, 6, batch_first=True), fc=nn.Linear(6, 2)
    ),
}


def check(net, out, tokens=0):
    """Compare ragged rows with torch on each row alone."""
    rng = np.random.default_rng(1)
    shape = (len(LENGTHS), max(LENGTHS))
    x = rng.integers(0, tokens, shape) if tokens else rng.normal(0, 1, (*shape, 3))
    x = x if tokens else x.astype(np.float32)
    model = seqrt.load(out)
    y = model.predict(x, lengths=np.array(LENGTHS, np.int32))
    for row, steps in enumerate(LENGTHS):
        with torch.no_grad():
            truth = net(torch.from_numpy(x[row : row + 1, :steps])).numpy()[0]
        got = y[row, :steps] if model.manifest.head == "sequence" else y[row]
        np.testing.assert_allclose(got.reshape(truth.shape), truth, rtol=1e-5, atol=1e-5)


# Nets in whose graphs torch writes sizes as constants, if it may.
SIZED = ("zeros", "bidirectional", "time major", "learnt start", "rows and steps", "attention")
CASES = [(name, False) for name in NETS] + [(name, True) for name in SIZED]


@pytest.mark.parametrize(("name", "fixed"), CASES)
def test_a_net_computes_what_it_did(name, fixed, path, out):
    net = NETS[name]().eval()
    # With a batch of 4 and 7 steps, which no layer has as its size.
    export_by_torch(net, path, torch.randn(4, 7, 3), fixed=fixed)

    done = import_onnx(path, out)

    assert done.exported.report.ok
    assert list(done.errors) == ([7] if fixed else [1, 2, 3, 5, 9, 33])
    assert max(done.errors.values()) < 1e-6
    check(net, out)


@pytest.mark.parametrize("opset", [9, 11, 12, 14, 18, 20])
def test_old_and_new_operator_sets_are_read(opset, path, out):
    net = NETS["every step"]().eval()
    export_by_torch(net, path, torch.randn(4, 7, 3), opset=opset)

    import_onnx(path, out)

    check(net, out)


def test_ids_come_in_through_an_embedding(path, out):
    net = Net(
        lambda s, x: s.fc(s.rnn(s.table(x))[0][:, -1]),
        table=nn.Embedding(11, 4),
        rnn=LSTM(4, 6, batch_first=True),
        fc=nn.Linear(6, 2),
    ).eval()
    export_by_torch(net, path, torch.randint(0, 11, (4, 7)))

    import_onnx(path, out)

    assert seqrt.load(out).manifest.tokens == 11
    check(net, out, tokens=11)


def test_first_states_become_the_state_of_the_file_and_final_ones_are_dropped(path, out):
    net = Net(
        lambda s, x, h, c: ((r := s.rnn(x, (h, c))), (s.fc(r[0]), r[1][0], r[1][1]))[1],
        rnn=LSTM(3, 6, 2, batch_first=True),
        fc=nn.Linear(6, 2),
    )
    state = torch.zeros(2, 4, 6)
    export_by_torch(net, path, torch.randn(4, 7, 3), state, state, inputs=("h0", "c0"))

    done = import_onnx(path, out)

    assert any("the first states 'h0', 'c0' are zeros" in note for note in done.notes)
    assert any("the final states" in note for note in done.notes)
    model = seqrt.load(out)
    assert [column.name for column in model.manifest.outputs] == ["y0", "y1"]
    x = np.random.default_rng(0).normal(0, 1, (9, 3)).astype(np.float32)
    stream = model.stream()
    steps = np.concatenate([np.atleast_2d(stream.push(row)) for row in x])
    np.testing.assert_allclose(steps, model.predict(x[None])[0], atol=1e-6)


def test_further_outputs_are_named_outputs(path, out):
    net = Net(
        two_heads, rnn=GRU(3, 6, batch_first=True), fc=nn.Linear(6, 2), gate=nn.Linear(6, 1)
    ).eval()
    export_by_torch(net, path, torch.randn(4, 7, 3))

    import_onnx(path, out)

    x = torch.randn(2, 5, 3)
    got = seqrt.load(out).predict(x.numpy())
    with torch.no_grad():
        truth = net(x)
    assert next(iter(got)) == "y"
    for one, wanted in zip(got.values(), truth, strict=True):
        np.testing.assert_allclose(one, wanted.numpy(), atol=1e-5)


def test_the_sizes_that_a_file_fixes_are_said(path, out):
    export_by_torch(NETS["gru"](), path, torch.randn(1, 7, 3), fixed=True)

    done = import_onnx(path, out)

    assert any("batches of 1 alone" in note for note in done.notes)
    assert any("7 steps alone" in note for note in done.notes)


def test_a_file_that_cannot_stream_names_the_node(path, out):
    net = Net(
        lambda s, x: s.fc(s.rnn(s.conv(x.transpose(1, 2)).transpose(1, 2))[0]),
        conv=nn.Conv1d(3, 5, 3, padding=1),
        rnn=GRU(5, 6, batch_first=True),
        fc=nn.Linear(6, 2),
    )
    export_by_torch(net, path, torch.randn(4, 7, 3))

    import_onnx(path, out)

    why = seqrt.load(out).manifest.not_streamable
    assert why == "node '/conv/Conv' (Conv) reads 1 step ahead"
