"""Ids of tokens reach training as they are, uncopied where they can, and checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.data.ragged import Ragged
from seqrt.errors import InputError, UsageError
from seqrt.training import Network, fit, load_run
from seqrt.training.inputs.batches import predict
from seqrt.training.inputs.check import as_ragged
from seqrt.training.inputs.examples import examples
from seqrt.training.loop.checkpoints import Checkpoints
from seqrt.training.runs.weights import save_weights

TOKENS = 20


def ids(rng, rows=40, per_step=False):
    """Sequences of ids, and whether those above nine are more than the others (so far)."""
    x = [rng.integers(0, TOKENS, steps) for steps in rng.integers(1, 12, rows)]
    balance = [np.cumsum(np.where(row > 9, 1, -1)) for row in x]
    return x, [(b > 0) for b in balance] if per_step else np.array([b[-1] > 0 for b in balance])


class Stops(Checkpoints):
    """Checkpoints that stop training after some steps."""

    def __init__(self, folder, steps):
        super().__init__(folder)
        self.left = steps

    def request(self, every=None):
        self.left -= 1
        self.stopping = self.left <= 0
        return super().request(every)


def network(head="last", **choices) -> Network:
    torch.manual_seed(0)
    options = {"units": (8,), "outputs": 2, "head": head, "activation": "softmax", **choices}
    return Network("gru", tokens=TOKENS, embedding=4, **options)


def trained(net, x, y, **options) -> dict[str, torch.Tensor]:
    for _ in fit(net, x, y, **{"epochs": 3, "batch_size": 8, **options}):
        pass
    return net.state_dict()


def same(got, want):
    return all(torch.equal(value, want[name]) for name, value in got.items())


def test_every_form_of_the_same_ids_trains_the_same_network(rng):
    x, y = ids(rng)
    lengths = [len(row) for row in x]
    padded = np.full((len(x), max(lengths)), -7)
    for row, values in zip(padded, x, strict=True):
        row[: len(values)] = values

    want = trained(network(), x, y)

    assert same(trained(network(), [row[:, None].astype(np.uint8) for row in x], y), want)
    assert same(trained(network(), [torch.tensor(row) for row in x], y), want)
    assert same(trained(network(), padded, y, lengths=lengths), want)
    assert same(trained(network(), padded.astype(np.int32), y, lengths=lengths), want)
    assert same(trained(network(), padded[..., None], y, lengths=lengths), want)


def test_int32_ids_are_not_copied(rng):
    flat = rng.integers(0, TOKENS, (50, 1), dtype=np.int32)
    y = rng.integers(0, 2, (4, 10))

    for x in (
        np.lib.stride_tricks.as_strided(flat, (4, 10, 1), (48, 4, 4)),
        [flat[12 * i : 12 * i + 10] for i in range(4)],
        Ragged(flat, 12 * np.arange(4), np.full(4, 10)),
    ):
        (data,) = examples(network("sequence"), (x, y))

        assert np.shares_memory(data.x.numpy(), flat)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            [[3, 4], [5, 20]],
            r"E_INPUT_RANGE: ids must be from 0 to 19, .* x\[item 1, step 1\] is 20",
        ),
        ([[3, 4], [-1, 2]], r"E_INPUT_RANGE: .* x\[item 1, step 0\] is -1 \(1 such in this item\)"),
        ([[3], [5, 2**40]], r"E_INPUT_RANGE: .* x\[item 1, step 1\] is 1099511627776"),
        (np.array([[3, 4], [5, 20]], np.int32), r"E_INPUT_RANGE: .* x\[item 1, step 1\] is 20"),
        (np.array([[3, 4], [5, 20]]), r"E_INPUT_RANGE: .* x\[item 1, step 1\] is 20"),
        ([[3, 4], [5.0, 2]], r"E_INPUT_DTYPE: x\[1\] must hold ids of tokens, .* dtype float64"),
        (np.ones((2, 2), np.float32), r"E_INPUT_DTYPE: x\[0\] must hold ids of tokens"),
        (["ab", "cd"], r"E_INPUT_"),
        ([[[3, 4]], [[5, 6]]], r"E_INPUT_SHAPE: x\[0\] must have shape \(time, 1\)"),
    ],
)
def test_anything_but_ids_in_range_is_rejected_with_its_place(x, message):
    x = list(map(np.array, x)) if isinstance(x, list) and not isinstance(x[0], str) else x
    for use in (
        lambda: fit(network(), x, [0, 1]),
        lambda: predict(network(), x),
    ):
        with pytest.raises(InputError, match=message):
            use()


def test_ids_between_sequences_may_be_anything():
    values = np.array([[1], [2], [99], [-5], [3], [4]], np.int32)

    rows = as_ragged(Ragged(values, np.array([0, 4]), np.array([2, 2])), None, 1, tokens=5)

    assert [row[:, 0].tolist() for row in rows] == [[1, 2], [3, 4]]
    with pytest.raises(InputError, match=r"x\[item 0, step 2\] is 99"):
        as_ragged(Ragged(values, np.array([0, 4]), np.array([3, 2])), None, 1, tokens=5)


def test_noise_is_for_numbers(rng):
    with pytest.raises(UsageError, match="noise is added to numbers, but this network reads tok"):
        fit(network(), *ids(rng), noise=0.1)


def test_ids_are_not_scaled(rng):
    net = network()
    trained(net, *ids(rng))

    (column,) = net.metadata.features
    assert (column.mean, column.scale, column.low, column.high) == (0.0, 1.0, 0.0, TOKENS - 1.0)
    assert (net.x_mean, net.x_scale) == (0.0, 1.0)


@pytest.mark.parametrize(("head", "tbptt"), [("last", None), ("last", 4), ("sequence", 4)])
def test_a_resumed_training_ends_with_the_same_weights(rng, head, tbptt, tmp_path):
    x, y = ids(rng, per_step=head == "sequence")
    options = {"dropout": 0.3, "pool": "max" if head == "last" else "last"}
    recipe = {"epochs": 4, "tbptt": tbptt, "batch_size": 8}
    want = trained(network(head, **options), x, y, **recipe)

    for steps in (3, 8, 11):
        trained(network(head, **options), x, y, **recipe, checkpoints=Stops(tmp_path, steps))
        again = Checkpoints(tmp_path)
        again.load()

        assert again.start.progress.step
        assert same(trained(network(head, **options), x, y, **recipe, checkpoints=again), want)


def test_a_saved_network_of_tokens_is_read_back(tmp_path, rng):
    net, (x, y) = network(pool="max"), ids(rng)
    trained(net, x, y)

    save_weights(net, tmp_path)
    again = load_run(tmp_path)

    assert again.tokens == TOKENS
    assert again.metadata == net.metadata
    np.testing.assert_array_equal(predict(again, x), predict(net, x))
