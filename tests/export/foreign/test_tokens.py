"""Token ids: masks of them, and one-hot vectors, come from tables as embeddings do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from foreign_truth import carried, check_export
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from seqrt.errors import UsageError
from seqrt.export import export

IDS = 7


class Text(nn.Module):
    """An embedding, an LSTM and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(IDS, 5, padding_idx=0)
        self.lstm, self.fc = nn.LSTM(5, 4, batch_first=True), nn.Linear(4, 2)
        self.score = nn.Linear(4, 1)


class MeanOfWords(Text):
    def forward(self, x):
        mask = (x != 0).unsqueeze(-1).to(self.fc.weight.dtype)
        out = self.lstm(self.embed(x))[0]
        return self.fc((out * mask).sum(1) / mask.sum(1).clamp(min=1))


class MaskedAttention(Text):
    def forward(self, x):
        mask, out = x.ne(0), self.lstm(self.embed(x))[0]
        scores = self.score(out).squeeze(-1).masked_fill(mask == 0, -1e9)
        weights = torch.softmax(scores, dim=1).unsqueeze(1)
        return self.fc(torch.bmm(weights, out).squeeze(1))


class MaskedMax(Text):
    def forward(self, x):
        out = self.lstm(self.embed(x))[0]
        return self.fc(out.masked_fill(x.eq(0).unsqueeze(2), -10.0).max(1)[0])


class SeveralMasks(Text):
    def forward(self, x):
        mask = ((x > 0) & (x != 3)) | ~(x < 6)
        return torch.where(mask.unsqueeze(-1), self.fc(self.lstm(self.embed(x))[0]), torch.zeros(1))


class OneHot(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(IDS, 4, batch_first=True), nn.Linear(4, IDS)

    def forward(self, x):
        return self.fc(self.gru(F.one_hot(x.long(), IDS).to(self.fc.weight.dtype))[0])


@pytest.mark.parametrize(
    ("net", "carries"),
    [
        (MeanOfWords(), "h4 c4 sum4 sum1"),
        (MaskedAttention(), ""),
        (MaskedMax(), "h4 c4 max4 steps1"),
        (SeveralMasks(), "h4 c4"),
        (OneHot(), "h4"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_depends_on_each_id_alone_is_looked_up(net, carries, tmp_path):
    manifest = check_export(net, tmp_path)

    assert (manifest.tokens, carried(manifest)) == (IDS, carries)


def test_lengths_that_are_counted_from_ids_are_refused_with_the_way_out(tmp_path):
    class Counted(Text):
        def forward(self, x):
            lengths = (x != 0).sum(1).clamp(min=1)
            packed = pack_padded_sequence(
                self.embed(x), lengths, batch_first=True, enforce_sorted=False
            )
            return self.fc(self.lstm(packed)[1][0][-1])

    with pytest.raises(UsageError, match=r"computed from x\. Take them as an argument .* lengths"):
        export(Counted().eval(), tmp_path / "m.onnx")


def test_too_many_one_hot_classes_are_refused(tmp_path):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(5000, 2, batch_first=True)

        def forward(self, x):
            return self.gru(F.one_hot(x, 5000).float())[0]

    with pytest.raises(UsageError, match=r"one_hot of 5,000 classes.* Use nn\.Embedding"):
        export(Wide().eval(), tmp_path / "m.onnx")
