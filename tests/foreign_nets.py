"""Networks as people write them; each row says what becomes of it.

`carries` is what its stream carries ("" if it cannot stream), `exact` whether a sequence cut
anywhere gives the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Zeros(nn.Module):
    """The tutorial: a first state of zeros made in forward, the last step, a dense layer."""

    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.rnn, self.fc = kind(3, 8, 2, batch_first=True, dropout=0.2), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h0 = torch.zeros(2, x.size(0), 8).to(x.device)
        lstm = isinstance(self.rnn, nn.LSTM)
        out, _ = self.rnn(x, (h0, torch.zeros_like(h0)) if lstm else h0)
        return self.fc(out[:, -1, :])


class Head(nn.Module):
    """A GRU, and a head of any layers on its last step or on all of them."""

    def __init__(self, *layers: nn.Module, every: bool = False) -> None:
        super().__init__()
        self.gru, self.every = nn.GRU(3, 8, batch_first=True), every
        self.head = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(x)
        return self.head(out if self.every else out[:, -1])


class Learnt(nn.Module):
    """A first state that was learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.h0, self.c0 = nn.Parameter(torch.randn(1, 1, 6)), nn.Parameter(torch.randn(1, 1, 6))
        self.lstm, self.fc = nn.LSTM(3, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.size(0)
        start = self.h0.expand(-1, rows, -1).contiguous(), self.c0.repeat(1, rows, 1)
        return self.fc(self.lstm(x, start)[0])


class Tokens(nn.Module):
    """A tagger of token ids, as (batch * time, ...) inside."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(20, 5, padding_idx=0), nn.LSTM(5, 8, batch_first=True)
        self.fc = nn.Linear(8, 20)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor] | None = None) -> object:
        out, hidden = self.lstm(self.embed(x), hidden)
        return self.fc(out.contiguous().view(-1, 8)), hidden


class Packed(nn.Module):
    """Lengths, packing, and both last states side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 6, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, (h, _) = self.lstm(packed)
        pad_packed_sequence(out, batch_first=True)
        return self.fc(torch.cat([h[-2], h[-1]], 1))


class MaskedMean(nn.Module):
    """The mean of the steps inside a mask made of the lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(3, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.gru(x)
        mask = torch.arange(x.size(1))[None, :] < lengths[:, None]
        out = out.masked_fill(~mask.unsqueeze(-1), 0.0)
        total = (out * mask.float().unsqueeze(-1)).sum(1)
        return self.fc(total / lengths.unsqueeze(1).float())


class Gathered(nn.Module):
    """The last step of each row, picked by lengths - 1 in the two usual ways."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 6, batch_first=True), nn.Linear(12, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        places = (lengths - 1).view(-1, 1, 1).expand(-1, 1, out.size(2))
        one = out.gather(1, places).squeeze(1)
        other = torch.tanh(out)[torch.arange(x.shape[0]), lengths - 1]
        return self.fc(torch.cat([one, other], dim=-1))


class Pools(nn.Module):
    """Mean, maximum, minimum and last step after a causal convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 5, 3, dilation=2)
        self.gru, self.fc = nn.GRU(5, 6, batch_first=True), nn.Linear(24, 2)

    def forward(self, x: Tensor) -> Tensor:
        front = F.leaky_relu(self.conv(F.pad(x.permute(0, 2, 1), (4, 0))))
        out, _ = self.gru(front.permute(0, 2, 1))
        pooled = [out.mean(1), torch.max(out, dim=1)[0], out.amin(1), out[:, -1]]
        return self.fc(torch.cat(pooled, 1))


class Chomped(nn.Module):
    """A residual block of a temporal convolution, padded on both sides and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 3, 3, padding=2))
        self.gru, self.fc = nn.GRU(3, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        y = F.relu(F.relu(self.conv(x)[:, :, :-2].contiguous()) + x)
        return self.fc(self.gru(y.transpose(1, 2))[0])


class Same(nn.Module):
    """A convolution that looks ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 5, 3, padding="same")
        self.gru, self.fc = nn.GRU(5, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.gru(self.conv(x.transpose(1, 2)).transpose(1, 2))[0][:, -1])


class Additive(nn.Module):
    """Attention by a dense layer and a softmax over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True, bidirectional=True)
        self.w, self.v, self.fc = nn.Linear(12, 5), nn.Linear(5, 1), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(x)
        weights = torch.softmax(self.v(torch.tanh(self.w(out))), dim=1)
        return self.fc((weights * out).sum(dim=1))


class Dot(nn.Module):
    """Attention by products with the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 6, batch_first=True), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, (h, _) = self.lstm(x)
        weights = F.softmax(torch.bmm(out, h[-1].unsqueeze(2)).squeeze(2), 1)
        context = torch.bmm(weights.unsqueeze(1), out).squeeze(1)
        return self.fc(torch.cat([context, h[-1]], 1))


class Cells(nn.Module):
    """Two cells in a loop over the steps, an answer at each."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.LSTMCell(3, 6), nn.GRUCell(6, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        h, c = torch.zeros(x.size(0), 6), torch.zeros(x.size(0), 6)
        g, answers = torch.zeros(x.size(0), 5), []
        for t in range(x.size(1)):
            h, c = self.a(torch.relu(x[:, t]), (h, c))
            g = self.b(h, g)
            answers.append(self.fc(g))
        return torch.stack(answers, dim=1)


class Split(nn.Module):
    """A cell in a loop over x.split, its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = nn.RNNCell(3, 6, nonlinearity="relu"), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 6)
        for step in x.split(1, dim=1):
            h = self.cell(step.squeeze(1), h)
        return self.fc(h)


class EncoderDecoder(nn.Module):
    """The last state repeated for four steps, read by a second layer that starts from it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(3, 6, 2, batch_first=True)
        self.decoder, self.fc = nn.GRU(6, 6, 2, batch_first=True), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.encoder(x)
        out, _ = self.decoder(h[-1].unsqueeze(1).repeat(1, 4, 1), h)
        return self.fc(out).squeeze(-1)


class FeedsItself(nn.Module):
    """A forecast of three steps, each from the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, state = self.lstm(x)
        y = self.fc(out[:, -1:])
        answers = [y]
        for _ in range(2):
            out, state = self.lstm(y, state)
            y = self.fc(out)
            answers.append(y)
        return torch.cat(answers, 1)


class Autoencoder(nn.Module):
    """What the row ended with, read again at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 4, batch_first=True)
        self.decoder, self.fc = nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.encoder(x)[1][0]
        return self.fc(self.decoder(h[-1].unsqueeze(1).repeat(1, x.size(1), 1))[0])


class Projected(nn.Module):
    """proj_size, in two layers."""

    def __init__(self, *, both: bool = False) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 8, 2, batch_first=True, proj_size=3, bidirectional=both)
        self.fc = nn.Linear(6 if both else 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x)[0])


class TwoHeads(nn.Module):
    """An output for each step and one for the row, under names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.a, self.b = nn.GRU(3, 6, batch_first=True), nn.Linear(6, 2), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out, h = self.gru(x)
        return {"tags": self.a(out), "score": torch.sigmoid(self.b(h[-1]))}


class TimeMajor(nn.Module):
    """batch_first=False: time comes first in x and in the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 6, bidirectional=True), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        steps, rows, width = out.shape
        return self.fc(out.view(steps * rows, width)).view(steps, rows, -1)


class Residual(nn.Module):
    """Layer norms and ways around two layers, all states side by side at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(3, 6)
        self.rnns = nn.ModuleList(nn.GRU(6, 6, batch_first=True) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(6) for _ in range(2))
        self.fc = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        h, ends = self.enter(x), []
        for rnn, norm in zip(self.rnns, self.norms, strict=True):
            out, end = rnn(norm(h))
            h = h + out
            ends.append(end)
        return self.fc(torch.cat(ends).permute(1, 0, 2).flatten(1))


class Flat(nn.Module):
    """x (batch, time), without features."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(1, 6, batch_first=True), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x.unsqueeze(-1))[0][:, -1]).squeeze()


class StateArgument(nn.Module):
    """The state goes in and comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 6, 2, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> object:
        out, state = self.lstm(x, state)
        return F.log_softmax(self.fc(out), dim=-1), state


class LastThree(nn.Module):
    """The last three steps side by side: shorter rows have no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(3, 4, batch_first=True), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.gru(x)[0][:, -3:].flatten(1))


class Case(NamedTuple):
    """A network, and what is expected of its file."""

    net: nn.Module
    carries: str
    format: int = 2
    exact: bool = True


def nets() -> dict[str, Case]:
    """Return the networks by name, with random weights."""
    norm = nn.BatchNorm1d(8)
    for name, values in (("running_mean", torch.randn(8)), ("running_var", torch.rand(8) + 0.5)):
        norm.get_buffer(name).copy_(values)
    dense = [nn.Linear(8, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 2)]
    return {
        "zeros": Case(Zeros(), "h8 c8 h8 c8", 1),
        "zeros of an RNN": Case(Zeros(nn.RNN), "h8 h8", 1),
        "zeros of a GRU": Case(Zeros(nn.GRU), "h8 h8", 1),
        "a dense head": Case(Head(*dense), "h8"),
        "sigmoid at the end": Case(Head(nn.Linear(8, 1), nn.Sigmoid()), "h8", 1),
        "softmax at every step": Case(Head(nn.Linear(8, 3), nn.Softmax(-1), every=True), "h8", 1),
        "batch norm": Case(Head(norm, nn.Linear(8, 2)), "h8", 1),
        "learnt": Case(Learnt(), "h6 c6 steps1"),
        "tokens": Case(Tokens(), "h8 c8"),
        "packed": Case(Packed(), "", 1),
        "masked mean": Case(MaskedMean(), "h6 sum6 steps1"),
        "gathered": Case(Gathered(), "h6 c6"),
        "pools": Case(Pools(), "h6 taps12 sum6 steps1 max6 min6"),
        "chomped": Case(Chomped(), "h6 taps6"),
        "same": Case(Same(), ""),
        "additive": Case(Additive(), ""),
        "dot": Case(Dot(), ""),
        "cells": Case(Cells(), "h6 c6 h5"),
        "split": Case(Split(), "h6", 1),
        "encoder-decoder": Case(EncoderDecoder(), "h6 h6"),
        "feeds itself": Case(FeedsItself(), "h6 c6"),
        "autoencoder": Case(Autoencoder(), ""),
        "projected": Case(Projected(), "h8 c8 h8 c8", 1),
        "projected both ways": Case(Projected(both=True), "", 1),
        "two heads": Case(TwoHeads(), "h6"),
        "time-major": Case(TimeMajor(), "", 1),
        "residual": Case(Residual(), "h6 h6", 1),
        "flat": Case(Flat(), "h6 c6", 1),
        "state argument": Case(StateArgument(), "h6 c6 h6 c6"),
        "last three": Case(LastThree(), ""),
    }
