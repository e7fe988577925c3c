"""Small files of format 2, built by hand from the idioms, each with a proof by plain numpy.

No exporter takes part, so that contract and runtime are tested against the format alone. The
weights are random. tools/build_test_nets.py writes them to tests/runtime/nets/format2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from seqrt.contract import (
    IR_VERSION,
    MANIFEST_KEY,
    NEWEST_FORMAT,
    OPSET,
    PROOF_KEY,
    Carry,
    Column,
    Layer,
    Manifest,
    OutputHead,
    Parity,
    idioms,
    seal,
)
from seqrt.contract.idioms.fixed_node import FRESH
from seqrt.contract.manifest import GATES, STATE_PARTS, Cell, Head
from seqrt.contract.text import Text
from seqrt.export.graph.builder import GraphBuilder
from seqrt.export.small_weights.truth import solved
from seqrt.runtime.proving.proof import encode

Array = NDArray[Any]


class Net:
    """A graph under construction: values over time are (T, B, W), pieces of state (1, B, n)."""

    def __init__(
        self, features: int, carries: str = "", tokens: int = 0, text: Text | None = None
    ) -> None:
        """Start with x; `carries` lists the pieces of state, such as "h4 c4 steps1"."""
        self.graph, self.random = GraphBuilder(), np.random.default_rng(5)
        self.features, self.tokens, self.text = features, text.size if text else tokens, text
        names = [piece.rstrip("0123456789") for piece in carries.split()]
        sizes = [int(piece[len(n) :]) for piece, n in zip(carries.split(), names, strict=True)]
        self.carries = tuple(Carry(n, size) for n, size in zip(names, sizes, strict=True))
        self.ends: list[str] = []
        self.layers: list[Layer] = []
        self.pieces = self._split(sizes)
        self.number = 0

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; return its output."""
        self.number += 1
        return self.graph.add(operator, list(inputs), f"v{self.number}", **attributes)

    def weights(self, *shape: int) -> str:
        """Add a constant of random numbers."""
        self.number += 1
        values = self.random.normal(size=shape).astype(np.float32) * 0.6
        return self.graph.constant(f"w{self.number}", values)

    def number_of(self, value: Array | float) -> str:
        """Add a constant."""
        self.number += 1
        return self.graph.constant(f"k{self.number}", np.asarray(value, np.float32))

    def idiom(self, idiom: idioms.Idiom) -> str:
        """Append an idiom, and what it carries to the ends of the state."""
        if idiom.carried:
            self.ends.append(idiom.carried)
        return self.graph.idiom(idiom)

    def steps_of_x(self) -> str:
        """Return x as (T, B, D)."""
        return self.add("Transpose", "x", perm=[1, 0, 2])

    def dense(self, value: str, width: int, outputs: int) -> str:
        """Append a product with a matrix, and a bias."""
        product = self.add("MatMul", value, self.weights(width, outputs))
        return self.add("Add", product, self.weights(outputs))

    def layer(
        self,
        cell: Cell,
        value: str,
        width: int,
        units: int,
        *,
        starts: tuple[str, ...] = (),
        direction: str = "forward",
        steps: int = 0,
        reset: int = 1,
        like: str = "",
        lengths: str = "lengths",
        dilation: int = 1,
    ) -> tuple[str, list[str]]:
        """Append a layer: return its steps (T, B, H) or (T, B, 2 H), and its ends (dirs, B, H).

        It uses the weights of the layer that gave the ends `like`, if there is one.
        """
        self.number += 1
        ways, rows = 1 + (direction == "bidirectional"), GATES[cell] * units
        name = f"layer{self.number}"
        other = next((node for node in self.graph.nodes if like and like in node.output), None)
        inputs = [value]
        if other is None:
            inputs += [self.weights(ways, rows, width), self.weights(ways, rows, units)]
            inputs += [self.weights(ways, 2 * rows)]
        else:
            inputs += other.input[1:4]
        inputs += ["" if steps else lengths, *starts]
        attributes: dict[str, Any] = {"direction": direction, "hidden_size": units}
        if cell == "gru":
            attributes["linear_before_reset"] = reset
        if cell == "rnn":
            attributes["activations"] = ["Tanh"] * ways
        ends = [f"{name}_{part}" for part in STATE_PARTS[cell]]
        self.graph.append(cell.upper(), inputs, [f"{name}_steps", *ends], **attributes)
        reverse = direction == "reverse"
        self.layers.append(Layer(cell, units, ways == 2, "tanh", reverse, steps, dilation))
        if dilation > 1:
            return f"{name}_steps", ends
        if ways == 1:
            return self.add("Squeeze", f"{name}_steps", self.graph.axes(1)), ends
        turned = self.add("Transpose", f"{name}_steps", perm=[0, 2, 1, 3])
        return self.add("Reshape", turned, self.graph.axes(0, 0, -1)), ends

    def dilated(
        self, cell: Cell, value: str, width: int, units: int, dilation: int, starts: tuple[str, ...]
    ) -> str:
        """Append a dilated layer, which continues from the pieces `starts`: return its steps."""
        number = sum(layer.dilation > 1 for layer in self.layers)
        self.idiom(idioms.phases(number, value, width, dilation, starts, units))
        begin = tuple(f"phases.{number}.start{i}" for i in range(len(starts)))
        lengths = f"phases.{number}.lengths"
        steps, ends = self.layer(
            cell,
            f"phases.{number}.steps",
            width,
            units,
            starts=begin,
            lengths=lengths,
            dilation=dilation,
        )
        kept = tuple(ends) if starts else ()
        return self.idiom(idioms.interleaved(number, steps, units, dilation, kept))

    def file(
        self, name: str, heads: list[tuple[str, str, int, Head]], least: int = 1, why: str = ""
    ) -> bytes:
        """Return the sealed file; `heads` are (name, value, outputs, head), values batch-major."""
        for head, value, _, _ in heads:
            self.graph.add("Identity", [value], head)
        if self.ends:
            joined = self.ends[0]
            if len(self.ends) > 1:
                joined = self.add("Concat", *self.ends, axis=2)
            self.graph.add("Squeeze", [joined, self.graph.axes(0)], "state_out")
        manifest = self._manifest(name, heads, least, why)
        content = _serialised(self._model(heads), manifest, "")
        return seal(_serialised(self._model(heads), manifest, _proof(content, manifest)))

    def _split(self, sizes: list[int]) -> list[str]:
        if not sizes:
            return []
        rows = self.graph.add("Unsqueeze", ["state", self.graph.axes(0)], "state_rows")
        if len(sizes) == 1:
            return [rows]
        names = [f"piece{i}" for i in range(len(sizes))]
        split = self.graph.constant("state_sizes", np.array(sizes, np.int64))
        self.graph.append("Split", [rows, split], names, axis=2)
        return names

    def _manifest(
        self, name: str, heads: list[tuple[str, str, int, Head]], least: int, why: str
    ) -> Manifest:
        outputs = sum(size for _, _, size, _ in heads)
        kinds: Any = [kind for _, _, _, kind in heads]
        return Manifest(
            name=name,
            producer="seqrt 0.2.0",
            task="regress",
            head="sequence" if "sequence" in kinds else "last",
            activation="none",
            layers=tuple(layer for layer in self.layers if not layer.steps),
            features=tuple(
                Column(self.text.column if self.text else f"x{i}") for i in range(self.features)
            ),
            outputs=tuple(Column(f"y{i}") for i in range(outputs)),
            parity=Parity(1e-7, 1e-7, 1.0, 17),
            seed=5,
            format=NEWEST_FORMAT,
            carries=self.carries,
            least=least,
            tokens=self.tokens,
            decoders=tuple(layer for layer in self.layers if layer.steps),
            heads=tuple(OutputHead(n, size, kind) for n, _, size, kind in heads)
            if len(heads) > 1
            else (),
            not_streamable=why,
            text=self.text,
        )

    def _model(self, heads: list[tuple[str, str, int, Head]]) -> onnx.ModelProto:
        x = ["batch", "time"] if self.tokens else ["batch", "time", self.features]
        size = sum(piece.size for piece in self.carries)
        inputs = [
            _tensor("x", x, TensorProto.INT64 if self.tokens else TensorProto.FLOAT),
            _tensor("lengths", ["batch"], TensorProto.INT32),
        ]
        outputs = [
            _tensor(name, ["batch", *(["time"] if kind == "sequence" else []), width])
            for name, _, width, kind in heads
        ]
        if size:
            inputs.append(_tensor("state", ["batch", size]))
            outputs.append(_tensor("state_out", ["batch", size]))
        constants = list(self.graph.constants.values())
        proto = helper.make_graph(self.graph.nodes, "seqrt", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION)


def _tensor(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _serialised(model: onnx.ModelProto, manifest: Manifest, proof: str) -> bytes:
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json(), PROOF_KEY: proof})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _proof(content: bytes, m: Manifest) -> str:
    """Return golden cases with numpy's float64 outputs, its float32 errors beside them."""
    random, cases = np.random.default_rng(9), []
    for rows, time in ((1, max(1, m.least)), (3, 17), (1, 24)):
        if m.tokens:
            x = random.integers(0, m.tokens, (rows, time))
            if m.text and time > 1:  # some ids are outside the table
                x.flat[[0, 3, 7]] = -1, m.tokens, -(2**31)
        else:
            x = random.normal(size=(rows, time, len(m.features))).astype(np.float32)
        lengths = np.maximum(m.least, time - np.arange(rows) * time // (rows + 1)).astype(np.int32)
        state = np.zeros((rows, m.state_size), np.float32)
        cases.append(solved(content, m, x, lengths, state))
    return encode(cases)


def pooled() -> bytes:
    """A causal convolution, a GRU; mean, maximum, minimum and last step: all of it streams."""
    net = Net(2, "taps8 h4 steps1 sum4 max4 min4")
    taps, h, count, total, most, least = net.pieces
    steps = net.idiom(idioms.taps(0, net.steps_of_x(), 2, 3, 2, start=taps))
    front = net.add("Relu", net.dense(steps, 6, 5))
    out, ends = net.layer("gru", front, 5, 4, starts=(h,))
    net.ends += ends
    net.idiom(idioms.inside())
    so_far = net.idiom(idioms.steps(count))
    added = net.idiom(idioms.time_sum(0, out, 4, total))
    mean = net.add("Div", added, so_far)
    highest = net.idiom(idioms.time_max(0, out, 4, most))
    lowest = net.idiom(idioms.time_max(1, out, 4, least, smallest=True))
    last = net.idiom(idioms.step_from_end(0, out, 4))
    both = net.add("Concat", mean, highest, lowest, last, axis=1)
    return net.file("pooled", [("y", net.dense(both, 16, 2), 2, "last")])


def tagger() -> bytes:
    """Tokens in, an embedding, two LSTMs, and log-probabilities for each token."""
    net = Net(1, "h4 c4 h3 c3", tokens=11)
    table = net.weights(11, 3)
    value = net.idiom(idioms.embedding(0, table, 11, 3))
    value, ends = net.layer("lstm", value, 3, 4, starts=tuple(net.pieces[:2]))
    value, more = net.layer("lstm", value, 4, 3, starts=tuple(net.pieces[2:]))
    net.ends += [*ends, *more]
    logits = net.add("LogSoftmax", net.dense(value, 3, 5), axis=-1)
    y = net.add("Transpose", logits, perm=[1, 0, 2])
    return net.file("tagger", [("y", y, 5, "sequence")])


WORDS = Text("words", 3, "review", "ascii", ("good", "bad", "na\u00efve", "!", "film", "not"))


def words() -> bytes:
    """Words in, a GRU, and the maximum over all steps."""
    net = Net(1, "h4 steps1 max4", text=WORDS)
    table = net.weights(WORDS.size, WORDS.width)
    value = net.idiom(idioms.token_rows(table, WORDS.size, WORDS.width))
    out, ends = net.layer("gru", value, WORDS.width, 4, starts=(net.pieces[0],))
    net.ends += ends
    net.idiom(idioms.inside())
    net.idiom(idioms.steps(net.pieces[1]))
    highest = net.idiom(idioms.time_max(0, out, 4, net.pieces[2]))
    return net.file("words", [("y", net.dense(highest, 4, 2), 2, "last")])


def word_tags() -> bytes:
    """Words in, an LSTM, and two outputs for each word."""
    net = Net(1, "h4 c4", text=WORDS)
    value = net.idiom(idioms.token_rows(net.weights(WORDS.size, 3), WORDS.size, 3))
    out, ends = net.layer("lstm", value, 3, 4, starts=tuple(net.pieces))
    net.ends += ends
    y = net.add("Transpose", net.dense(out, 4, 2), perm=[1, 0, 2])
    return net.file("word-tags", [("y", y, 2, "sequence")])


def characters() -> bytes:
    """Bytes in, a bidirectional LSTM, and two outputs for each byte."""
    text = Text("bytes", 2, "name")
    net = Net(1, text=text)
    value = net.idiom(idioms.token_rows(net.weights(text.size, 2), text.size, 2))
    out, _ = net.layer("lstm", value, 2, 3, direction="bidirectional")
    y = net.add("Transpose", net.dense(out, 6, 2), perm=[1, 0, 2])
    return net.file("characters", [("y", y, 2, "sequence")], why="its layer is bidirectional")


def two_heads() -> bytes:
    """A learnt start, an output for each step, and one for the whole row under another name."""
    net = Net(3, "h4 c4 steps1")
    h, c, count = net.pieces
    so_far = idioms.steps(count)
    net.graph.idiom(so_far)
    fresh = net.add("Unsqueeze", FRESH, net.graph.axes(0))
    starts = [net.add("Add", p, net.add("Mul", fresh, net.weights(1, 1, 4))) for p in (h, c)]
    value, ends = net.layer("lstm", net.steps_of_x(), 3, 4, starts=tuple(starts))
    net.ends += [*ends, so_far.carried]
    scores = net.add("Transpose", net.dense(value, 4, 2), perm=[1, 0, 2])
    last = net.add("Squeeze", ends[0], net.graph.axes(0))
    worth = net.add("Sigmoid", net.dense(last, 4, 1))
    heads = [("y", scores, 2, "sequence"), ("value", worth, 1, "last")]
    return net.file("two-heads", heads)


def attention() -> bytes:
    """A bidirectional GRU under additive attention, and attention by the last step as a query."""
    net = Net(2)
    net.idiom(idioms.inside())
    out, ends = net.layer("gru", net.steps_of_x(), 2, 3, direction="bidirectional")
    energy = net.dense(net.add("Tanh", net.dense(out, 6, 4)), 4, 1)
    weights = net.idiom(idioms.time_softmax(0, energy, 1))
    context = net.idiom(idioms.attend(0, weights, 1, out, 6))
    turned = net.add("Transpose", ends[0], perm=[1, 0, 2])
    query = net.add("Reshape", turned, net.graph.axes(0, 6, 1))
    scores = net.idiom(idioms.scores(0, out, 6, query, 1))
    second = net.idiom(idioms.attend(1, net.idiom(idioms.time_softmax(1, scores, 1)), 1, out, 6))
    both = net.add("Concat", context, second, axis=2)
    flat = net.add("Reshape", both, net.graph.axes(0, -1))
    y = net.dense(flat, 12, 2)
    return net.file("attention", [("y", y, 2, "last")], why="nn.GRU is bidirectional")


def ahead() -> bytes:
    """A convolution that looks ahead, a layer from the end, and steps counted from both ends."""
    net = Net(2)
    net.idiom(idioms.inside())
    taps = net.idiom(idioms.taps(0, net.steps_of_x(), 2, 3, ahead=1))
    zero = net.idiom(idioms.taps(1, net.dense(taps, 6, 3), 3, 2))
    value = net.add("LeakyRelu", net.dense(zero, 6, 4), alpha=0.01)
    out, _ = net.layer("gru", value, 4, 3, direction="reverse", reset=0)
    out = net.idiom(idioms.reversed_steps(0, out, 3))
    total = net.idiom(idioms.time_sum(0, out, 3))
    mean = net.add("Div", total, net.idiom(idioms.count()))
    parts = [mean, net.idiom(idioms.time_max(0, out, 3))]
    parts += [net.idiom(idioms.step_from_end(0, out, 3, back=2))]
    parts += [net.idiom(idioms.step_from_start(0, out, 3, at=2))]
    y = net.dense(net.add("Concat", *parts, axis=1), 12, 2)
    why = "nn.Conv1d reads 1 step ahead"
    return net.file("ahead", [("y", y, 2, "last")], least=3, why=why)


def decoder() -> bytes:
    """An encoder that streams, and a decoder over three steps that starts from its end."""
    net = Net(2, "h4 c4")
    _, ends = net.layer("lstm", net.steps_of_x(), 2, 4, starts=tuple(net.pieces))
    net.ends += ends
    repeated = net.add("Add", ends[0], net.number_of(np.zeros((3, 1, 1))))
    out, _ = net.layer("lstm", repeated, 4, 3, starts=(), steps=3)
    y = net.add("Transpose", net.dense(out, 3, 1), perm=[1, 0, 2])
    return net.file("decoder", [("y", net.add("Reshape", y, net.graph.axes(0, -1)), 3, "last")])


def feedback() -> bytes:
    """A GRU that goes on with what it predicted, for three more steps: its weights serve again."""
    net = Net(2, "h4")
    _, ends = net.layer("gru", net.steps_of_x(), 2, 4, starts=(net.pieces[0],))
    net.ends += ends
    matrix, bias, now = net.weights(4, 2), net.weights(2), ends[0]
    answers = []
    for _ in range(3):
        answer = net.add("Add", net.add("MatMul", now, matrix), bias)
        answers.append(answer)
        _, (now,) = net.layer("gru", answer, 2, 4, starts=(now,), steps=1, like=ends[0])
    joined = net.add("Concat", *answers, axis=2)
    y = net.add("Squeeze", joined, net.graph.axes(0))
    return net.file("feedback", [("y", y, 6, "last")])


def autoencoder() -> bytes:
    """What the encoder ended with, put back on every step, after a fixed start."""
    net = Net(2)
    net.idiom(idioms.inside())
    zeros = net.add("Mul", net.idiom(idioms.count()), net.number_of(0.0))
    start = net.add("Add", net.add("Unsqueeze", zeros, net.graph.axes(0)), net.weights(1, 1, 3))
    _, ends = net.layer("rnn", net.steps_of_x(), 2, 3, starts=(start,))
    value = net.idiom(idioms.masked(0, ends[0], 3, over_time=False))
    out, _ = net.layer("rnn", value, 3, 3, starts=(ends[0],))
    y = net.add("Transpose", net.dense(out, 3, 2), perm=[1, 0, 2])
    why = "the end of the row is put back on every step"
    return net.file("autoencoder", [("y", y, 2, "sequence")], why=why)


def dilated() -> bytes:
    """Windows of five steps, an LSTM and a GRU that skip 5 and 3 steps, an output at each step."""
    net = Net(2, "taps8 h20 c20 h9")
    taps, h, c, second = net.pieces
    steps = net.idiom(idioms.windows(0, net.steps_of_x(), 2, 5, taps))
    value = net.add("Relu", net.dense(steps, 10, 6))
    value = net.dilated("lstm", value, 6, 4, 5, (h, c))
    value = net.dilated("gru", value, 4, 3, 3, (second,))
    y = net.add("Transpose", net.dense(value, 3, 2), perm=[1, 0, 2])
    last = net.idiom(idioms.step_from_end(0, value, 3))
    return net.file("dilated", [("y", y, 2, "sequence"), ("now", net.dense(last, 3, 1), 1, "last")])


def dilated_whole() -> bytes:
    """A window of numbers that cannot stream, since attention comes after an RNN that skips."""
    net = Net(1)
    net.idiom(idioms.inside())
    value = net.dense(net.idiom(idioms.windows(0, net.steps_of_x(), 1, 4)), 4, 3)
    value = net.dilated("rnn", value, 3, 4, 4, ())
    weights = net.idiom(idioms.time_softmax(0, net.dense(value, 4, 1), 1))
    context = net.idiom(idioms.attend(0, weights, 1, value, 4))
    y = net.dense(net.add("Reshape", context, net.graph.axes(0, -1)), 4, 2)
    return net.file("dilated-whole", [("y", y, 2, "last")], why="attention reads the whole row")


NETS: dict[str, Callable[[], bytes]] = {
    "pooled": pooled,
    "tagger": tagger,
    "words": words,
    "word-tags": word_tags,
    "characters": characters,
    "two-heads": two_heads,
    "attention": attention,
    "ahead": ahead,
    "decoder": decoder,
    "autoencoder": autoencoder,
    "feedback": feedback,
    "dilated": dilated,
    "dilated-whole": dilated_whole,
}
