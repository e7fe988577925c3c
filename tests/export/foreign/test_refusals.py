"""What cannot become a file is refused in one line: the user's own line, why, a way out."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seqrt.errors import SeqrtError, UsageError
from seqrt.export import export

_Forward = Callable[..., object]


class Trap(nn.Module):
    """A GRU and more, with a forward from the table below."""

    def __init__(self, forward: _Forward, **options: bool) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(3, 8, **{"batch_first": True, **options}), nn.Linear(8, 2)
        self.cell, self.wide = nn.LSTMCell(3, 8), nn.Linear(56, 2)
        self.both = nn.Linear(16, 2)
        self.embed, self.conv = nn.Embedding(9, 8), nn.Conv1d(3, 3, 3)
        self.free = nn.BatchNorm1d(8, track_running_stats=False)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.register_buffer("start", torch.zeros(1, 32, 8))
        self.register_buffer("places", torch.zeros(1, 500, 3))
        self._forward = forward

    def forward(self, x):
        return self._forward(self, x)


def branch_on_steps(s, x):
    if x.size(1) > 5:
        return s.fc(s.gru(x)[0][:, -1])
    return s.fc(s.gru(x)[0].mean(1))


def branch_on_values(s, x):
    return s.fc(s.gru(x)[0][:, -1]) if x.mean() > 0 else s.fc(s.gru(-x)[0][:, -1])


def an_item(s, x):
    return s.fc(s.gru(x)[0][:, -1]) * x.max().item()


def random_start(s, x):
    return s.fc(s.gru(x, torch.randn(1, x.size(0), 8))[0][:, -1])


def teacher_forcing(s, x):
    out = s.gru(x)[0]
    return s.fc(out[:, -1] if random.random() < 0.5 else out.mean(1))


def dropout_left_on(s, x):
    return s.fc(F.dropout(s.gru(x)[0][:, -1], 0.5))


def a_start_for_32_rows(s, x):
    return s.fc(s.gru(x, torch.zeros(1, 32, 8))[0][:, -1])


def rows_counted_by_len(s, x):
    h = c = torch.zeros(len(x), 8)
    for t in range(x.size(1)):
        h, c = s.cell(x[:, t], (h, c))
    return s.fc(h)


def a_kept_state(s, x):
    return s.fc(s.gru(x, s.start[:, : x.size(0)])[0][:, -1])


def a_view_that_mixes_rows(s, x):
    h = s.gru(x)[1]
    return s.both(torch.cat([h, h]).view(x.size(0), -1))


def all_steps_into_a_dense_layer(s, x):
    return s.wide(s.gru(x)[0].reshape(x.size(0), -1))


def an_assert_on_steps(s, x):
    assert x.size(1) == 7
    return s.fc(s.gru(x)[0][:, -1])


def norm_of_the_batch(s, x):
    return s.fc(s.free(s.gru(x)[0][:, -1]))


def mean_of_everything(s, x):
    return s.fc(s.gru(x - x.mean())[0][:, -1])


def mean_over_rows(s, x):
    return s.fc(s.gru(x - x.mean(0))[0][:, -1])


def std_of_everything(s, x):
    return s.fc(s.gru(x / x.std())[0][:, -1])


def std_over_steps_and_features(s, x):
    return s.fc(s.gru(x / x.std((1, 2), keepdim=True))[0][:, -1])


def the_largest_steps(s, x):
    return s.fc(s.gru(x)[0].topk(1, dim=1)[0][:, 0])


def sorted_steps(s, x):
    return s.fc(s.gru(x.sort(1)[0])[0][:, -1])


def differences(s, x):
    return s.fc(s.gru(x[:, 1:] - x[:, :-1])[0][:, -1])


def every_other_step(s, x):
    return s.fc(s.gru(x[:, ::2])[0][:, -1])


def a_narrow_convolution(s, x):
    return s.fc(s.gru(s.conv(x.transpose(1, 2)).transpose(1, 2))[0][:, -1])


def pooled_steps(s, x):
    return s.fc(s.gru(F.max_pool1d(x.transpose(1, 2), 2).transpose(1, 2))[0][:, -1])


def self_attention(s, x):
    out = s.gru(x)[0]
    return s.fc(s.attend(out, out, out)[0][:, -1])


def scores_of_all_pairs(s, x):
    out = s.gru(x)[0]
    return s.fc(torch.bmm(torch.softmax(torch.bmm(out, out.transpose(1, 2)), -1), out)[:, -1])


def a_mask_by_values(s, x):
    return s.fc(s.gru(x)[0].masked_fill(x[..., :1] == 0, 0.0)[:, -1])


def chosen_by_values(s, x):
    return s.fc(s.gru(torch.where(x > 0, x, -x))[0][:, -1])


def positions(s, x):
    return s.fc((s.gru(x)[0] + s.embed(torch.arange(x.size(1))))[:, -1])


def a_table_of_positions(s, x):
    return s.fc(s.gru(x + s.places[:, : x.size(1)])[0][:, -1])


def an_unknown_operator(s, x):
    return s.fc(torch.special.bessel_j0(s.gru(x)[0])[:, -1])


def a_fourier_transform(s, x):
    return s.fc(s.gru(torch.fft.rfft(x, dim=1).real)[0][:, -1])


def through_numpy(s, x):
    return s.fc(s.gru(torch.from_numpy(x.numpy() * 2))[0][:, -1])


def on_a_device_by_name(s, x):
    return s.fc(s.gru(x, torch.zeros(1, x.size(0), 8, device="cuda"))[0][:, -1])


def the_tuple_of_a_layer(s, x):
    return s.fc(s.gru(x))


def rows_turned_round(s, x):
    return s.fc(s.gru(x.flip(0))[0][:, -1])


def one_row(s, x):
    return s.fc(s.gru(x)[0][0])


def steps_joined(s, x):
    out = s.gru(x)[0]
    return s.fc(torch.cat([out, out], 1))


def a_loop_in_another_order(s, x):
    h = c = torch.zeros(x.size(0), 8)
    for t in (*range(0, x.size(1), 2), *range(1, x.size(1), 2)):
        h, c = s.cell(x[:, t], (h, c))
    return s.fc(h)


def a_loop_that_feeds_itself(s, x):
    h = c = y = torch.zeros(x.size(0), 8)
    for t in range(x.size(1)):
        h, c = s.cell(x[:, t] + y[:, :3], (h, c))
        y = torch.tanh(h)
    return s.fc(h)


def a_loop_without_the_last_step(s, x):
    h = c = torch.zeros(x.size(0), 8)
    for t in range(x.size(1) - 1):
        h, c = s.cell(x[:, t], (h, c))
    return s.fc(h)


def a_loop_that_forgets(s, x):
    h = c = torch.zeros(x.size(0), 8)
    for t in range(x.size(1)):
        h, c = s.cell(x[:, t], (h * 0.5, c))
    return s.fc(h)


def only_the_state(s, x):
    return s.gru(x)[1]


def nothing_of_x(s, x):
    s.gru(x)
    return torch.ones(x.size(0), 2)


def a_packed_sequence_taken_apart(s, x):
    lengths = torch.full((x.size(0),), x.size(1))
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    return s.fc(s.gru(packed)[0].data)


def not_a_number(s, x):
    return s.fc(s.gru(x)[0][:, -1]) / 0.0


TRAPS: list[tuple[_Forward, str]] = [
    (branch_on_steps, r"rows of \d+ steps"),
    (branch_on_values, "decides by values"),
    (an_item, "max over everything"),
    (random_start, "depend on chance"),
    (teacher_forcing, "depends on chance|E_PARITY|rows of"),
    (dropout_left_on, r"training=self\.training"),
    (a_start_for_32_rows, r"x\.size\(0\)|forward raised"),
    (rows_counted_by_len, r"x\.size\(0\), not len\(x\)"),
    (a_kept_state, "fixes the number of rows|E_PARITY|must match|forward raised|state"),
    (a_view_that_mixes_rows, r"permute\(1, 0, 2\)"),
    (all_steps_into_a_dense_layer, "fixed number of steps|fixes the number"),
    (an_assert_on_steps, "number of steps|specialized"),
    (norm_of_the_batch, "track_running_stats=True"),
    (mean_of_everything, r"mean\(dim=1\)"),
    (mean_over_rows, "mixes rows"),
    (std_of_everything, "a deviation without its axis"),
    (std_over_steps_and_features, "deviation or variance over steps"),
    (the_largest_steps, "topk"),
    (sorted_steps, "sort"),
    (differences, "a part of the steps"),
    (every_other_step, "a part of the steps"),
    (a_narrow_convolution, r"conv \(nn\.Conv1d\) makes another number of steps"),
    (pooled_steps, "max_pool1d makes fewer steps"),
    (self_attention, r"attend \(nn\.MultiheadAttention\) compares every step with every other"),
    (scores_of_all_pairs, "self-attention"),
    (a_mask_by_values, "decides by the values of x"),
    (chosen_by_values, "decides by the values of x"),
    (positions, "position"),
    (a_table_of_positions, "at most 500 steps, as a table of positions"),
    (an_unknown_operator, "bessel_j0"),
    (a_fourier_transform, "fft|number of steps"),
    (through_numpy, "numpy"),
    (on_a_device_by_name, "cuda|CUDA"),
    (the_tuple_of_a_layer, "tuple"),
    (rows_turned_round, "rows of the batch"),
    (one_row, "one|rows"),
    (steps_joined, "joined along time"),
    (a_loop_in_another_order, "another order than from one end"),
    (a_loop_that_feeds_itself, "computed in the step before"),
    (a_loop_without_the_last_step, "fixes the number of steps"),
    (a_loop_that_forgets, "starts a step from something else"),
    (only_the_state, "no output but the states"),
    (nothing_of_x, "constant"),
    (a_packed_sequence_taken_apart, r"\.data of a packed sequence|forward raised"),
    (not_a_number, "NaN or Inf"),
]


@pytest.mark.parametrize(("forward", "words"), TRAPS, ids=[f.__name__ for f, _ in TRAPS])
def test_a_trap_is_refused_in_one_line(tmp_path, forward, words):
    random.seed(0)

    with pytest.raises(SeqrtError, match=words) as raised:
        export(Trap(forward), tmp_path / "m.onnx")

    assert type(raised.value).__name__ in ("UsageError", "ParityError")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_the_line_of_the_user_is_named(tmp_path):
    class Own(Trap):
        def forward(self, x):
            out, _ = self.gru(x)
            best, _ = out.topk(1, dim=1)
            return self.fc(best[:, 0])

    with pytest.raises(UsageError) as raised:
        export(Own(Trap.forward), tmp_path / "m.onnx")

    assert re.match(
        rf"net cannot be exported: {re.escape(__file__)}:\d+ \(best, _ = out\.topk\(1, dim=1\)\):"
        r" torch\.topk has no counterpart in the file\. ",
        str(raised.value),
    )


def test_the_line_that_fails_while_it_is_traced_is_named(tmp_path):
    class Own(Trap):
        def forward(self, x):
            if x.mean() > 0:
                return self.gru(x)[0]
            return self.gru(-x)[0]

    with pytest.raises(UsageError, match=r"test_refusals\.py:\d+ \(if x\.mean\(\) > 0:\)"):
        export(Own(Trap.forward), tmp_path / "m.onnx")


def test_a_batch_read_as_time_is_refused_with_the_option(tmp_path):
    class Forgotten(Trap):
        def forward(self, x):
            return self.fc(self.gru(x)[0][:, -1])

    with pytest.raises(UsageError, match=r"gru \(nn\.GRU\) has batch_first=False.*Set batch_first"):
        export(Forgotten(Trap.forward, batch_first=False), tmp_path / "m.onnx")


def test_a_net_without_a_recurrent_layer_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"must contain nn\.RNN, nn\.LSTM or nn\.GRU"):
        export(nn.Linear(3, 2), tmp_path / "m.onnx")


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_module_is_refused(tmp_path):
    scripted = torch.jit.trace(nn.GRU(3, 4, batch_first=True), torch.zeros(1, 5, 3))

    with pytest.raises(UsageError, match=r"Give the nn\.Module that it was made from"):
        export(scripted, tmp_path / "m.onnx")


def test_an_unknown_argument_is_named(tmp_path):
    class TwoInputs(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, x, static):
            return self.gru(x)[0]

    with pytest.raises(UsageError, match=r"takes 'static'\. Give it a default"):
        export(TwoInputs(), tmp_path / "m.onnx")


def test_an_input_that_cannot_be_told_is_asked_for(tmp_path):
    class Any(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(1, 4, batch_first=True)

        def forward(self, x):
            return self.gru(x[:, :, 2:3])[0]

    with pytest.raises(UsageError, match="pass example=x"):
        export(Any(), tmp_path / "m.onnx")

    assert export(Any(), tmp_path / "m.onnx", example=np.zeros((1, 4, 5))).manifest.features[4]


def test_a_state_that_is_kept_between_calls_is_refused(tmp_path):
    class Stateful(Trap):
        kept = None

        def forward(self, x):
            out, h = self.gru(x, self.kept)
            self.kept = h
            return self.fc(out[:, -1])

    with pytest.raises(UsageError, match=r"depends on chance or on earlier calls|forward raised"):
        export(Stateful(Trap.forward), tmp_path / "m.onnx")


def test_what_a_forward_prints_is_not_shown(tmp_path, capsys):
    class Prints(Trap):
        def forward(self, x):
            sys.stdout.write(f"shape {x.shape}")
            return self.fc(self.gru(x)[0][:, -1])

    export(Prints(Trap.forward), tmp_path / "m.onnx")

    assert capsys.readouterr().out == ""
