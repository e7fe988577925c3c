"""Networks with a layer in front and a pool: their files obey the equations, and stream."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference

import seqrt
from seqrt.contract import Carry, Column
from seqrt.errors import ModelError
from seqrt.export import export
from seqrt.training import Network

FEATURES = (Column("t", mean=300.0, scale=20.0), Column("p", mean=-1e5, scale=3e3))
FRONTS, POOLS = ["", "conv:4", "conv:3x11", "conv:1"], ["last", "mean", "max", "attention"]
NEW = [kind for kind in product(FRONTS, POOLS) if kind != ("", "last")]
STREAMED = [kind for kind in NEW if kind[1] != "attention"]
NEW.append(("conv:4", "attention:5"))


def exported(path, front, pool, **choices):
    net = Network(features=2, units=(9, 5), outputs=3, front=front, pool=pool, **choices)
    net.set_scaling(FEATURES, net.metadata.outputs)
    export(net, path)
    return net, seqrt.load(path)


def draw(rng, rows, steps, share=0.0):
    x = rng.standard_normal((rows, steps, 2)) * [20.0, 3e3] + [300.0, -1e5]
    x[rng.random(x.shape) < share] = np.nan
    return x.astype(np.float32), rng.integers(1, steps + 1, rows)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("missing", ["error", "forward", "indicator"])
@pytest.mark.parametrize(("front", "pool"), NEW)
def test_the_file_obeys_the_equations(tmp_path, rng, front, pool, missing, both):
    net, model = exported(
        tmp_path / "m.onnx", front, pool, cell="gru", missing=missing, bidirectional=both
    )
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    for rows, steps in ((1, 1), (4, 2), (7, 23)):
        x, lengths = draw(rng, rows, steps, 0.2 * (missing != "error"))
        y, end = model.run(x, lengths)

        want, want_end = reference.network(arrays, net.config(), x, lengths)
        np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
        np.testing.assert_allclose(end, want_end, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("front", "pool"), STREAMED)
def test_a_stream_gives_the_same_bits_however_it_is_cut(tmp_path, rng, front, pool, cell):
    _, model = exported(tmp_path / "m.onnx", front, pool, cell=cell, missing="forward")
    x, _ = draw(rng, 3, 17, 0.2)

    for row in x:
        wholes = [model.predict(row[None, :end])[0] for end in range(1, 18)]
        stream = model.stream()
        for step, whole in zip(row, wholes, strict=True):
            np.testing.assert_array_equal(stream.push(step), whole)
        for cut in (1, 2, 5, 16):
            _, state = model.run(row[None, :cut])
            np.testing.assert_array_equal(model.run(row[None, cut:], None, state)[0][0], wholes[-1])


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("front", "pool"), NEW)
def test_a_row_gives_the_same_bits_alone_and_whatever_pads_it(tmp_path, rng, front, pool, both):
    _, model = exported(tmp_path / "m.onnx", front, pool, bidirectional=both)
    x, lengths = draw(rng, 6, 20)

    together = model.run(x, lengths)[0]
    for row, end in enumerate(lengths):
        x[row, end:] = 1e6
        np.testing.assert_array_equal(model.run(x[row : row + 1, :end])[0][0], together[row])
    np.testing.assert_array_equal(model.run(x, lengths)[0], together)


def test_the_manifest_says_what_the_state_carries(tmp_path):
    _, model = exported(tmp_path / "m.onnx", "conv:4", "max", missing="forward")

    m = model.manifest
    assert m.format == 2
    assert m.carries == (
        Carry("taps", 6),
        *(Carry("h", 9), Carry("c", 9), Carry("h", 5), Carry("c", 5)),
        *(Carry("max", 5), Carry("steps", 1), Carry("known", 2)),
    )


def test_a_network_without_them_stays_of_format_1(tmp_path):
    assert exported(tmp_path / "m.onnx", "", "last")[1].manifest.format == 1


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"pool": "attention"}, "attention pooling weighs the steps of a whole sequence"),
        ({"pool": "mean", "bidirectional": True}, "its layers are bidirectional"),
    ],
)
def test_a_network_that_cannot_stream_says_why(tmp_path, choices, why):
    _, model = exported(tmp_path / "m.onnx", "", **choices)

    with pytest.raises(ModelError, match=f"cannot stream: {why}"):
        model.stream()
