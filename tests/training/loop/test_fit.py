"""The training loop: what it learns, repeats, keeps and rejects."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqrt.errors import InputError, TrainingError, UsageError
from seqrt.training import fit, predict


def weights(net) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def assert_same(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_wave_far_from_zero_is_learnt_in_raw_units(cell, network, waves):
    x, y = waves
    net = network(cell)

    epochs = list(fit(net, x, y, epochs=30, lr=1e-2))

    error = np.mean((predict(net, x)[:, 0] - y) ** 2) / y.var()
    assert error < 0.01
    assert epochs[-1].loss < epochs[0].loss / 10
    assert [epoch.number for epoch in epochs] == list(range(1, 31))
    assert net.metadata.features[0].mean == pytest.approx(x.mean(), rel=1e-6)
    assert net.metadata.outputs[0].low == y.min()


def test_two_mingru_layers_learn_the_wave_because_the_second_reads_the_state_of_the_first(
    network, waves
):
    x, y = waves
    errors = {}
    for units in ((16,), (16, 16)):
        net = network("mingru", units=units, residual=len(units) > 1)
        list(fit(net, x, y, epochs=30, lr=1e-2))
        errors[len(units)] = np.mean((predict(net, x)[:, 0] - y) ** 2) / y.var()

    assert errors[2] < 0.01 < errors[1]


def test_ragged_text_labels_are_learnt(network, ragged):
    x, y = ragged
    net = network("lstm", 2, (12,), 2, activation="softmax")

    list(fit(net, x, y, epochs=40, lr=2e-2))

    predicted = np.array(net.metadata.classes)[predict(net, x).argmax(1)]
    assert net.metadata.classes == ("down", "up")
    assert np.mean(predicted == y) > 0.95


def test_a_label_for_every_step_is_learnt(network, ragged):
    x, _ = ragged
    y = [np.where(np.cumsum(row[:, 0]) > 0, "above", "below") for row in x]
    net = network("gru", 2, (12,), 2, head="sequence", activation="softmax")

    list(fit(net, x, y, epochs=40, lr=2e-2))

    predicted = np.array(net.metadata.classes)[predict(net, x).argmax(1)]
    assert np.mean(predicted == np.concatenate(y)) > 0.9


def test_several_flags_for_every_step_are_learnt(network, ragged):
    x, _ = ragged
    y = [(row > 0).astype(np.int64) for row in x]
    net = network("gru", 2, (12,), 2, head="sequence", activation="sigmoid")

    list(fit(net, x, y, epochs=30, lr=2e-2))

    assert np.mean((predict(net, x) > 0.5) == np.concatenate(y)) > 0.95


def test_padded_arrays_and_lists_train_the_same_network(network, ragged):
    x, y = ragged
    lengths = np.array([len(row) for row in x])
    padded = np.full((len(x), lengths.max(), 2), 7.0, np.float32)
    for i, row in enumerate(x):
        padded[i, : len(row)] = row
    one, other = (network("gru", 2, (5,), 2, activation="softmax") for _ in range(2))

    list(fit(one, x, y, epochs=2))
    list(fit(other, padded, y, lengths=lengths, epochs=2))

    assert_same(weights(one), weights(other))


def test_tensors_and_arrays_train_the_same_network(network, waves):
    x, y = waves
    one, other = network(), network()

    list(fit(one, x, y, epochs=1))
    list(fit(other, torch.tensor(x), torch.tensor(y)[:, None], epochs=1))

    assert_same(weights(one), weights(other))


def test_the_same_seed_gives_the_same_weights_whatever_the_caller_draws(network, waves):
    x, y = waves
    one, other = (network(units=(6, 5), dropout=0.3) for _ in range(2))

    for _ in fit(one, x, y, epochs=3, seed=7):
        pass
    torch.manual_seed(99)
    for _ in fit(other, x, y, epochs=3, seed=7):
        torch.rand(5)

    assert_same(weights(one), weights(other))


def test_another_seed_gives_other_weights(network, waves):
    x, y = waves
    one, other = network(), network()

    list(fit(one, x, y, epochs=1, seed=0))
    list(fit(other, x, y, epochs=1, seed=1))

    assert not torch.equal(one.dense.weight, other.dense.weight)


def test_the_callers_random_state_stays_as_it_was(network, waves):
    net = network(units=(6, 5), dropout=0.3)
    before = torch.get_rng_state()

    list(fit(net, *waves, epochs=1))

    assert torch.equal(torch.get_rng_state(), before)


def test_the_callers_arrays_are_not_changed(network, waves):
    x, y = waves
    before = x.copy(), y.copy()

    list(fit(network(), x, y, val=(x, y), epochs=1))

    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_noise_keeps_a_network_from_overfitting(network, rng):
    x, y = rng.standard_normal((40, 8, 1)), rng.standard_normal(40)
    plain, noisy = (
        list(fit(network(units=(32,)), x, y, epochs=150, lr=3e-2, noise=noise)) for noise in (0, 1)
    )

    assert plain[-1].loss < 0.1
    assert noisy[-1].loss > 2 * plain[-1].loss


def test_noise_depends_on_the_seed_and_is_in_units_of_each_features_deviation(network, waves):
    x, y = waves
    nets = [network() for _ in range(3)]

    for net, scale in zip(nets, (1, 1, 1024), strict=True):
        list(fit(net, x * scale, y, epochs=2, noise=0.5))

    assert_same(weights(nets[0]), weights(nets[1]))
    torch.testing.assert_close(nets[0].dense.weight, nets[2].dense.weight, rtol=1e-4, atol=1e-5)


def test_the_best_weights_on_the_validation_part_are_restored(network, waves, rng):
    x, y = waves
    noise = rng.standard_normal(50) * y.std() + y.mean()
    net, best_weights = network(), {}

    for epoch in fit(net, x, y, val=(x[:50], noise), epochs=12, lr=1e-2):
        if epoch.best:
            best_weights, best = weights(net), epoch.number
        last = epoch.number

    assert best < last
    assert_same(weights(net), best_weights)


def test_patience_ends_training_without_improvement(network, waves, rng):
    x, y = waves
    noise = rng.standard_normal(50) * y.std() + y.mean()

    epochs = list(fit(network(), x, y, val=(x[:50], noise), epochs=60, lr=1e-2, patience=3))

    best = max(epoch.number for epoch in epochs if epoch.best)
    assert len(epochs) == best + 3 < 60


def test_a_break_leaves_the_best_weights(network, waves, rng):
    x, y = waves
    noise = rng.standard_normal(50) * y.std() + y.mean()
    net, best_weights = network(), {}

    for epoch in fit(net, x, y, val=(x[:50], noise), epochs=60, lr=1e-2):
        if epoch.best:
            best_weights = weights(net)
        elif epoch.number > 5:
            break

    assert_same(weights(net), best_weights)


def test_the_gradient_norm_is_reported_before_clipping(network, waves):
    x, y = waves

    free = next(fit(network(), x, y, clip=1e6))
    clipped = next(fit(network(), x, y, clip=1e-3))

    assert clipped.grad_norm > 1e-2
    assert free.loss != clipped.loss


def test_a_diverging_run_names_the_step_and_keeps_the_last_good_weights(network, waves):
    x, y = waves
    net = network("rnn", nonlinearity="relu")
    last_good = weights(net)

    with pytest.raises(TrainingError, match=r"E_DIVERGED: .* in epoch \d+, step \d+: .*weights"):
        for _ in fit(net, x, y, lr=1e30, clip=1e30, epochs=5):
            last_good = weights(net)

    assert all(value.isfinite().all() for value in net.state_dict().values())
    learnt = {name: value for name, value in last_good.items() if name[0] not in "xy"}
    assert_same({name: net.state_dict()[name] for name in learnt}, learnt)


def test_a_network_that_has_seen_data_keeps_its_scaling(network, waves):
    x, y = waves
    net = network()
    list(fit(net, x, y, epochs=1))
    about = net.metadata

    list(fit(net, x * 3, y * 3, epochs=1))

    assert net.metadata == about
    assert net.x_mean.item() == pytest.approx(about.features[0].mean)


def test_a_constant_feature_has_scale_one(network, waves):
    x, y = waves
    both = np.concatenate([x, np.full_like(x, 5.0)], axis=2)
    net = network(features=2)

    epoch = next(fit(net, both, y))

    assert net.x_scale[1] == 1
    assert math.isfinite(epoch.loss)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[..., 0], y), r"E_INPUT_SHAPE: x must have shape \(batch, time, 1\)"),
        (lambda x, y: (x[:0], y[:0]), "E_INPUT_EMPTY: there must be at least one sequence"),
        (lambda x, y: (x, y[:-1]), r"E_INPUT_SHAPE: y must have shape \(200,\)"),
        (lambda x, y: (x, np.stack([y, y], 1)), "E_INPUT_SHAPE: y must have 1 outputs"),
        (lambda x, y: (x, y.astype(str)), "E_INPUT_DTYPE: y must hold numbers"),
        (lambda x, y: (x.astype(complex), y), r"E_INPUT_DTYPE: x.* must hold numbers"),
        (lambda x, y: (x * np.where(x > 330, np.nan, 1), y), r"E_INPUT_NONFINITE: x must be"),
        (lambda x, y: (x, np.where(y > 330, np.inf, y)), r"E_INPUT_NONFINITE: y must be finite"),
        (lambda x, y: (x.astype(float) * 1e300, y), r"E_INPUT_RANGE: x.* too large"),
        (lambda x, y: ([*x[:-1], x[-1][:0]], y), r"E_INPUT_LENGTH: x\[199\] has no steps"),
        (lambda x, y: ([*x[:-1], x[-1].T], y), r"E_INPUT_SHAPE: x\[199\] must have shape"),
    ],
)
def test_data_that_does_not_fit_is_rejected_before_anything_else(change, message, network, waves):
    x, y = change(*waves)
    net = network()
    before = weights(net)

    with pytest.raises(InputError, match=message):
        fit(net, x, y)

    assert_same(weights(net), before)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (np.full(200, 13), "lengths must be from 1 to 12, got 13 for item 0"),
        (np.zeros(200, int), "lengths must be from 1 to 12, got 0 for item 0"),
        (np.full(199, 3), "lengths must be 200 whole numbers"),
        (np.full(200, 3.0), "lengths must be 200 whole numbers"),
    ],
)
def test_lengths_that_do_not_fit_are_rejected(lengths, message, network, waves):
    with pytest.raises(InputError, match=f"E_INPUT_LENGTH: {message}"):
        fit(network(), *waves, lengths=lengths)


def test_labels_that_do_not_fit_the_network_are_rejected(network, ragged):
    x, y = ragged

    with pytest.raises(InputError, match=r"E_INPUT_LABEL: y must hold 3 classes, .* got 2"):
        fit(network("gru", 2, (4,), 3, activation="softmax"), x, y)
    with pytest.raises(InputError, match="E_INPUT_LABEL: y must hold only 0 and 1"):
        fit(network("gru", 2, (4,), 1, activation="sigmoid"), x, np.arange(60))


def test_a_label_that_only_validation_contains_is_rejected(network, ragged):
    x, y = ragged
    net = network("gru", 2, (4,), 2, activation="softmax")

    with pytest.raises(InputError, match=r"E_INPUT_LABEL: .* got 'sideways'"):
        fit(net, x, y, val=(x[:1], np.array(["sideways"])))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": -1}, "batch_size must be at least 1, got -1"),
        ({"lr": 0.0}, "lr must be above 0 and finite, got 0.0"),
        ({"lr": math.nan}, "lr must be above 0 and finite, got nan"),
        ({"clip": math.inf}, "clip must be above 0 and finite, got inf"),
        ({"noise": -0.1}, "noise must be at least 0 and finite, got -0.1"),
        ({"seed": -3}, "seed must be at least 0, got -3"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_rejected(option, message, network, waves):
    with pytest.raises(UsageError, match=message):
        fit(network(), *waves, **option)


def test_a_run_that_diverges_in_the_last_step_of_an_epoch_is_reported(network, waves):
    x, y = waves
    net = network("rnn", nonlinearity="relu")
    fitting = fit(net, x, y, val=(x[:9], y[:9]), batch_size=len(x), epochs=2, lr=3e38)

    with pytest.raises(TrainingError, match=r"E_DIVERGED: .* epoch 1, step 1: .* weights are kept"):
        next(fitting)

    assert all(value.isfinite().all() for value in net.state_dict().values())
    assert net(torch.from_numpy(x)).isfinite().all()
