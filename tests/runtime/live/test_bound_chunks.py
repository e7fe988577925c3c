"""Chunks as long as the one before, and steps in any form, run over bound arrays: same bits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import InputError
from seqrt.runtime.inputs.arrays import as_floats

NETS = Path(__file__).parents[1] / "nets"
STREAMED = sorted(
    path.relative_to(NETS).with_suffix("").as_posix()
    for path in NETS.rglob("*.onnx")
    if seqrt.load(path).manifest.streamable
)
# A chunk that is as long as the one before it is bound.
CUTS = [3, 3, 3, 1, 1, 3, 3, 5, 5, 1, 3, 2, 2, 2, 1, 1, 0, 2, 2]


def drawn(model, steps):
    rng = np.random.default_rng(0)
    m = model.manifest
    if m.tokens:
        return rng.integers(0, m.tokens, steps)
    x = rng.normal(size=(steps, len(m.features))).astype(np.float32)
    if m.takes_missing:
        x[rng.random(x.shape) < 0.2] = np.nan
    return x


def joined(parts):
    if isinstance(parts[0], dict):
        return {name: joined([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate([np.atleast_2d(part) for part in parts])


def assert_same(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", STREAMED)
def test_chunks_of_all_lengths_answer_as_steps_do(name):
    model = seqrt.load(NETS / f"{name}.onnx")
    x, at = drawn(model, sum(CUTS)), 0
    steps, chunks = model.stream(), model.stream()

    for count in CUTS:
        each = [steps.push(row) for row in x[at : at + count]]
        y = chunks.push(x[at : at + count])

        if count:
            whole = joined(each)
            if isinstance(y, dict):
                for name, found in y.items():
                    wanted = whole[name] if found.ndim == 2 else whole[name][-1]
                    np.testing.assert_array_equal(found, wanted)
            else:
                np.testing.assert_array_equal(y, whole if y.ndim == 2 else whole[-1])
        assert chunks.save() == steps.save()
        at += count


@pytest.mark.parametrize("name", [n for n in STREAMED if "tagger" not in n])
def test_rows_lists_and_doubles_answer_as_float32_steps_do(name):
    model = seqrt.load(NETS / f"{name}.onnx")
    x, per_step = drawn(model, 6), model.manifest.head == "sequence"
    plain = [model.stream() for _ in range(2)]
    row, double, listed, nested = (model.stream() for _ in range(4))

    for step in x:
        want, chunk = plain[0].push(step), plain[1].push(np.array([step, step])[:1])
        assert_same(row.push(step[None]), chunk)
        assert_same(double.push(step.astype(np.float64)), want)
        assert_same(listed.push(step.tolist()), want)
        assert_same(nested.push([step.tolist()]), chunk)
        if not isinstance(want, dict):
            assert (want.ndim, chunk.ndim) == (1, 2 if per_step else 1)


def test_a_chunk_that_is_refused_leaves_the_bound_state_as_it_was(tmp_path):
    model = seqrt.load(NETS / "lstm-sequence.onnx")
    stream, x = model.stream(), drawn(model, 9)
    for start in (0, 3):
        stream.push(x[start : start + 3])
    before = stream.save()
    x[7, 1] = np.nan

    with pytest.raises(InputError, match="E_INPUT_NONFINITE"):
        stream.push(x[6:])

    assert stream.save() == before
    assert np.isnan(stream.push(x[6:], nonfinite="propagate")[1:]).all()


def test_bound_chunks_go_on_after_restore_reset_and_fork():
    model = seqrt.load(NETS / "gru-sequence.onnx")
    x = drawn(model, 12)
    stream = model.stream()
    first, second = stream.push(x[:3]), stream.push(x[3:6])
    saved, other = stream.save(), stream.fork()
    third = stream.push(x[6:9])

    assert_same(other.push(x[6:9]), third)
    stream.restore(saved)
    assert_same(stream.push(x[6:9]), third)
    stream.reset()
    assert_same(stream.push(x[:3]), first)
    assert_same(stream.push(x[3:6]), second)
    assert stream.steps == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_binds_its_own_arrays():
    model = seqrt.load(NETS / "lstm-last.onnx")
    stream, x = model.stream(), drawn(model, 12)
    stream.push(x[:3])
    stream.push(x[3:6])
    want = model.predict(x[None])[0]

    pid = os.fork()
    if pid == 0:
        stream.push(x[6:9])
        os._exit(0 if np.array_equal(stream.push(x[9:]), want) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    stream.push(x[6:9])
    np.testing.assert_array_equal(stream.push(x[9:]), want)


def test_arrays_are_bound_for_short_chunks_alone():
    model = seqrt.load(NETS / "lstm-sequence.onnx")
    engine = model._engine
    longest = engine.limits.bound_numbers // (engine.features + engine.outputs)
    stream, x = model.stream(), np.zeros((longest + 1, 2), np.float32)

    stream.push(x[:3])
    assert stream._bound is None
    stream.push(x[:3])
    assert stream._bound.time == 3
    for _ in range(2):
        stream.push(x)
        assert stream._bound.time == 3
    for _ in range(2):
        stream.push(x[:-1])
    assert stream._bound.time == longest


@pytest.mark.parametrize(
    "value",
    [
        [1.0, -2.5],
        np.array([1e-320, -0.0]),
        np.array([[3.4e38], [-3.4e38]]),
        np.array([np.finfo(np.float32).max, 1 + 2**-24]),
        np.arange(12.0).reshape(3, 4)[:, ::2],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([1.0, 2.0], ">f8"),
    ],
)
def test_few_doubles_become_float32_as_many_do(value):
    found = as_floats(value, "x")

    array = np.asarray(value)
    many = as_floats(np.concatenate([array.reshape(-1), np.zeros(99)]), "x")[: array.size]
    assert found.tobytes() == many.tobytes()
    assert found.shape == array.shape
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize("value", [[1e39], [0.0, -4e38], np.array([[1.0, 3.5e38]])])
def test_few_doubles_beyond_float32_are_refused(value):
    with pytest.raises(InputError, match=r"E_INPUT_RANGE: .* is too large for float32"):
        as_floats(value, "x")


@pytest.mark.parametrize("value", [[np.nan, 1.0], [np.inf], np.array([-np.inf, 2.0])])
def test_few_doubles_that_are_not_finite_pass(value):
    np.testing.assert_array_equal(as_floats(value, "x"), np.asarray(value))
