"""Twenty networks in the style of forum posts and notebooks, written after the exporter was done.

None was changed to fit it: two are refused, and say so.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class StockPrice(nn.Module):
    """A notebook's classic: closing prices, states detached for truncated training."""

    def __init__(self, input_dim=1, hidden_dim=32, num_layers=2, output_dim=1):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_dim, hidden_dim, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_dim).requires_grad_()
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_dim).requires_grad_()
        out, (_hn, _cn) = self.lstm(x, (h0.detach(), c0.detach()))
        return self.fc(out[:, -1, :])


class ReviewSentiment(nn.Module):
    def __init__(self, vocab=30, embed=8, hidden=6):
        super().__init__()
        self.embedding = nn.Embedding(vocab, embed, padding_idx=1)
        self.rnn = nn.LSTM(embed, hidden, num_layers=2, bidirectional=True, dropout=0.5)
        self.fc = nn.Linear(hidden * 2, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, text):
        embedded = self.dropout(self.embedding(text)).permute(1, 0, 2)
        _output, (hidden, _cell) = self.rnn(embedded)
        hidden = self.dropout(torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1))
        return torch.sigmoid(self.fc(hidden.squeeze(0)))


class EntityTagger(nn.Module):
    def __init__(self, vocab=25, tags=5):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab, 10)
        self.lstm = nn.LSTM(10, 7, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(14, tags)

    def forward(self, sentence):
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds)
        tag_space = self.hidden2tag(lstm_out)
        return F.log_softmax(tag_space, dim=2)


class HeartbeatPooled(nn.Module):
    """ECG: convolutions with pooling make fewer steps, which a file cannot have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2)
        )
        self.lstm = nn.LSTM(8, 10, batch_first=True)
        self.fc = nn.Linear(10, 5)

    def forward(self, x):
        x = self.conv(x.permute(0, 2, 1)).permute(0, 2, 1)
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


class SensorAutoencoder(nn.Module):
    """Anomaly detection by reconstruction."""

    def __init__(self, n_features=4, embedding_dim=5):
        super().__init__()
        self.rnn1 = nn.LSTM(n_features, 2 * embedding_dim, batch_first=True)
        self.rnn2 = nn.LSTM(2 * embedding_dim, embedding_dim, batch_first=True)
        self.dec1 = nn.LSTM(embedding_dim, embedding_dim, batch_first=True)
        self.dec2 = nn.LSTM(embedding_dim, 2 * embedding_dim, batch_first=True)
        self.output_layer = nn.Linear(2 * embedding_dim, n_features)

    def forward(self, x):
        seq_len = x.shape[1]
        x, _ = self.rnn1(x)
        _, (hidden_n, _) = self.rnn2(x)
        z = hidden_n[-1].unsqueeze(1).repeat(1, seq_len, 1)
        z, _ = self.dec1(z)
        z, _ = self.dec2(z)
        return self.output_layer(z)


class Seq2SeqForecast(nn.Module):
    """An encoder, and a decoder that reads its own forecast."""

    def __init__(self, features=2, hidden=8, horizon=6):
        super().__init__()
        self.horizon = horizon
        self.encoder = nn.LSTM(features, hidden, batch_first=True)
        self.decoder = nn.LSTM(1, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, src):
        _, (hidden, cell) = self.encoder(src)
        dec_input = src[:, -1, 0].unsqueeze(-1).unsqueeze(-1)
        outputs = []
        for _ in range(self.horizon):
            out, (hidden, cell) = self.decoder(dec_input, (hidden, cell))
            dec_input = self.linear(out)
            outputs.append(dec_input)
        return torch.cat(outputs, dim=1).squeeze(-1)


class RecurrentQNetwork(nn.Module):
    def __init__(self, obs=4, actions=3):
        super().__init__()
        self.fc1 = nn.Linear(obs, 16)
        self.rnn = nn.GRU(16, 16, batch_first=True)
        self.advantage = nn.Linear(16, actions)
        self.value = nn.Linear(16, 1)

    def forward(self, obs, hidden=None):
        x = F.relu(self.fc1(obs))
        x, hidden = self.rnn(x, hidden)
        adv, value = self.advantage(x), self.value(x)
        return value + adv - adv.mean(dim=-1, keepdim=True), hidden


class AttentionClassifier(nn.Module):
    def __init__(self, vocab=20):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 8)
        self.lstm = nn.LSTM(8, 6, bidirectional=True, batch_first=True)
        self.w = nn.Parameter(torch.randn(12))
        self.fc1 = nn.Linear(12, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        H, _ = self.lstm(self.embedding(x))
        M = torch.tanh(H)
        alpha = F.softmax(torch.matmul(M, self.w), dim=1).unsqueeze(-1)
        out = torch.sum(H * alpha, 1)
        return self.fc(self.fc1(F.relu(out)))


class _Block(nn.Module):
    def __init__(self, n_in, n_out, dilation):
        super().__init__()
        self.pad = (3 - 1) * dilation
        weight_norm = nn.utils.parametrizations.weight_norm
        self.conv = weight_norm(nn.Conv1d(n_in, n_out, 3, padding=self.pad, dilation=dilation))
        self.down = nn.Conv1d(n_in, n_out, 1) if n_in != n_out else None

    def forward(self, x):
        out = F.relu(self.conv(x)[:, :, : -self.pad].contiguous())
        return F.relu(out + (x if self.down is None else self.down(x)))


class LoadForecastTcnGru(nn.Module):
    def __init__(self):
        super().__init__()
        self.tcn = nn.Sequential(_Block(3, 6, 1), _Block(6, 6, 2), _Block(6, 6, 4))
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 24))

    def forward(self, x):
        y = self.tcn(x.transpose(1, 2)).transpose(1, 2)
        _, h = self.gru(y)
        return self.head(h.squeeze(0))


class CharacterModel(nn.Module):
    """One-hot characters, as in the course on generating text."""

    def __init__(self, n_chars=12, n_hidden=10):
        super().__init__()
        self.n_chars = n_chars
        self.lstm = nn.LSTM(n_chars, n_hidden, 2, dropout=0.5, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(n_hidden, n_chars)

    def forward(self, x):
        x = F.one_hot(x, num_classes=self.n_chars).to(self.fc.weight.dtype)
        r_output, _hidden = self.lstm(x)
        out = self.dropout(r_output).contiguous().view(-1, r_output.size(-1))
        return self.fc(out).view(x.size(0), -1, self.n_chars)


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 12), nn.Tanh())
        self.lstm = nn.LSTM(12, 12, batch_first=True)
        self.actor = nn.Sequential(nn.Linear(12, 4), nn.Softmax(dim=-1))
        self.critic = nn.Linear(12, 1)

    def forward(self, state):
        out, _ = self.lstm(self.body(state))
        return torch.cat([self.actor(out), self.critic(out)], dim=-1)


class DeepArNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 10, 3, bias=True, batch_first=True, dropout=0.1)
        self.relu = nn.ReLU()
        self.distribution_mu = nn.Linear(30, 1)
        self.distribution_presigma = nn.Linear(30, 1)
        self.distribution_sigma = nn.Softplus()

    def forward(self, x):
        _output, (hidden, _cell) = self.lstm(x)
        hidden_permute = hidden.permute(1, 2, 0).contiguous().view(hidden.shape[1], -1)
        mu = self.distribution_mu(hidden_permute)
        sigma = self.distribution_sigma(self.distribution_presigma(hidden_permute))
        return torch.cat([mu, sigma], dim=1)


class WeatherHorizon(nn.Module):
    """Normalised by the row itself, which is taken back at the end."""

    def __init__(self, features=3, horizon=4):
        super().__init__()
        self.horizon = horizon
        self.gru = nn.GRU(features, 9, batch_first=True)
        self.fc = nn.Linear(9, horizon * features)

    def forward(self, x):
        means = x.mean(1, keepdim=True).detach()
        stdev = torch.sqrt(torch.var(x, dim=1, keepdim=True, unbiased=False) + 1e-5)
        out, _ = self.gru((x - means) / stdev)
        y = self.fc(out[:, -1]).reshape(x.size(0), self.horizon, -1)
        return y * stdev + means


class ActivityRecognition(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1 = nn.LSTM(6, 8, bidirectional=True, batch_first=True)
        self.lstm2 = nn.LSTM(16, 8, bidirectional=True, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.fc = nn.Linear(32, 6)

    def forward(self, x):
        a, _ = self.lstm1(x)
        a = self.norm1(a)
        b, _ = self.lstm2(a)
        b = self.norm2(a + F.dropout(b, 0.3, self.training))
        avg_pool, (max_pool, _) = torch.mean(b, 1), torch.max(b, 1)
        return self.fc(torch.cat((avg_pool, max_pool), 1))


class RemainingLife(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(5, 8), nn.LSTMCell(8, 8)])
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        h = [torch.zeros(x.shape[0], 8, device=x.device) for _ in self.cells]
        c = [torch.zeros(x.shape[0], 8, device=x.device) for _ in self.cells]
        for t in range(x.shape[1]):
            inp = x[:, t, :]
            for i, cell in enumerate(self.cells):
                h[i], c[i] = cell(inp, (h[i], c[i]))
                inp = h[i]
        return F.relu(self.out(inp))


class PackedTopics(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(40, 8, padding_idx=0)
        self.gru = nn.GRU(8, 10, batch_first=True)
        self.fc = nn.Linear(10, 4)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(
            self.emb(x), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        out, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        idx = (lengths - 1).view(-1, 1, 1).expand(-1, 1, out.size(2))
        return self.fc(out.gather(1, idx.to(out.device)).squeeze(1))


class IntentAndSlots(nn.Module):
    """A joint model: a label for each word, and one for the sentence, without padding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.slots, self.intent = nn.Linear(12, 5), nn.Linear(12, 3)

    def forward(self, tokens):
        mask = (tokens != 0).unsqueeze(-1)
        out, _ = self.lstm(self.embed(tokens))
        total = out.masked_fill(~mask, 0.0).sum(dim=1)
        pooled = total / mask.sum(dim=1).clamp(min=1)
        return self.slots(out), self.intent(pooled)


class SpeechEmotion(nn.Module):
    """A convolutional front over the features of each frame, a GRU, attentive statistics."""

    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv1d(7, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ELU(), nn.Dropout(0.2)
        )
        self.gru = nn.GRU(8, 6, batch_first=True, bidirectional=True)
        self.att = nn.Sequential(nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 1, bias=False))
        self.fc = nn.Linear(36, 4)

    def forward(self, x):
        h = self.front(x.transpose(1, 2)).transpose(1, 2)
        h, _ = self.gru(h)
        w = torch.softmax(self.att(h), dim=1)
        context = torch.einsum("btk,bth->bkh", w, h).squeeze(1)
        return self.fc(torch.cat([context, h.mean(1), h.std(1, unbiased=False)], dim=-1))


class SoundEventCrnn(nn.Module):
    """Spectrograms as pictures: Conv2d, which a file cannot have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.gru = nn.GRU(4 * 8, 6, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        x = F.relu(self.conv(x.unsqueeze(1)))
        x = x.permute(0, 2, 1, 3).flatten(2)
        return torch.sigmoid(self.fc(self.gru(x)[0]))


class Trajectory(nn.Module):
    """Positions predicted as sums of displacements, each of which is read again."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(2, 8)
        self.encoder = nn.LSTM(8, 10, batch_first=True)
        self.cell = nn.LSTMCell(8, 10)
        self.out = nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, c) = self.encoder(F.relu(self.embed(x)))
        h, c, last = h[0], c[0], x[:, -1]
        path = []
        for _ in range(5):
            h, c = self.cell(F.relu(self.embed(last)), (h, c))
            last = last + self.out(h)
            path.append(last)
        return torch.stack(path, dim=1)


RIGHT: tuple[type[nn.Module], ...] = (
    StockPrice,
    ReviewSentiment,
    EntityTagger,
    SensorAutoencoder,
    Seq2SeqForecast,
    RecurrentQNetwork,
    AttentionClassifier,
    LoadForecastTcnGru,
    CharacterModel,
    ActorCritic,
    DeepArNetwork,
    WeatherHorizon,
    ActivityRecognition,
    RemainingLife,
    PackedTopics,
    IntentAndSlots,
    SpeechEmotion,
    Trajectory,
)
