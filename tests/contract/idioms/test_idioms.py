"""Each idiom computes, in onnxruntime, what numpy computes row by row without padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from reference import attention, cell, convolution, state_size

from seqrt.contract import idioms
from seqrt.contract.idioms import Idiom
from seqrt.export.graph.builder import GraphBuilder

T, B, W = 7, 3, 2
LENGTHS = np.array([7, 1, 4], np.int32)
# What is past the end of a row must not matter, however large it is.
PADDING = 1e6


def steps(width: int = W, seed: int = 0) -> np.ndarray:
    """Return a value (T, B, W) over time."""
    value = np.random.default_rng(seed).normal(size=(T, B, width)).astype(np.float32)
    value[np.arange(T)[:, None] >= LENGTHS] = PADDING
    return value


def rows_of(value: np.ndarray) -> list[np.ndarray]:
    """Return the steps of each row of a value (T, B, W), without padding."""
    return [value[:length, row].astype(np.float64) for row, length in enumerate(LENGTHS)]


def run(*parts: Idiom, **values: Any) -> list[np.ndarray]:
    """Return what the last of `parts` writes, given the values that they read."""
    graph = GraphBuilder()
    for part in parts:
        graph.idiom(part)
    feeds = {"x": np.zeros((B, T, 1), np.float32), "lengths": LENGTHS, **values}
    return run_graph(graph, feeds, list(parts[-1].writes))


def run_graph(graph: GraphBuilder, feeds: dict[str, Any], names: list[str]) -> list[np.ndarray]:
    """Return the values `names` of a graph."""
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim
        )
        for name, value in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names]
    proto = helper.make_graph(graph.nodes, "idiom", inputs, outputs, list(graph.constants.values()))
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(names, feeds)


def assert_rows(got: np.ndarray, wanted: list[np.ndarray]) -> None:
    """Assert that each row of got (T, B, ...) has the wanted steps."""
    for row, want in enumerate(wanted):
        np.testing.assert_allclose(got[: len(want), row], want, rtol=1e-5, atol=1e-6)


def test_the_last_step_is_that_of_each_row():
    (got,) = run(idioms.step_from_end(0, "v", W), v=steps())

    np.testing.assert_array_equal(got, [row[-1] for row in rows_of(steps())])


def test_steps_further_back_need_rows_that_have_them():
    part = idioms.step_from_end(0, "v", W, back=3)

    assert part.least == 3
    (got,) = run(part, v=steps())
    np.testing.assert_array_equal(got[[0, 2]], steps()[[4, 1], [0, 2]])


def test_ids_outside_the_table_read_its_first_row():
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    ids = np.array([[0, 3, 2, 1], [-1, 4, 1 << 40, -(1 << 63)]])

    (got,) = run(idioms.token_rows("table", 4, 3), x=ids, table=table)

    np.testing.assert_array_equal(got.transpose(1, 0, 2), table[[[0, 3, 2, 1], [0, 0, 0, 0]]])


def test_a_step_from_the_start_is_the_same_for_all():
    part = idioms.step_from_start(0, "v", W, at=2)

    assert part.least == 3
    np.testing.assert_array_equal(run(part, v=steps())[0], steps()[2])


def test_a_sum_is_that_of_the_steps_of_each_row():
    (got,) = run(idioms.time_sum(0, "v", W), v=steps())

    np.testing.assert_allclose(got, [row.sum(0) for row in rows_of(steps())], rtol=1e-5)


@pytest.mark.parametrize("smallest", [False, True])
def test_a_maximum_is_that_of_the_steps_of_each_row(smallest: bool):
    part = idioms.time_max(0, "v", W, smallest=smallest)

    (got,) = run(idioms.inside(), part, v=steps())

    find = np.min if smallest else np.max
    np.testing.assert_array_equal(got, [find(row, 0).astype("f4") for row in rows_of(steps())])


def test_a_count_is_the_length():
    np.testing.assert_array_equal(run(idioms.count())[0], LENGTHS[:, None])


def test_steps_go_on_counting_and_only_the_first_call_is_fresh():
    before = np.array([[[0], [5], [2]]], np.float32)

    total, fresh, carried = run(idioms.steps("before"), before=before)

    np.testing.assert_array_equal(total, [[7], [6], [6]])
    np.testing.assert_array_equal(fresh, [[1], [0], [0]])
    np.testing.assert_array_equal(carried, total[None])


def test_values_past_the_end_are_masked():
    (got,) = run(idioms.inside(), idioms.masked(0, "v", W, fill=-2.0), v=steps())

    assert_rows(got, rows_of(steps()))
    assert (got[np.arange(T)[:, None] >= LENGTHS] == -2).all()


def test_a_value_of_the_whole_row_is_repeated_on_its_steps():
    value = np.arange(B * W, dtype=np.float32).reshape(1, B, W)

    part = idioms.masked(0, "v", W, over_time=False)
    (got,) = run(idioms.inside(), part, v=value)

    assert_rows(got, [np.tile(value[0, row], (n, 1)) for row, n in enumerate(LENGTHS)])


def test_a_softmax_over_time_is_that_of_each_row():
    (got,) = run(idioms.inside(), idioms.time_softmax(0, "v", W), v=steps())

    exponents = [np.exp(row - row.max(0)) for row in rows_of(steps())]
    assert_rows(got, [each / each.sum(0) for each in exponents])
    assert (got[np.arange(T)[:, None] >= LENGTHS] == 0).all()


def test_scores_are_products_with_each_query():
    query = np.random.default_rng(1).normal(size=(B, W, 5)).astype(np.float32)

    (got,) = run(idioms.scores(0, "v", W, "q", 5), v=steps(), q=query)

    assert_rows(got, [row @ q for row, q in zip(rows_of(steps()), query, strict=True)])


def test_attention_sums_the_steps_of_each_row():
    weights = steps(4, seed=2)

    part = idioms.attend(0, "w", 4, "v", W)
    (got,) = run(idioms.inside(), part, w=weights, v=steps())

    wanted = [w.T @ v for w, v in zip(rows_of(weights), rows_of(steps()), strict=True)]
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_steps_are_reversed_within_each_row():
    (got,) = run(idioms.reversed_steps(0, "v", W), v=steps())

    assert_rows(got, [row[::-1] for row in rows_of(steps())])


def test_an_embedding_looks_up_each_id_and_none_outside_the_table():
    table = np.arange(10, dtype=np.float32).reshape(5, 2)
    ids = np.array([[0, 4, 2], [3, -1_000_000, 1 << 40]], np.int64)

    (got,) = run(idioms.embedding(0, "t", 5, 2), x=ids, lengths=np.array([3, 1], "i4"), t=table)

    np.testing.assert_array_equal(got, table[np.clip(ids, 0, 4)].transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("kernel", "dilation", "ahead"), [(3, 1, 0), (2, 2, 0), (3, 1, 1), (3, 2, 2), (2, 1, 1)]
)
def test_taps_are_the_steps_around_each_step(kernel: int, dilation: int, ahead: int):
    part = idioms.taps(0, "v", W, kernel, dilation, ahead=ahead)

    (got,) = run(idioms.inside(), part, v=steps())

    assert_rows(got, [around(row, kernel, dilation, ahead) for row in rows_of(steps())])


@pytest.mark.parametrize(("kernel", "dilation", "ahead"), [(3, 1, 0), (2, 4, 0), (5, 1, 2)])
def test_taps_and_a_matrix_are_a_convolution(kernel: int, dilation: int, ahead: int):
    random = np.random.default_rng(6)
    weight, bias = random.normal(size=(4, W, kernel)), random.normal(size=4)

    part = idioms.taps(0, "v", W, kernel, dilation, ahead=ahead)
    (got,) = run(idioms.inside(), part, v=steps())

    y = got @ weight.transpose(2, 1, 0).reshape(kernel * W, 4) + bias
    assert_rows(y, [convolution(row, weight, bias, dilation, ahead) for row in rows_of(steps())])


def test_a_softmax_and_a_weighted_sum_are_attention():
    scores = steps(4, seed=2)

    parts = [idioms.inside(), idioms.time_softmax(0, "s", 4)]
    parts += [idioms.attend(0, parts[-1].output, 4, "v", W)]
    (got,) = run(*parts, s=scores, v=steps())

    pairs = zip(rows_of(scores), rows_of(steps()), strict=True)
    np.testing.assert_allclose(got, [attention(s, row) for s, row in pairs], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("width", [1, W])
@pytest.mark.parametrize("kernel", [2, 5, 30])
def test_windows_are_taps_of_the_steps_so_far(width: int, kernel: int):
    part = idioms.windows(0, "v", width, kernel)

    (got,) = run(part, v=steps(width))

    assert_rows(got, [around(row, kernel, 1, 0) for row in rows_of(steps(width))])


@pytest.mark.parametrize("width", [1, W])
def test_windows_cut_anywhere_are_the_whole(width: int):
    value = np.random.default_rng(3).normal(size=(9, width)).astype(np.float32)
    part = idioms.windows(0, "v", width, 4, start="s")
    start = np.zeros((1, 1, 3 * width), np.float32)
    whole, end = one_row(part, start, value)
    np.testing.assert_array_equal(whole[:, 0], around(value, 4, 1, 0).astype("f4"))

    for cut in range(1, 9):
        first, kept = one_row(part, start, value[:cut])
        second, last = one_row(part, kept, value[cut:])
        np.testing.assert_array_equal(np.concatenate([first, second]), whole)
        np.testing.assert_array_equal(last, end)


# Dilated layers


class Dilated:
    """A layer of 4 units that skips steps, its weights as torch has them."""

    ORDERS = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}  # noqa: RUF012 - never changed

    def __init__(self, kind: str, dilation: int) -> None:
        """Draw the weights."""
        self.kind, self.dilation, rows = kind, dilation, 4 * len(self.ORDERS[kind])
        shapes = {"weight_ih": (rows, W), "weight_hh": (rows, 4), "bias_ih": rows, "bias_hh": rows}
        random = np.random.default_rng(8)
        self.weights = {name: random.normal(size=shape) for name, shape in shapes.items()}
        self.states = ("h", "c")[: state_size(kind, 1)]

    def expected(self, row: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps of a row (T, W) that continues from a ring, and the new ring (W, S)."""
        steps, ring = [], list(ring)
        for x in row:
            h, state = cell(self.kind, x[None], ring.pop(0), self.weights)
            steps.append(h[0])
            ring.append(state)
        return np.array(steps), np.array(ring)

    def run(self, value: np.ndarray, lengths: np.ndarray, ring: np.ndarray) -> list[np.ndarray]:
        """Return the steps (T, B, H) of value (T, B, W), and the new ring (B, dilation, S)."""
        starts = tuple(f"s{name}" for name in self.states)
        before = idioms.phases(0, "v", W, self.dilation, starts, 4)
        ends = tuple(f"e{name}" for name in self.states)
        after = idioms.interleaved(0, "y", 4, self.dilation, ends)
        graph, session_inputs = GraphBuilder(), {}
        graph.idiom(before)
        inputs = ["phases.0.steps", *self._constants(graph), "phases.0.lengths"]
        inputs += [f"phases.0.start{i}" for i in range(len(starts))]
        more = {"linear_before_reset": 1} if self.kind == "gru" else {}
        graph.append(self.kind.upper(), inputs, ["y", *ends], hidden_size=4, **more)
        graph.idiom(after)
        for name, part in zip(starts, np.split(ring, len(starts), axis=2), strict=True):
            session_inputs[name] = part.reshape(1, len(lengths), -1).astype("f4")
        x = np.zeros((len(lengths), len(value), 1), "f4")
        feeds = {"x": x, "lengths": lengths, "v": value, **session_inputs}
        steps, kept = run_graph(graph, feeds, [after.output, after.carried])
        parts = np.split(kept[0], len(starts), axis=1)
        return [steps, np.concatenate([p.reshape(len(lengths), -1, 4) for p in parts], axis=2)]

    def _constants(self, graph: GraphBuilder) -> list[str]:
        order = self.ORDERS[self.kind]
        w = {
            name: np.concatenate([np.split(values, len(order))[i] for i in order])[None]
            for name, values in self.weights.items()
        }
        w["bias"] = np.concatenate([w.pop("bias_ih"), w.pop("bias_hh")], axis=1)
        return [graph.constant(name, values.astype("f4")) for name, values in w.items()]


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dilation", [2, 3, 7, 20])
def test_each_step_of_a_dilated_layer_continues_from_the_state_so_many_steps_before(kind, dilation):
    layer = Dilated(kind, dilation)
    ring = np.random.default_rng(9).normal(size=(B, dilation, state_size(kind, 4))) / 2

    got, kept = layer.run(steps(), LENGTHS, ring)

    wanted = [layer.expected(row, start) for row, start in zip(rows_of(steps()), ring, strict=True)]
    assert_rows(got, [each[0] for each in wanted])
    np.testing.assert_allclose(kept, [each[1] for each in wanted], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("dilation", [2, 5, 12])
def test_a_dilated_layer_cut_anywhere_is_the_whole(kind, dilation):
    layer, value = Dilated(kind, dilation), steps(seed=5)[:, :1]
    ring = np.zeros((1, dilation, state_size(kind, 4)))
    whole, end = layer.run(value, np.array([T], np.int32), ring)

    for cut in range(1, T):
        first, kept = layer.run(value[:cut], np.array([cut], np.int32), ring)
        second, last = layer.run(value[cut:], np.array([T - cut], np.int32), kept)
        np.testing.assert_array_equal(np.concatenate([first, second]), whole)
        np.testing.assert_array_equal(last, end)


def around(row: np.ndarray, kernel: int, dilation: int, ahead: int) -> np.ndarray:
    """Return the taps of each step of a row (T, W), one after the other."""
    context = (kernel - 1) * dilation
    seen = np.pad(row, [(context - ahead, ahead), (0, 0)])
    return np.array([seen[t : t + context + 1 : dilation].ravel() for t in range(len(row))])


def one_row(part: Idiom, before: np.ndarray, value: np.ndarray, **more: Any) -> list[np.ndarray]:
    """Run a streaming idiom over value (T, W), one row, from a piece of state."""
    lengths = np.array([len(value)], np.int32)
    x = np.zeros((1, len(value), 1), np.float32)
    parts = [idioms.inside(), idioms.steps("n")] if "n" in more else []
    return run(*parts, part, x=x, lengths=lengths, s=before, v=value[:, None], **more)


def test_a_causal_convolution_cut_anywhere_is_the_whole():
    value = np.random.default_rng(3).normal(size=(9, W)).astype(np.float32)
    part = idioms.taps(0, "v", W, 3, 2, start="s")
    start = np.zeros((1, 1, 4 * W), np.float32)
    whole, end = one_row(part, start, value)
    np.testing.assert_array_equal(whole[:, 0], around(value, 3, 2, 0).astype("f4"))

    for cut in range(1, 9):
        first, kept = one_row(part, start, value[:cut])
        second, last = one_row(part, kept, value[cut:])
        np.testing.assert_array_equal(np.concatenate([first, second]), whole)
        np.testing.assert_array_equal(last, end)


@pytest.mark.parametrize("kind", ["sum", "max", "min"])
def test_a_pool_cut_anywhere_is_the_whole(kind: str):
    value = -np.abs(np.random.default_rng(4).normal(size=(9, W))).astype(np.float32)
    if kind == "sum":
        part = idioms.time_sum(0, "v", W, start="s")
    else:
        part = idioms.time_max(0, "v", W, start="s", smallest=kind == "min")
    start, none = np.zeros((1, 1, W), np.float32), np.zeros((1, 1, 1), np.float32)
    wanted = {"sum": value.sum(0), "max": value.max(0), "min": value.min(0)}[kind]

    whole, _ = one_row(part, start, value, n=none)
    np.testing.assert_allclose(whole[0], wanted, rtol=1e-6)
    for cut in range(1, 9):
        _, kept = one_row(part, start, value[:cut], n=none)
        got, _ = one_row(part, kept, value[cut:], n=np.full((1, 1, 1), cut, np.float32))
        np.testing.assert_array_equal(got, whole)
