"""Networks that read in segments: their files obey the equations, and stream the same bits."""

from __future__ import annotations

import numpy as np
import pytest
import reference

import seqrt
from seqrt.contract import Carry, Column, Layer
from seqrt.export import export
from seqrt.training import Network

FEATURES = (Column("t", mean=300.0, scale=20.0), Column("p", mean=-1e5, scale=3e3))
KINDS = [
    ("segments:4", {"cell": "lstm", "missing": "forward"}),
    ("segments:7", {"cell": "rnn", "head": "sequence"}),
    ("segments:24", {"cell": "gru", "missing": "indicator"}),
    ("segments:3", {"cell": "gru", "residual": True, "layer_norm": True, "pool": "max"}),
    ("segments:3", {"cell": "lstm", "residual": True}),
    ("segments:5", {"cell": "mingru"}),
]


def exported(path, front, **choices):
    net = Network(features=2, units=(6, 6), outputs=3, front=front, **choices)
    net.set_scaling(FEATURES, net.metadata.outputs)
    export(net, path)
    return net, seqrt.load(path)


def draw(rng, rows, steps, share=0.0):
    x = rng.standard_normal((rows, steps, 2)) * [20.0, 3e3] + [300.0, -1e5]
    x[rng.random(x.shape) < share] = np.nan
    return x.astype(np.float32), rng.integers(1, steps + 1, rows)


@pytest.mark.parametrize(("front", "choices"), [*KINDS, ("segments:5", {"pool": "attention"})])
def test_the_file_obeys_the_equations(tmp_path, rng, front, choices):
    net, model = exported(tmp_path / "m.onnx", front, **choices)
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    for rows, steps in ((1, 1), (4, 2), (7, 33)):
        x, lengths = draw(rng, rows, steps, 0.2 * (net.missing != "error"))
        y, end = model.run(x, lengths)

        want, want_end = reference.network(arrays, net.config(), x, lengths)
        np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
        np.testing.assert_allclose(end, want_end, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(("front", "choices"), KINDS)
def test_a_stream_gives_the_same_bits_however_it_is_cut(tmp_path, rng, front, choices):
    net, model = exported(tmp_path / "m.onnx", front, **choices)
    x, lengths = draw(rng, 5, 31, 0.2 * (net.missing != "error"))
    together, _ = model.run(x, lengths)

    for row, end, whole in zip(x, lengths, together, strict=True):
        for cuts in ([1] * end, [end // 2, end - end // 2], [end - 1, 1]):
            state, y = None, []
            for part in np.split(row[:end], np.cumsum(cuts)[:-1]):
                if len(part):
                    got, state = model.run(part[None], None, state)
                    y.append(got[0])
            last = np.concatenate(y) if net.head == "sequence" else y[-1]
            np.testing.assert_array_equal(last, whole[:end] if net.head == "sequence" else whole)


def test_the_manifest_has_the_dilation_and_all_states(tmp_path):
    _, model = exported(tmp_path / "m.onnx", "segments:4")

    m = model.manifest
    assert m.format == 2
    assert m.layers == (Layer("lstm", 6, dilation=4),) * 2
    assert m.carries == (Carry("taps", 6), *[Carry("h", 24), Carry("c", 24)] * 2)
