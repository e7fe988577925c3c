"""Initial weights: signals neither vanish nor explode, and gates stay open for long."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt import UsageError
from seqrt.training import Network, chrono_initialise
from seqrt.training.networks.initialise import start_at_frequencies

STEPS = 200


def kernel(cell: str, steps: int = STEPS, **options: object) -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    net = Network(cell, 3, (256,), 1, **options)
    chrono_initialise(net, steps)
    weights = net.recurrent()[0].cells[-1].named_parameters()
    return {name.removesuffix("_l0"): w.detach().numpy() for name, w in weights}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_weights_are_orthogonal_gate_by_gate(cell, bidirectional):
    for gate in np.split(kernel(cell, bidirectional=bidirectional)["weight_hh"], _gates(cell)):
        np.testing.assert_allclose(gate @ gate.T, np.eye(256), atol=1e-5)


def test_the_rnn_with_relu_begins_with_the_identity():
    np.testing.assert_array_equal(kernel("rnn", nonlinearity="relu")["weight_hh"], np.eye(256))


@pytest.mark.parametrize(
    ("cell", "keep", "sign"), [("lstm", 1, 1), ("lstm", 0, -1), ("gru", 1, 1), ("mingru", 0, 1)]
)
def test_the_gates_that_keep_stay_open_for_one_step_up_to_all(cell, keep, sign):
    bias = np.split(kernel(cell)["bias_ih"], _gates(cell))

    times = np.sort(np.exp(sign * bias[keep]))

    assert times[0] >= 1
    assert times[-1] <= STEPS - 1
    np.testing.assert_allclose(times, np.linspace(1, STEPS - 1, 256), atol=STEPS / 8)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_all_other_biases_are_zero(cell):
    weights = kernel(cell)
    biases = np.split(weights["bias_ih"], _gates(cell))
    others = {"rnn": [0], "lstm": [2, 3], "gru": [0, 2], "mingru": [1]}[cell]

    assert cell == "mingru" or not weights["bias_hh"].any()
    assert not any(biases[i].any() for i in others)


def test_what_the_lstm_keeps_it_does_not_write_over():
    i, f = np.split(kernel("lstm")["bias_ih"], 4)[:2]

    np.testing.assert_array_equal(i, -f)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_one_step_is_the_least_that_can_be_remembered(cell):
    assert all(np.isfinite(w).all() for w in kernel(cell, steps=1).values())
    with pytest.raises(UsageError, match="memory must be a whole number of steps from 1, got 0"):
        kernel(cell, steps=0)


def test_the_same_seed_draws_the_same():
    first, again = (kernel("lstm") for _ in range(2))

    assert all(np.array_equal(first[name], again[name]) for name in first)


def _gates(cell: str) -> int:
    return {"rnn": 1, "lstm": 4, "gru": 3, "mingru": 2}[cell]


def test_a_head_starts_at_the_frequencies_of_its_classes():
    net = Network("gru", 1, (4,), 3, activation="softmax")

    start_at_frequencies(net, np.array([5, 0, 2]))

    y = net.output(net.dense(torch.zeros(4)))
    assert y.tolist() == pytest.approx([0.6, 0.1, 0.3])
