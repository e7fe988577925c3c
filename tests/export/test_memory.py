"""The memory in the manifest is that of the file, measured on data or on drawn inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import seqrt
from seqrt.contract import Column
from seqrt.errors import InputError
from seqrt.export import export
from seqrt.runtime.memory import forgetting
from seqrt.training import Metadata, Network, chrono_initialise
from seqrt.training.runs.memory import cut_sequences


def leaky(keep: float, head: str = "last") -> Network:
    """Make h_t = keep * h_{t-1} + x_t and y = h, for x from 0 to 1."""
    net = Network("rnn", 1, (1,), 1, nonlinearity="relu", head=head)
    values = {"weight_ih_l0": 1.0, "weight_hh_l0": keep, "bias_ih_l0": 0.0, "bias_hh_l0": 0.0}
    with torch.no_grad():
        for name, weight in net.layers[0].cells[0].named_parameters():
            weight.fill_(values[name])
        net.dense.weight.fill_(1.0)
        net.dense.bias.zero_()
    net.metadata = Metadata("regress", (Column("x", low=0.0, high=1.0),), (Column("y"),))
    return net


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.onnx"


@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_leak_is_forgotten_when_what_is_kept_is_under_the_tolerance(keep, head, path):
    memory = export(leaky(keep, head), path).manifest.memory

    # For x from 0 to 1 the state is about 0.5 / (1 - keep), and never more than twice that.
    typical, most = (
        math.log(memory.tolerance * (1 - keep) / size) / math.log(keep) for size in (0.5, 1.0)
    )
    assert typical - 2 <= memory.median <= memory.steps <= most + 1
    assert not memory.more


def test_its_gradient_is_what_is_kept_at_each_lag(path):
    gradient = export(leaky(0.5), path).manifest.memory.gradient

    assert gradient.lags == (0, 1, 2, 4, 8, 16, 32, 64, 127)
    np.testing.assert_allclose(gradient.norms, 0.5 ** np.array(gradient.lags), rtol=0.06)
    assert gradient.steps == 7


def test_what_keeps_all_it_reads_never_forgets(path):
    memory = export(leaky(1.0), path).manifest.memory

    assert (memory.more, memory.steps, memory.median) == (True, 1000, 1000)
    assert memory.gradient.lags[-1] == 499
    assert set(memory.gradient.norms) == {1.0}
    assert memory.gradient.steps is None


def test_what_amplifies_never_forgets_and_says_no_number_that_is_none(path):
    memory = export(leaky(1.2), path).manifest.memory

    assert memory.more
    assert all(math.isfinite(norm) for norm in memory.gradient.norms)
    assert memory.gradient.norms[-1] > 1e15


def test_a_gru_that_keeps_forgets_later_than_one_that_does_not(path):
    torch.manual_seed(0)
    net = Network("gru", 1, (8,), 1)
    plain = export(net, path).manifest.memory
    with torch.no_grad():
        net.layers[0].cells[0].bias_ih_l0[8:16] = 9.2  # z is 0.9999

    kept = export(net, path).manifest.memory

    assert kept.more
    assert plain.steps < 100


def test_first_weights_that_remember_are_seen_in_the_file(path):
    torch.manual_seed(0)
    net = Network("lstm", 1, (16,), 1)
    plain = export(net, path).manifest.memory
    chrono_initialise(net, 200)

    long = export(net, path).manifest.memory

    assert long.steps > 4 * plain.steps


def test_on_data_it_is_what_the_runtime_measures_there(path):
    series = np.sin(np.arange(300) / 7)[:, None]
    memory = export(
        Network("gru", 1, (6,), 2, head="sequence"), path, series=series
    ).manifest.memory

    found = forgetting(seqrt.load(path), cut_sequences(series.astype(np.float32), 2000))

    assert (memory.inputs, memory.steps, memory.median) == ("data", found.longest, found.median)


def test_without_data_inputs_are_drawn_and_the_file_is_the_same_every_time(path):
    net = Network("lstm", 2, (6, 4), 1)
    first = export(net, path)

    assert first.manifest.memory.inputs == "drawn"
    assert export(net, path).digest == first.digest
    assert seqrt.load(path).manifest.memory == first.manifest.memory


def test_a_bidirectional_network_has_no_memory_in_its_manifest(path):
    net = Network("gru", 1, (4,), 1, bidirectional=True)

    assert export(net, path, series=np.ones((9, 1))).manifest.memory is None


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (np.ones((9, 3)), r"E_INPUT_SHAPE: series must have shape \(time, 2\), got \(9, 3\)"),
        (np.ones((0, 2)), "E_INPUT_NONFINITE: series must have at least one step"),
        (np.full((9, 2), np.nan), "E_INPUT_NONFINITE: series must have"),
    ],
)
def test_a_series_of_something_else_is_refused_and_no_file_is_left(series, message, path):
    with pytest.raises(InputError, match=message):
        export(Network("gru", 2, (4,), 1), path, series=series)

    assert not path.exists()
