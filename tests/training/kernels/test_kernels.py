"""The GRU, minGRU and RNN kernels compute torch's outputs and gradients."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn

from seqrt.training import Network, Recurrent
from seqrt.training.inputs.batches import Batch
from seqrt.training.kernels import CellKind, apply_layer
from seqrt.training.networks.mingru import MinimalGru

CELLS = ["gru", "mingru", "tanh", "relu"]
each_cell = pytest.mark.parametrize("cell", CELLS)
from_zero_or_not = pytest.mark.parametrize("from_zero", [True, False])


def torch_layer(cell: str, features: int, units: int, dtype=torch.float32) -> nn.Module:
    torch.manual_seed(0)
    if cell == "gru":
        return nn.GRU(features, units, batch_first=True).to(dtype)
    if cell == "mingru":
        return MinimalGru(features, units).to(dtype)
    return nn.RNN(features, units, batch_first=True, nonlinearity=cell).to(dtype)


def ours(cell: str, x: Tensor, h: Tensor | None, weights) -> Tensor:
    return apply_layer(kind(cell), x, weights, h)


def kind(cell: str) -> CellKind:
    return CellKind("rnn", cell) if cell in ("tanh", "relu") else CellKind(cell)


def gradients(y: Tensor, wanted: list[Tensor]) -> tuple[Tensor, ...]:
    """Gradients of a weighted sum of y, each element with its own weight."""
    weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return torch.autograd.grad((weight * y).sum(), wanted)


def recurrent(cell: str, features: int, units: int, **choices) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(kind(cell).cell, features, units, nonlinearity=kind(cell)[1], **choices)


@from_zero_or_not
@pytest.mark.parametrize(
    ("batch", "steps", "features", "units"),
    [(32, 10, 1, 64), (1, 1, 3, 5), (1, 9, 2, 1), (7, 40, 6, 3)],
)
@each_cell
def test_outputs_and_gradients_are_those_of_torch(cell, batch, steps, features, units, from_zero):
    layer = torch_layer(cell, features, units)
    x = torch.randn(batch, steps, features, requires_grad=True)
    h = None if from_zero else torch.randn(batch, units, requires_grad=True)
    wanted = [x, *layer.parameters()] + ([] if h is None else [h])

    y = ours(cell, x, h, list(layer.parameters()))

    want = layer(x, None if h is None else h[None])[0]
    torch.testing.assert_close(y, want, rtol=0, atol=1e-6)
    for got, right in zip(gradients(y, wanted), gradients(want, wanted), strict=True):
        assert (got - right).norm() <= 1e-5 * right.norm()


@from_zero_or_not
@pytest.mark.parametrize("cell", ["gru", "mingru", "tanh"])
def test_gradients_are_those_of_finite_differences(cell, from_zero):
    weights = [
        w.detach().requires_grad_() for w in torch_layer(cell, 2, 3, torch.float64).parameters()
    ]
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    h = None if from_zero else torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda x, h, *w: ours(cell, x, h, w), (x, h, *weights))


@each_cell
def test_a_layout_in_memory_does_not_matter(cell):
    layer = torch_layer(cell, 3, 4)
    x = torch.randn(6, 5, 3)
    odd = torch.randn(3, 12, 5).transpose(0, 2)[:, ::2].transpose(0, 1)
    odd.copy_(x)
    assert not odd.is_contiguous()
    assert not odd.transpose(0, 1).is_contiguous()

    y = ours(cell, odd, None, list(layer.parameters()))

    assert torch.equal(y, ours(cell, x, None, list(layer.parameters())))


@each_cell
def test_a_second_run_gives_the_same_bits(cell):
    layer = torch_layer(cell, 2, 16)
    x = torch.randn(8, 30, 2)

    first, second = (
        gradients(ours(cell, x, None, list(layer.parameters())), list(layer.parameters()))
        for _ in range(2)
    )

    assert all(map(torch.equal, first, second))


@each_cell
def test_gradients_may_be_computed_twice(cell):
    layer = torch_layer(cell, 2, 4)
    total = ours(cell, torch.randn(3, 6, 2), None, list(layer.parameters())).square().sum()

    first = torch.autograd.grad(total, list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(total, list(layer.parameters()))

    assert all(map(torch.equal, first, second))


@each_cell
def test_weights_changed_before_the_backward_pass_are_refused(cell):
    layer = torch_layer(cell, 2, 4)
    total = ours(cell, torch.randn(3, 6, 2), None, list(layer.parameters())).square().sum()

    with torch.no_grad():
        layer.weight_ih_l0.mul_(2)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


@each_cell
def test_a_second_derivative_is_refused(cell):
    layer = torch_layer(cell, 2, 4)
    x = torch.randn(3, 6, 2, requires_grad=True)
    y = ours(cell, x, None, list(layer.parameters()))
    seed = torch.ones_like(y, requires_grad=True)
    (gradient,) = torch.autograd.grad(y, x, seed, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@each_cell
def test_overflow_is_silent_and_stays_visible(cell):
    layer = torch_layer(cell, 1, 4)
    x = torch.tensor([1.0, 3e38, -3e38, torch.inf, torch.nan]).view(1, 5, 1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ours(cell, x, None, [3 * w for w in layer.parameters()])
        y.sum().backward()

    assert y[0, 0].isfinite().all()
    assert y[0, -1].isnan().all()


@pytest.mark.parametrize("lengths", [None, (9, 1, 4, 7)])
@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("bidirectional", [False, True])
@each_cell
def test_a_network_trains_as_with_the_kernels_of_torch(cell, bidirectional, head, lengths):
    choices = {"head": head, "bidirectional": bidirectional, "nonlinearity": kind(cell)[1]}
    torch.manual_seed(0)
    net = Network(kind(cell).cell, 2, (5, 4), 1, **choices).double()
    x = torch.randn(4, 9, 2, dtype=torch.float64)
    batch = Batch(x, None if lengths is None else torch.tensor(lengths), x, x)
    wanted = list(net.parameters())

    got = gradients(batch.logits(net.train()), wanted)

    want = gradients(batch.logits(net.eval()), wanted)  # torch's kernels
    for ours_, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours_, theirs, rtol=1e-10, atol=1e-12)


@each_cell
def test_a_state_carries_over_from_chunk_to_chunk(cell):
    layer = recurrent(cell, 2, 5).double()
    x = torch.randn(3, 8, 2, dtype=torch.float64)
    start = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    wanted = [start, *layer.parameters()]

    first, middle = layer.advance(x[:, :3], start)
    second, end = layer.advance(x[:, 3:], middle)

    whole, whole_end = layer.eval().advance(x, start)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end, whole_end, rtol=1e-12, atol=1e-12)
    for got, want in zip(gradients(end, wanted), gradients(whole_end, wanted), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


@each_cell
def test_a_layer_uses_our_kernel_in_training_and_torchs_in_eval_mode(cell):
    layer = recurrent(cell, 1, 4)
    x = torch.randn(2, 3, 1)

    trained, used = (kernels_behind(layer.train(mode)(x)) for mode in (True, False))

    assert "_LayerFunctionBackward" in trained
    assert "_LayerFunctionBackward" not in used


def test_the_lstm_stays_with_the_fused_kernel_of_torch():
    layer = Recurrent("lstm", 1, 4).train()

    assert "MkldnnRnnLayerBackward0" in kernels_behind(layer(torch.randn(2, 3, 1)))


def kernels_behind(y: Tensor) -> set[str]:
    """The names of the autograd functions that computed y."""
    names, waiting = set(), [y.grad_fn]
    while waiting:
        function = waiting.pop()
        if function is not None:
            names.add(function.name())
            waiting += [before for before, _ in function.next_functions]
    return names


@pytest.mark.parametrize("state", [False, True])
def test_without_gradients_torchs_kernel_runs(state):
    layer = recurrent("gru", 1, 4).train()
    x = torch.randn(2, 3, 1)

    with torch.no_grad():
        y = layer.advance(x, torch.zeros(2, 4))[0] if state else layer(x)

    torch.testing.assert_close(y, layer.eval()(x), rtol=0, atol=0)
