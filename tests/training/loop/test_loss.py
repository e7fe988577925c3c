"""Balanced classes: each weighs the same in the loss, however rare it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqrt.errors import UsageError
from seqrt.training import Network, fit, predict
from seqrt.training.inputs.examples import examples
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.checkpoints import Checkpoints
from seqrt.training.loop.gradient import StepGradient
from seqrt.training.loop.loss import Objective
from seqrt.training.loop.steps import MicroBatch

COUNTS = (30, 9, 3)


def imbalanced(per_step: bool = False):
    """42 sequences of 5 steps with 3 classes, that overlap."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), COUNTS)
    x = rng.normal(0, 1, (len(y), 5, 2)) + y[:, None, None] * [0.5, -0.5]
    return x, np.repeat(y[:, None], 5, axis=1) if per_step else y


def make(cell: str = "gru", **choices) -> Network:
    torch.manual_seed(0)
    return Network(**{"cell": cell, "features": 2, "units": (6,), "outputs": 3, **choices})


def step_gradient(net: Network, data, parts: int = 1) -> tuple[float, torch.Tensor]:
    """Return the loss and the gradient of one balanced step over all sequences, in `parts`."""
    optimizer = Adam(net)
    objective = Objective.of(net.activation, data.y, len(net.metadata.outputs), balance=True)
    rows = torch.arange(len(data)).chunk(parts)
    loss = StepGradient(net, optimizer, objective).compute(
        [MicroBatch(data, part, 0.0) for part in rows]
    )
    return loss, optimizer.gradients()[0].clone()


@pytest.mark.parametrize("choices", [{}, {"bidirectional": True}], ids=["by hand", "autograd"])
@pytest.mark.parametrize("per_step", [False, True])
def test_a_step_has_the_gradient_of_torchs_weighted_cross_entropy(choices, per_step):
    x, y = imbalanced(per_step)
    net = make(head="sequence" if per_step else "last", activation="softmax", **choices)
    (data,) = examples(net, (x, y))

    loss, got = step_gradient(net, data)

    optimizer = Adam(net)
    optimizer.clear()
    weights = torch.tensor([sum(COUNTS) / (3 * count) for count in COUNTS])
    logits = net.logits(torch.tensor(x, dtype=torch.float32)).reshape(-1, 3)
    want_loss = F.cross_entropy(logits, data.y, weight=weights)
    want_loss.backward()
    (want,) = optimizer.gradients()
    assert loss == pytest.approx(want_loss.item(), rel=1e-5)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_micro_batches_add_up_to_the_step(activation):
    x, y = imbalanced(per_step=True)
    y = y if activation == "softmax" else np.eye(3, dtype=int)[y]
    net = make(head="sequence", activation=activation)
    (data,) = examples(net, (x, y))

    (loss, whole), (same, summed) = step_gradient(net, data), step_gradient(net, data, parts=4)

    assert same == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(summed, whole, rtol=1e-4, atol=1e-6)


def test_each_flag_weighs_ones_and_zeros_alike():
    y = torch.tensor([[1.0, 0.0], [0, 0], [0, 0], [0, 0]])

    objective = Objective.of("sigmoid", y, 2, balance=True)

    # 4 / (2 · 3) and 4 / (2 · 1); a flag that is never set keeps its weight
    torch.testing.assert_close(objective.weights, torch.tensor([[2 / 3, 1.0], [2.0, 1.0]]))


def test_a_class_without_a_training_target_has_weight_one():
    weights = Objective.of("softmax", torch.tensor([0, 0, 0, 2]), 3, balance=True).weights

    torch.testing.assert_close(weights, torch.tensor([4 / 6, 1.0, 2.0]))


def recall_of_rare(net: Network, x, y) -> float:
    return float(np.mean(predict(net, x).argmax(1)[y == 1] == 1))


def test_a_rare_class_is_found_only_if_the_classes_are_balanced():
    rng = np.random.default_rng(3)
    y = (np.arange(400) % 20 == 0).astype(int)
    x = rng.normal(0, 1, (400, 6, 1)) + 0.8 * y[:, None, None]
    found = {}
    for balance in (False, True):
        net = make("gru", features=1, outputs=2, activation="softmax")
        list(fit(net, x, y, epochs=20, lr=1e-2, balance=balance))
        found[balance] = recall_of_rare(net, x, y)

    assert found[False] < 0.5
    assert found[True] > 0.7


def test_the_validation_loss_is_weighed_like_the_training_loss():
    x, y = imbalanced()
    net = make(activation="softmax")

    (epoch,) = fit(net, x, y, val=(x, y), epochs=1, balance=True)

    weights = np.array([sum(COUNTS) / (3 * count) for count in COUNTS])
    p = predict(net, x)[np.arange(len(y)), y]
    assert epoch.val_loss == pytest.approx(np.mean(weights[y] * -np.log(p)), rel=1e-4)


def test_numbers_have_no_classes_to_balance():
    x, _ = imbalanced()

    with pytest.raises(UsageError, match=r"balance weighs classes, but the targets .* numbers"):
        fit(make(), x, np.zeros((42, 3)), balance=True)


@pytest.mark.parametrize("tbptt", [None, 2])
def test_a_balanced_training_resumes_to_the_same_weights(tbptt, tmp_path):
    x, y = imbalanced(per_step=True)
    options = {"epochs": 4, "batch_size": 8, "balance": True, "tbptt": tbptt}
    choices = {"head": "sequence", "activation": "softmax"}
    whole = make(**choices)
    list(fit(whole, x, y, **options))

    checkpoints = Checkpoints(tmp_path)
    for epoch in fit(make(**choices), x, y, checkpoints=checkpoints, **options):
        checkpoints.stopping = epoch.number == 2
    again, resumed = Checkpoints(tmp_path), make(**choices)
    again.load()
    list(fit(resumed, x, y, checkpoints=again, **options))

    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])
