"""A minGRU is a GRU without recurrent weights, on every device and in every file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from seqrt.errors import UsageError
from seqrt.export import export
from seqrt.training import Network, Plan, Recurrent, load_run, start
from seqrt.training.networks.mingru import run_scan, run_steps


def gates(rows: int, steps: int, units: int) -> tuple[torch.Tensor, ...]:
    """Gates z and new values of a layer, and its first state."""
    torch.manual_seed(0)
    z = torch.rand(rows, steps, units, dtype=torch.float64).requires_grad_()
    new = torch.randn(rows, steps, units, dtype=torch.float64, requires_grad=True)
    return z, new, torch.randn(rows, units, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 100])
def test_the_scan_of_a_gpu_is_the_loop_over_the_steps(steps):
    inputs = gates(3, steps, 4)

    scanned, stepped = run_scan(*inputs), run_steps(*inputs)

    torch.testing.assert_close(scanned, stepped, rtol=1e-12, atol=1e-12)
    gradients = (torch.autograd.grad(y.sin().sum(), inputs) for y in (scanned, stepped))
    for got, want in zip(*gradients, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_the_scan_has_first_and_second_derivatives():
    inputs = gates(2, 5, 2)

    assert torch.autograd.gradcheck(run_scan, inputs)
    assert torch.autograd.gradgradcheck(run_scan, inputs)


def test_a_scan_over_ten_thousand_steps_neither_overflows_nor_drifts():
    z, new, h = (each.detach() for each in gates(1, 10_000, 3))

    torch.testing.assert_close(run_scan(z, new, h), run_steps(z, new, h), rtol=0, atol=1e-12)


def test_it_is_the_gru_of_torch_with_recurrent_weights_of_zero(rng):
    layer = Recurrent("mingru", 3, 5).double().eval()
    gru = torch.nn.GRU(3, 5, batch_first=True).double()
    with torch.no_grad():
        for weight in gru.parameters():
            weight.zero_()
        gru.weight_ih_l0[5:] = layer.cells[0].weight_ih_l0
        gru.bias_ih_l0[5:] = layer.cells[0].bias_ih_l0
    x = torch.tensor(rng.standard_normal((2, 7, 3)))

    torch.testing.assert_close(layer(x), gru(x)[0], rtol=1e-12, atol=1e-12)


def test_its_file_is_that_of_a_gru(network, tmp_path):
    net = network("mingru", 2, (5, 4), bidirectional=True)

    exported = export(net, tmp_path / "m.onnx")

    assert exported.manifest.format == 1
    assert [layer.cell for layer in exported.manifest.layers] == ["gru", "gru"]
    model = onnx.load(tmp_path / "m.onnx")
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    assert [node.op_type for node in model.graph.node].count("GRU") == 2
    assert not constants["layer0_R"].any()
    for direction, cell in enumerate(net.recurrent()[0].cells):
        z, r, c = np.split(constants["layer0_W"][direction], 3)
        np.testing.assert_array_equal(np.concatenate([z, c]), cell.weight_ih_l0.detach())
        assert not r.any()


def test_a_run_comes_back_as_a_mingru_and_is_continued_as_one(tmp_path):
    options = {"units": (6, 6), "residual": True, "epochs": 2, "threads": 1}
    run = start(Plan("recall", length=6, cell="mingru", **options), tmp_path / "first")
    list(run)
    run.finish()

    net = load_run(run.path)
    assert net.config() == run.net.config()
    assert net.config()["cell"] == "mingru"
    again = Plan("recall", length=6, start_from=str(run.path), epochs=1)
    assert (again.cell, again.residual) == ("mingru", True)
    with pytest.raises(UsageError, match=r"--cell gru \(the run: mingru\)"):
        Plan("recall", length=6, start_from=str(run.path), cell="gru")


def test_an_unknown_cell_is_rejected_with_the_ones_that_there_are():
    for make in (Network, lambda cell: Recurrent(cell, 1, 2)):
        with pytest.raises(UsageError, match="one of rnn, lstm, gru, mingru, got 'elman'"):
            make("elman")
