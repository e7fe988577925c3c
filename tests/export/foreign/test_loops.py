"""Loops over time become layers: cells or layers read step by step, forwards or backwards."""

from __future__ import annotations

import pytest
import torch
from foreign_truth import carried, check_export
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.export import export


class Cell(nn.Module):
    """An LSTM cell and a dense layer; the loop is that of each subclass."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = nn.LSTMCell(3, 4), nn.Linear(4, 2)

    def start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.new_zeros(x.size(0), 4), x.new_zeros(x.size(0), 4)


class WrittenBySelect(Cell):
    def forward(self, x):
        h, c = self.start(x)
        out = torch.zeros(x.size(0), x.size(1), 4)
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            out[:, t, :] = h
        return self.fc(out)


class WrittenTimeMajor(Cell):
    def forward(self, x):
        h, c = self.start(x)
        out = torch.empty(x.size(1), x.size(0), 2)
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            out[t] = self.fc(h)
        return out.transpose(0, 1)


class JoinedTimeMajor(Cell):
    def forward(self, x):
        (h, c), outs = self.start(x), []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            outs.append(h.unsqueeze(0))
        return self.fc(torch.cat(outs, 0)).permute(1, 0, 2)


class BackwardsWritten(Cell):
    def forward(self, x):
        h, c = self.start(x)
        out = torch.empty(x.size(0), x.size(1), 4)
        for t in range(x.size(1) - 1, -1, -1):
            h, c = self.cell(x[:, t], (h, c))
            out[:, t : t + 1] = h.unsqueeze(1)
        return self.fc(out)


class BackwardsInserted(Cell):
    def forward(self, x):
        (h, c), outs = self.start(x), []
        for t in reversed(range(x.size(1))):
            h, c = self.cell(x[:, t], (h, c))
            outs.insert(0, h)
        return self.fc(torch.stack(outs, 1))


class BackwardsAppended(Cell):
    """The output has the last step first."""

    def forward(self, x):
        (h, c), outs = self.start(x), []
        for t in reversed(range(x.size(1))):
            h, c = self.cell(x[:, t], (h, c))
            outs.append(self.fc(h))
        return torch.stack(outs, 1)


class BackwardsEnd(Cell):
    def forward(self, x):
        h, c = self.start(x)
        for t in reversed(range(x.size(1))):
            h, c = self.cell(x[:, t], (h, c))
        return self.fc(h)


class BothWays(nn.Module):
    """Two cells in one loop, of which one reads from the end."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.b, self.fc = nn.GRUCell(3, 4), nn.GRUCell(3, 5), nn.Linear(9, 2)

    def forward(self, x):
        rows, steps = x.shape[:2]
        f, b = x.new_zeros(rows, 4), x.new_zeros(rows, 5)
        fs, bs = [], []
        for t in range(steps):
            f, b = self.f(x[:, t], f), self.b(x[:, steps - 1 - t], b)
            fs.append(f)
            bs.append(b)
        bs.reverse()
        return self.fc(torch.cat([torch.stack(fs, 1), torch.stack(bs, 1)], -1))


class Layer(nn.Module):
    """A recurrent layer that the forward of each subclass calls step by step."""

    def __init__(self, kind: type[nn.RNNBase], depth: int = 1, batch_first: bool = True) -> None:
        super().__init__()
        self.rnn, self.fc = kind(3, 4, depth, batch_first=batch_first), nn.Linear(4, 2)


class LayerStepByStep(Layer):
    def forward(self, x):
        state, outs = None, []
        for t in range(x.size(1)):
            out, state = self.rnn(x[:, t : t + 1], state)
            outs.append(out)
        return self.fc(torch.cat(outs, 1))


class DetachedStates(Layer):
    def forward(self, x):
        h, outs = torch.zeros(2, x.size(0), 4), []
        for t in range(x.size(1)):
            out, h = self.rnn(x[:, t].unsqueeze(1), h.detach())
            outs.append(self.fc(out.squeeze(1)))
        return torch.stack(outs, 1)


class TimeMajorLayer(Layer):
    def forward(self, x):
        state = (torch.zeros(2, x.size(0), 4), torch.zeros(2, x.size(0), 4))
        for x_t in x.split(1, dim=1):
            out, state = self.rnn(x_t.transpose(0, 1), state)
        return self.fc(out[-1])


class LayerBackwards(Layer):
    def forward(self, x):
        state = None
        for t in reversed(range(x.size(1))):
            _, state = self.rnn(x[:, t : t + 1], state)
        return self.fc(state[-1])


class LayerThatGoesOn(Layer):
    """After the row it reads its own output for three steps more."""

    def forward(self, x):
        state, outs = None, []
        for t in range(x.size(1)):
            out, state = self.rnn(x[:, t : t + 1], state)
        for _ in range(3):
            out, state = self.rnn(out[..., :3], state)
            outs.append(self.fc(out))
        return torch.cat(outs, 1)


torch.manual_seed(0)
LOOPS: list[tuple[nn.Module, bool]] = [
    (WrittenBySelect(), True),
    (WrittenTimeMajor(), True),
    (JoinedTimeMajor(), True),
    (BackwardsWritten(), False),
    (BackwardsInserted(), False),
    (BackwardsAppended(), False),
    (BackwardsEnd(), False),
    (BothWays(), False),
    (LayerStepByStep(nn.LSTM), True),
    (DetachedStates(nn.GRU, 2), True),
    (TimeMajorLayer(nn.LSTM, 2, False), True),
    (LayerBackwards(nn.RNN), False),
    (LayerThatGoesOn(nn.GRU), True),
]


@pytest.mark.parametrize(
    ("net", "streams"), LOOPS, ids=[type(net).__name__ for net, _ in LOOPS], scope="module"
)
def test_a_loop_over_time_becomes_layers(net, streams, tmp_path):
    manifest = check_export(net, tmp_path)

    assert manifest.streamable == streams
    assert all(layer.cell in ("rnn", "gru", "lstm") for layer in manifest.layers)


def test_the_reason_why_a_loop_from_the_end_cannot_stream_is_named(tmp_path):
    manifest = export(BackwardsEnd().eval(), tmp_path / "m.onnx").manifest

    assert (manifest.not_streamable, carried(manifest)) == ("the steps are reversed", "")


def test_a_tensor_that_is_written_to_in_part_is_refused(tmp_path):
    class Half(Cell):
        def forward(self, x):
            h, c = self.start(x)
            out = torch.zeros(x.size(0), x.size(1), 4)
            for t in range(x.size(1)):
                h, c = self.cell(x[:, t], (h, c))
                if t % 2 == 0:
                    out[:, t] = h
            return self.fc(out)

    with pytest.raises(UsageError, match="after step 1 of the loop is read after the loop"):
        export(Half().eval(), tmp_path / "m.onnx")
