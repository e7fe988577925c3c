"""Hostile files of models that read text: ids that leave the table, and texts that do not fit it.

The origins are tests/runtime/nets/format2/words.onnx, word-tags.onnx and characters.onnx, which the
guard accepts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from attacks.hostile import (
    GRAPH,
    GUARD,
    MANIFEST,
    Attack,
    _add_constant,
    _constant,
    _manifest,
    _named,
    _set,
    _swapped,
    changed,
)
from onnx import ModelProto, TensorProto, helper

from seqrt.contract import idioms

WORDS, TAGS, BYTES = "words", "word-tags", "characters"
TABLE = "w1"
VOCABULARY = ["good", "bad", "naïve", "!", "film", "not"]


def attacks() -> Iterator[Attack]:
    """Yield each attack with the code of the error that it must raise."""
    for name, (code, net, change) in CHANGES.items():
        yield Attack(f"text: {name}", code, changed(change, f"format2/{net}"))
    for name, (code, net, fields) in TEXTS.items():
        content = changed(lambda m, f=fields: _text(m, **f), f"format2/{net}")
        yield Attack(f"manifest of text: {name}", code, content)
    for name, (code, net, fields) in MANIFESTS.items():
        content = changed(lambda m, f=fields: _manifest(m, f), f"format2/{net}")
        yield Attack(f"manifest of text: {name}", code, content)


def _text(model: ModelProto, **fields: Any) -> None:
    """Replace some fields of the manifest's text."""
    record = next(r for r in model.metadata_props if r.key == "seqrt.manifest")
    manifest = json.loads(record.value)
    manifest["text"] |= fields
    record.value = json.dumps(manifest)


def _nodes(model: ModelProto, idiom: idioms.Idiom, *, at: int | None = None) -> None:
    """Put the nodes and constants of an idiom in place of those that look up the ids."""
    place = next(i for i, n in enumerate(model.graph.node) if n.name.startswith("tokens."))
    if at is None:
        for node in [n for n in model.graph.node if n.name.startswith("tokens.")]:
            model.graph.node.remove(node)
    for name, constant in idiom.constants.items():
        if name not in {tensor.name for tensor in model.graph.initializer}:
            _add_constant(model, name, np.frombuffer(constant.data, "<i8").reshape(constant.shape))
    for number, node in enumerate(idiom.nodes):
        made = helper.make_node(
            node.operator, node.inputs, [node.output], node.output, **node.attributes
        )
        model.graph.node.insert(place + (at or 0) + number, made)


def _clipped(model: ModelProto) -> None:
    """Look the ids up as imported networks do, which read the last word for ids too large."""
    _nodes(model, idioms.embedding(0, TABLE, 7, 3))
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == "tokens.0.steps":
                node.input[place] = "embedding.0.steps"


def _read_twice(model: ModelProto) -> None:
    """Look the ids up a second time, in the nearest row."""
    _nodes(model, idioms.embedding(0, TABLE, 7, 3), at=7)


def _of_size(model: ModelProto, rows: int, width: int = 3) -> None:
    """Look the ids up in a table of another size."""
    _nodes(model, idioms.token_rows(TABLE, rows, width))
    _set(model, TABLE, np.zeros((rows, width), "f4"))


def _renumbered(model: ModelProto) -> None:
    for node in model.graph.node:
        node.name = node.name.replace("tokens.0.", "tokens.1.")
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = name.replace("tokens.0.", "tokens.1.")


def _unchecked(model: ModelProto) -> None:
    """Look up the ids as they are given, without the nodes that check them."""
    _named(model, "tokens.0.rows").input[1] = "x"
    for part in ("below", "inside", "beyond", "outside", "ids"):
        model.graph.node.remove(_named(model, f"tokens.0.{part}"))


def _plain(model: ModelProto) -> None:
    """Look up the ids by nodes of no idiom."""
    _unchecked(model)
    for part in ("rows", "steps"):
        _named(model, f"tokens.0.{part}").name = part


def _number(model: ModelProto, name: str, value: int) -> None:
    _set(model, name, np.int64(value))


def _moved(model: ModelProto, part: str, places: int) -> None:
    node = _named(model, f"tokens.0.{part}")
    at = list(model.graph.node).index(node)
    model.graph.node.insert(at + places, model.graph.node.pop(at))


def _of_no_ids(model: ModelProto) -> None:
    """Read a constant in place of the ids."""
    names = {"x": _add_constant(model, "always", np.zeros((1, 1), np.int64))}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)


CHANGES: dict[str, tuple[str, str, Callable[[ModelProto], Any]]] = {
    # ids
    "ids that read the nearest row": (GRAPH, WORDS, _clipped),
    "ids that are read as they are": (GRAPH, WORDS, _unchecked),
    "ids that nodes of no idiom look up": (GRAPH, WORDS, _plain),
    "ids that are looked up twice": (GRAPH, WORDS, _read_twice),
    "ids that another node reads": (
        GRAPH,
        TAGS,
        lambda m: m.graph.node.insert(0, helper.make_node("Neg", ["x"], ["hostile"], "hostile")),
    ),
    "ids that another Gather reads": (
        GRAPH,
        TAGS,
        lambda m: m.graph.node.insert(
            0, helper.make_node("Gather", [TABLE, "x"], ["hostile"], "hostile", axis=0)
        ),
    ),
    "ids that nothing reads": (GRAPH, TAGS, _of_no_ids),
    "ids counted from 1": (GRAPH, WORDS, lambda m: _number(m, "number_0", 1)),
    "ids below 0 inside": (GRAPH, WORDS, lambda m: _number(m, "number_0", -7)),
    "an id more than rows": (GRAPH, WORDS, lambda m: _number(m, "number_7", 8)),
    "ids without end": (GRAPH, BYTES, lambda m: _number(m, "number_257", 1 << 62)),
    "a size of several numbers": (
        GRAPH,
        WORDS,
        lambda m: _set(m, "number_7", np.array([7, 7])),
    ),
    "the known for the unknown": (
        GRAPH,
        WORDS,
        lambda m: _swapped(_named(m, "tokens.0.ids"), 1, 2),
    ),
    "the size for the unknown": (
        GRAPH,
        WORDS,
        lambda m: _named(m, "tokens.0.ids").input.__setitem__(1, "number_7"),
    ),
    "a comparison the other way round": (
        GRAPH,
        WORDS,
        lambda m: _swapped(_named(m, "tokens.0.below"), 0, 1),
    ),
    "Xor for Or": (
        GRAPH,
        WORDS,
        lambda m: setattr(_named(m, "tokens.0.outside"), "op_type", "Xor"),
    ),
    "And for Or": (GRAPH, TAGS, lambda m: setattr(_named(m, "tokens.0.outside"), "op_type", "And")),
    "Greater for Less": (
        GRAPH,
        WORDS,
        lambda m: setattr(_named(m, "tokens.0.below"), "op_type", "Greater"),
    ),
    "Not left out": (
        GRAPH,
        WORDS,
        lambda m: (
            m.graph.node.remove(_named(m, "tokens.0.beyond")),
            _named(m, "tokens.0.outside").input.__setitem__(1, "tokens.0.inside"),
        ),
    ),
    "nodes in another order": (GRAPH, WORDS, lambda m: _moved(m, "below", 1)),
    "a lookup that another idiom cuts": (
        GRAPH,
        WORDS,
        lambda m: m.graph.node.insert(3, m.graph.node.pop(len(m.graph.node) - 1)),
    ),
    "a lookup of another number": (GRAPH, WORDS, _renumbered),
    # the table
    "a table of a row more": (GRAPH, WORDS, lambda m: _of_size(m, 8)),
    "a table of a row less": (GRAPH, BYTES, lambda m: _of_size(m, 256, 2)),
    "a table of another width": (GRAPH, WORDS, lambda m: _of_size(m, 7, 4)),
    "a table that is one number": (GRAPH, WORDS, lambda m: _set(m, TABLE, np.float32(1))),
    "a table in three axes": (GRAPH, WORDS, lambda m: _set(m, TABLE, np.zeros((7, 3, 1), "f4"))),
    "a table of integers": (GRAPH, WORDS, lambda m: _set(m, TABLE, np.zeros((7, 3), "i8"))),
    "a table of exabytes of text": (
        GUARD,
        WORDS,
        lambda m: _constant(m, TABLE).dims.__setitem__(0, 1 << 61),
    ),
    "a table of the wrong bytes": (
        GUARD,
        WORDS,
        lambda m: setattr(_constant(m, TABLE), "raw_data", bytes(80)),
    ),
    "a table looked up along its width": (
        GRAPH,
        WORDS,
        lambda m: setattr(_named(m, "tokens.0.rows").attribute[0], "i", 1),
    ),
    "a table that the graph computes": (
        GRAPH,
        WORDS,
        lambda m: _named(m, "tokens.0.rows").input.__setitem__(0, "tokens.0.steps"),
    ),
    # the signature
    "words as numbers": (
        GRAPH,
        WORDS,
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT),
    ),
    "words as int32": (
        GRAPH,
        WORDS,
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.INT32),
    ),
    "words with an axis more": (
        GRAPH,
        WORDS,
        lambda m: m.graph.input[0].type.tensor_type.shape.dim.add(dim_value=1),
    ),
}


# Changes of the manifest's text: the code, the net, the fields.
TEXTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a word more": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY, "more"]}),
    "a word less": (MANIFEST, WORDS, {"vocabulary": VOCABULARY[1:]}),
    "no vocabulary": (MANIFEST, WORDS, {"vocabulary": []}),
    "a word twice": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "bad"]}),
    "two words in one": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "two words"]}),
    "a word and its mark": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "good!"]}),
    "a capital that is never read": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "Good"]}),
    "an empty word": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], ""]}),
    "white space": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], " "]}),
    "a word of a book": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "a" * 1000]}),
    "a word that clears the screen": (
        MANIFEST,
        WORDS,
        {"vocabulary": [*VOCABULARY[1:], "\x1b[2J"]},
    ),
    "a word that turns the line": (
        MANIFEST,
        WORDS,
        {"vocabulary": [*VOCABULARY[1:], "\u202eevil"]},
    ),
    "half of a character": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], "\ud83d"]}),
    "numbers for words": (MANIFEST, WORDS, {"vocabulary": [*VOCABULARY[1:], 5]}),
    "a text for a vocabulary": (MANIFEST, WORDS, {"vocabulary": "goodbad"}),
    "a vocabulary without end": (
        MANIFEST,
        WORDS,
        {"vocabulary": [f"w{i}" for i in range(70_000)]},
    ),
    "bytes with a vocabulary": (MANIFEST, WORDS, {"kind": "bytes"}),
    "bytes in lower case": (MANIFEST, BYTES, {"lower": "ascii"}),
    "words for bytes": (MANIFEST, BYTES, {"kind": "words"}),
    "letters for words": (MANIFEST, WORDS, {"kind": "letters"}),
    "another case": (MANIFEST, WORDS, {"lower": "unicode"}),
    "a width of nothing": (MANIFEST, WORDS, {"width": 0}),
    "a width below nothing": (MANIFEST, WORDS, {"width": -3}),
    "a width of exabytes": (MANIFEST, WORDS, {"width": 1 << 60}),
    "another width": (GRAPH, WORDS, {"width": 4}),
    "a width that is no number": (MANIFEST, WORDS, {"width": "3"}),
    "a column that clears the screen": (MANIFEST, WORDS, {"column": "\x1b[2J"}),
}

# Changes of other fields of the manifest.
MANIFESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ids without end": (MANIFEST, WORDS, {"tokens": 1 << 30}),
    "an id more": (MANIFEST, WORDS, {"tokens": 8}),
    "no ids": (MANIFEST, WORDS, {"tokens": 0}),
    "text as a word": (MANIFEST, WORDS, {"text": "words"}),
    "text as a list": (MANIFEST, WORDS, {"text": [VOCABULARY]}),
    "text of no kind": (MANIFEST, WORDS, {"text": {"width": 3}}),
    "text of format 1": (MANIFEST, WORDS, {"format": 1}),
    "missing words": (MANIFEST, WORDS, {"missing": "mean"}),
    "two columns of text": (
        MANIFEST,
        WORDS,
        {"features": [{"name": "a"}, {"name": "b"}]},
    ),
    "ids of no text that are more than rows": (GRAPH, WORDS, {"text": None, "tokens": 8}),
    "text of a network that bounds its ids": (
        GRAPH,
        "tagger",
        {"text": {"kind": "words", "width": 3, "vocabulary": list("abcdefghij")}},
    ),
    "text of a network that reads numbers": (
        MANIFEST,
        "pooled",
        {"text": {"kind": "words", "width": 3, "vocabulary": VOCABULARY}},
    ),
}
