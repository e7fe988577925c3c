"""Networks as people write them become files that compute the same for each row alone."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from foreign_truth import NAMES, case_of, expected

import seqrt
from seqrt.export import export
from seqrt.export.foreign import read_module

ROWS, STEPS = 4, 9


def inputs(model, rng, rows=ROWS, steps=STEPS):
    m = model.manifest
    if m.tokens:
        return rng.integers(0, m.tokens, (rows, steps))
    return rng.standard_normal((rows, steps, len(m.features))).astype(np.float32)


@pytest.fixture(scope="module")
def exported(request, tmp_path_factory):
    case = case_of(request.param)
    result = export(case.net, tmp_path_factory.mktemp("nets") / "m.onnx")
    return case, result, seqrt.load(result.path, threads=1)


each_net = pytest.mark.parametrize("exported", NAMES, indirect=True, scope="module")


@each_net
def test_a_file_answers_as_the_forward_of_its_own_does(exported, rng):
    case, result, model = exported
    m = result.manifest
    x = inputs(model, rng)
    lengths = np.array([STEPS, STEPS - 2, max(m.least, 2), m.least])
    for row, steps in enumerate(lengths):
        x[row, steps:] = -9 if m.tokens else 1e6

    y = model.joined.predict(x, lengths)

    for row, steps in enumerate(lengths):
        want = expected(case.net, x[row, :steps], m)
        got = y[row, :steps] if m.head == "sequence" else y[row]
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


@each_net
def test_a_stream_carries_what_the_operators_need(exported, rng):
    case, result, model = exported
    m = result.manifest
    if m.format == 2:
        assert " ".join(f"{piece.what}{piece.size}" for piece in m.carries) == case.carries
    assert m.format == case.format
    assert m.streamable == bool(case.carries)
    if not m.streamable:
        return
    x = inputs(model, rng)[:1]
    stream = model.joined.stream()
    for step in range(STEPS):
        last = stream.push(x[0, step])

    whole = model.joined.run(x)[0][0]

    np.testing.assert_array_equal(last, whole[-1] if m.head == "sequence" else whole)


def test_rows_too_short_for_a_slice_from_the_end_are_refused_by_name(tmp_path):
    result = export(case_of("last three").net, tmp_path / "m.onnx")

    assert result.manifest.least == 3
    with pytest.raises(seqrt.InputError, match=r"E_INPUT_LENGTHS.*at least 3 steps"):
        seqrt.load(result.path).predict(np.zeros((1, 2, 3), np.float32))


def test_the_file_says_which_layer_cannot_stream(tmp_path):
    manifest = read_module(case_of("additive").net).manifest()

    assert manifest.not_streamable == "gru (nn.GRU) is bidirectional"
    assert read_module(case_of("same").net).manifest().not_streamable == (
        "conv (nn.Conv1d) reads 1 step ahead"
    )


def test_outputs_keep_the_names_of_a_dict(tmp_path):
    manifest = read_module(case_of("two heads").net).manifest()

    assert [(h.name, h.outputs, h.head, h.activation) for h in manifest.heads] == [
        ("y", 2, "sequence", "none"),
        ("score", 1, "last", "sigmoid"),
    ]


def test_the_activation_of_an_output_is_in_the_manifest():
    assert read_module(case_of("softmax at every step").net).manifest().activation == "softmax"
    assert read_module(case_of("sigmoid at the end").net).manifest().activation == "sigmoid"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_wrappers_are_taken_off(tmp_path):
    net = case_of("zeros").net

    assert read_module(torch.nn.DataParallel(net)).manifest().layers
    compiled: Any = torch.compile(net)
    assert read_module(compiled).manifest().layers


def test_the_same_network_gives_the_same_bytes(tmp_path):
    net = case_of("pools").net
    digests = {export(net, tmp_path / f"{i}.onnx").digest for i in range(2)}

    assert len(digests) == 1


def test_a_subclass_of_a_layer_keeps_its_own_forward(tmp_path, rng):
    class Twice(torch.nn.LSTM):
        def forward(self, x, state=None):
            out, state = super().forward(x, state)
            return out * 2, state

    x = rng.standard_normal((2, 5, 3)).astype(np.float32)

    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = Twice(3, 4, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0]

    own = Own().eval()
    result = export(own, tmp_path / "m.onnx")

    want = own(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(seqrt.load(result.path).predict(x), want, rtol=0, atol=1e-6)


def test_an_example_says_what_the_layers_do_not(tmp_path, rng):
    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(1, 4, batch_first=True)

        def forward(self, x):
            return self.lstm(x[:, :, :1])[0][:, -1]

    result = export(Part(), tmp_path / "m.onnx", example=np.zeros((2, 5, 4), np.float32))

    assert len(result.manifest.features) == 4


def test_the_gradient_by_lag_is_that_of_forward_in_float64(rng):
    net = case_of("pools").net.eval()
    x = rng.standard_normal((3, 6, 3)).astype(np.float32)

    norms = read_module(net).gradient(x)

    twin, rows = copy.deepcopy(net).double(), torch.from_numpy(x).double()
    jacobians = [torch.autograd.functional.jacobian(twin, row[None])[0, :, 0] for row in rows]
    want = torch.stack([each.square().sum((0, 2)).sqrt() for each in jacobians]).mean(0).flip(0)
    np.testing.assert_allclose(norms, want, rtol=1e-4)


def test_info_has_the_gradient_of_a_net_of_floats_alone(tmp_path):
    with_gradient = export(case_of("residual").net, tmp_path / "m.onnx").manifest.memory
    of_tokens = export(case_of("tokens").net, tmp_path / "t.onnx").manifest.memory

    assert with_gradient.gradient.lags[:4] == (0, 1, 2, 4)
    assert of_tokens.gradient is None
