"""How long a network remembers: its gradient by lag, its initial state, and their picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.contract import Column
from seqrt.data import Part
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.training import Network, chrono_initialise, prepare
from seqrt.training.runs.memory import (
    cut_sequences,
    fade_lag,
    gradient_by_lag,
    load_series,
    save_series,
    start_distances,
    steps_to_forget,
    typical_series,
)
from seqrt.training.runs.memory_picture import draw_memory, memory_figure


@pytest.fixture
def halving() -> Network:
    """h_t = h_{t-1} / 2 + x_t and y = h: the influence of an input halves with every step."""
    net = Network("rnn", 1, (1,), 1, nonlinearity="relu")
    values = {"weight_ih_l0": 1.0, "weight_hh_l0": 0.5, "bias_ih_l0": 0.0, "bias_hh_l0": 0.0}
    with torch.no_grad():
        for name, weight in net.layers[0].cells[0].named_parameters():
            weight.fill_(values[name])
        net.dense.weight.fill_(1.0)
        net.dense.bias.zero_()
    return net


@pytest.fixture
def noise(rng) -> np.ndarray:
    return rng.random((3, 40, 1)).astype(np.float32)


# The gradient


@pytest.mark.parametrize("head", ["last", "sequence"])
def test_the_gradient_of_a_halving_network_halves_with_every_step_back(halving, noise, head):
    halving.head = head

    norms = gradient_by_lag(halving, noise)

    np.testing.assert_allclose(norms, 0.5 ** np.arange(40), rtol=1e-5)
    assert fade_lag(norms) == 7  # 2^-7 is the first below 1 %


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_gradient_is_that_of_finite_differences_in_scaled_units(network, rng, cell):
    net = network(cell, 2, (4, 3), 3)
    features = (Column("a", mean=5.0, scale=4.0), Column("b", mean=-1.0, scale=0.1))
    outputs = tuple(Column(f"y{i}", mean=7.0, scale=30.0 * i + 1) for i in range(3))
    net.set_scaling(features, outputs)
    x = (rng.standard_normal((2, 6, 2)) * [4.0, 0.1] + [5.0, -1.0]).astype(np.float32)

    norms = gradient_by_lag(net, x)

    gradients, step, exact = np.zeros((2, 6, 2, 3)), 1e-4, net.double()
    for t, d in np.ndindex(6, 2):
        for sign in (1, -1):
            moved = torch.tensor(x.astype(np.float64))
            moved[:, t, d] += sign * step * net.x_scale[d]
            scaled = (exact(moved) - net.y_mean) / net.y_scale
            gradients[:, t, d] += sign * scaled.detach().numpy() / (2 * step)
    want = np.sqrt((gradients**2).sum(axis=(2, 3))).mean(axis=0)[::-1]
    np.testing.assert_allclose(norms, want, rtol=1e-4, atol=1e-7)


def test_of_many_outputs_the_gradient_is_estimated(network, rng):
    net = network("gru", 2, (16,), 60)
    x = rng.standard_normal((8, 5, 2)).astype(np.float32)

    estimated = gradient_by_lag(net, x)

    v = torch.autograd.functional.jacobian(lambda x: net.logits(x).sum(0), torch.tensor(x))
    exact = v.square().sum(dim=(0, 3)).sqrt().mean(0).flip(0).numpy()
    np.testing.assert_allclose(estimated, exact, rtol=0.25)
    np.testing.assert_array_equal(estimated, gradient_by_lag(net, x))


def test_the_network_is_left_as_it_was(network, noise):
    net = network("gru", dropout=0.5).train()

    gradient_by_lag(net, noise)
    start_distances(net, noise)

    assert net.training
    assert net.head == "last"
    assert all(p.requires_grad and p.grad is None for p in net.parameters())


def test_a_gradient_that_rises_again_has_not_faded_before():
    assert fade_lag(np.array([1.0, 0.001, 0.5, 0.009, 0.002])) == 3
    assert fade_lag(np.array([1.0, 0.001, 0.5])) is None
    assert fade_lag(np.zeros(3)) is None


# Initial states


def test_the_starts_of_a_halving_network_meet_by_half_with_every_step(halving, noise):
    apart = start_distances(halving, noise)

    np.testing.assert_allclose(apart[:, 1:15], apart[:, :14] / 2, rtol=1e-3, atol=2e-7)
    begun = apart[:, 0].max()
    expected = 1 + np.log2(begun / 1e-3)
    assert 0 <= steps_to_forget(apart.max(axis=0), 1e-3) - expected < 1


def test_chrono_initialisation_keeps_starts_apart_for_longer(network, rng):
    x = rng.standard_normal((4, 300, 1)).astype(np.float32)
    plain, long = network("lstm", units=(16,)), network("lstm", units=(16,))
    chrono_initialise(long, 200)

    steps = {
        net: steps_to_forget(start_distances(net, x).max(axis=0)) or 301 for net in (plain, long)
    }

    assert steps[long] > 4 * steps[plain]
    assert (fade_lag(gradient_by_lag(long, x)) or 301) > 4 * fade_lag(gradient_by_lag(plain, x))


def test_forgetting_counts_to_the_first_step_of_lasting_agreement():
    assert steps_to_forget(np.array([1.0, 0.0, 1.0, 0.1, 0.1]), 0.5) == 4
    assert steps_to_forget(np.array([0.1, 0.1]), 0.5) == 1
    assert steps_to_forget(np.array([0.1, 0.7]), 0.5) is None
    assert steps_to_forget(np.array([np.nan, 0.1]), 0.5) == 2


# Typical series


def test_windows_give_back_the_series_that_they_were_cut_from(series_csv):
    kept = prepare(series_csv, target="height", features="height", window=6).validation
    rows = [float(line.split(",")[1]) for line in series_csv.read_text().split()[1:]]

    series = typical_series(kept)

    assert series.shape == (len(kept) + 5, 1)
    np.testing.assert_allclose(series[:, 0], rows[-len(series) - 1 : -1], rtol=1e-6)


def test_sequences_of_any_lengths_stand_end_to_end(ragged):
    x, y = ragged

    np.testing.assert_array_equal(typical_series(Part(Ragged.of(x), y)), np.concatenate(x))


def test_of_much_data_a_part_is_enough():
    x = [np.full((3000, 1), i, np.float32) for i in range(50)]

    series = typical_series(Part(Ragged.of(x), x))

    assert [len(part) for part in np.split(series, [3000])] == [3000, 1096]


def test_streams_begin_apart_and_go_on_from_the_beginning():
    cut = cut_sequences(np.arange(16, dtype=np.float32)[:, None], 20)

    assert cut.shape == (8, 20, 1)
    np.testing.assert_array_equal(cut[:, 0, 0], np.arange(0, 16, 2))
    np.testing.assert_array_equal(cut[7, :4, 0], [14, 15, 0, 1])


def test_a_run_keeps_its_series_beside_its_weights(tmp_path, noise):
    assert load_series(tmp_path) is None

    save_series(noise[0], tmp_path)

    np.testing.assert_array_equal(load_series(tmp_path), noise[0])
    np.testing.assert_array_equal(load_series(tmp_path / "best.safetensors"), noise[0])
    (tmp_path / "typical.npy").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"typical\.npy"):
        load_series(tmp_path)


# The picture


def test_the_picture_shows_both_gradients_and_says_when_the_start_is_forgotten():
    norms = {"initial weights": 0.5 ** np.arange(30), "trained": 0.9 ** np.arange(30)}
    apart = 0.1 ** np.arange(10)[None] * np.array([[0.5], [0.05], [0.05]])

    above, below = memory_figure(norms, apart, 12, "waves").axes

    shown = {line.get_label(): line.get_ydata() for line in (*above.lines, *below.lines)}
    np.testing.assert_allclose(
        shown["initial weights: below 1 % from lag 7"], norms["initial weights"]
    )
    np.testing.assert_allclose(shown["trained: above 1 % at the last lag"], norms["trained"])
    np.testing.assert_allclose(shown["largest of 3 sequences: forgotten after 4 steps"], apart[0])
    assert "median: forgotten after 3 steps" in shown
    assert above.get_yscale() == below.get_yscale() == "log"


def test_a_picture_is_drawn_even_of_a_network_that_amplifies(halving, noise, tmp_path):
    with torch.no_grad():
        halving.layers[0].cells[0].weight_hh_l0.fill_(3.0)

    (path,) = draw_memory(tmp_path, halving, halving, noise[0], 12)

    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_bidirectional_network_has_no_picture_of_its_memory(network, noise, tmp_path):
    net = network(bidirectional=True)

    assert draw_memory(tmp_path, net, net, noise[0], 12) == ()
    assert list(tmp_path.iterdir()) == []
