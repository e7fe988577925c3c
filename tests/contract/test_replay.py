"""tools/hosts/replay.py: right hosts pass, and wrong ones do not."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx.reference import ReferenceEvaluator
from pages import HOUSE

NETS = HOUSE / "tests" / "runtime" / "nets"
FILES = sorted(str(path.relative_to(NETS)) for path in NETS.rglob("*.onnx"))


@pytest.fixture
def replay(monkeypatch):
    monkeypatch.syspath_prepend(HOUSE / "tools" / "hosts")
    import replay

    return replay


def onnxruntime_of(content):
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def evaluator_of(content):
    session = ReferenceEvaluator(onnx.load_from_string(content))
    return lambda feeds: dict(zip(session.output_names, session.run(None, feeds), strict=True))


def row_by_row(run):
    """Each row alone, cut to its length; for networks with an output after the last step."""

    def rows(feeds):
        parts = []
        for i, length in enumerate(feeds["lengths"]):
            row = {name: array[i : i + 1] for name, array in feeds.items()}
            parts.append(run(row | {"x": row["x"][:, :length]}))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return rows


def passes(found):
    return all(error <= allowed for error, allowed in found.values())


@pytest.mark.parametrize("file", FILES)
def test_onnxruntime_computes_what_every_file_proves(replay, file):
    content = (NETS / file).read_bytes()

    assert passes(replay.replay(content, onnxruntime_of(content)))


@pytest.mark.parametrize("net", ["lstm-last", "gru-last"])
def test_a_host_that_does_not_read_lengths_is_found(replay, net):
    content = (NETS / f"{net}.onnx").read_bytes()
    run = evaluator_of(content)

    assert not passes(replay.replay(content, run))
    assert passes(replay.replay(content, row_by_row(run)))


@pytest.mark.parametrize("net", ["lstm-last", "gru-sequence", "format2/two-heads"])
@pytest.mark.parametrize("output", [0, -1])
def test_nan_is_an_infinite_error(replay, net, output):
    content = (NETS / f"{net}.onnx").read_bytes()
    right = onnxruntime_of(content)

    def run(feeds):
        outputs = {name: array.copy() for name, array in right(feeds).items()}
        list(outputs.values())[output].reshape(-1)[0] = np.nan
        return outputs

    assert max(error for error, _ in replay.replay(content, run).values()) == np.inf


def test_outputs_of_another_shape_are_an_infinite_error(replay):
    content = (NETS / "lstm-last.onnx").read_bytes()
    right = onnxruntime_of(content)

    found = replay.replay(content, lambda feeds: right(feeds) | {"y": np.zeros(1)})

    assert found["y"][0] == np.inf


def test_one_weight_that_differs_is_found(replay):
    content = (NETS / "lstm-last.onnx").read_bytes()
    graph = onnx.load_from_string(content)
    weights = max(graph.graph.initializer, key=lambda each: len(each.raw_data))
    numbers = np.frombuffer(weights.raw_data, "<f4").copy()
    numbers[0] += 0.1
    weights.raw_data = numbers.tobytes()

    assert not passes(replay.replay(content, onnxruntime_of(graph.SerializeToString())))


def test_a_host_that_counts_ids_from_the_end_of_the_table_is_found(replay):
    content = (NETS / "format2" / "word-tags.onnx").read_bytes()
    right = onnxruntime_of(content)

    assert not passes(replay.replay(content, lambda feeds: right(feeds | {"x": feeds["x"] % 7})))


def test_ids_outside_the_table_are_unknown_in_every_host():
    content = (NETS / "format2" / "word-tags.onnx").read_bytes()
    outside = np.array([[-1, 7, 1 << 40, -(1 << 63), 3]])
    feeds = {"lengths": np.array([5], np.int32), "state": np.zeros((1, 8), np.float32)}
    run = onnxruntime_of(content)

    got, want = run({"x": outside, **feeds}), run({"x": outside * [[0, 0, 0, 0, 1]], **feeds})

    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values)
