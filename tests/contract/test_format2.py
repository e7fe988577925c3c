"""Format 2 of the manifest: what each field may be, and that format 1 knows none of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from seqrt.contract import NEWEST_FORMAT, Carry, Column, Layer, Manifest, OutputHead
from seqrt.errors import ModelError

STREAMED = Manifest(
    name="pump",
    producer="seqrt 0.2.0",
    task="regress",
    head="last",
    activation="none",
    layers=(Layer("gru", 8),),
    features=(Column("token"),),
    outputs=(Column("a"), Column("b"), Column("c")),
    format=NEWEST_FORMAT,
    carries=(Carry("h", 8), Carry("steps", 1), Carry("sum", 8)),
    tokens=100,
    decoders=(Layer("lstm", 4, steps=3),),
    heads=(OutputHead("y", 2, "last"), OutputHead("value", 1, "last", "sigmoid")),
)
WHOLE = replace(
    STREAMED,
    layers=(Layer("gru", 8, reverse=True),),
    carries=(),
    least=4,
    not_streamable="nn.GRU reads from the end",
)


@pytest.mark.parametrize("manifest", [STREAMED, WHOLE])
def test_a_manifest_of_format_2_survives_being_written_and_read(manifest):
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_state_is_the_sum_of_its_pieces():
    assert (STREAMED.streamable, STREAMED.state_size) == (True, 17)
    assert (WHOLE.streamable, WHOLE.state_size) == (False, 0)


def test_a_dilated_layer_keeps_as_many_states_as_it_skips_steps():
    layer = Layer("lstm", 8, dilation=24)
    manifest = replace(STREAMED, layers=(layer,), carries=(Carry("h", 192), Carry("c", 192)))

    assert layer.state_size == 2 * 8 * 24
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert "dilation" not in STREAMED.to_json()
    with pytest.raises(ModelError, match="besides one state of each layer"):
        many = replace(layer, dilation=1 << 16)
        pieces = (Carry("h", 1 << 19), Carry("c", 1 << 19))
        Manifest.from_json(replace(STREAMED, layers=(many,), carries=pieces).to_json())


def test_format_1_has_no_key_of_format_2():
    first = Manifest("a", "b", "regress", "last", "none", (Layer("gru", 8),), (Column("x"),), ())
    record = json.loads(replace(first, outputs=(Column("y"),)).to_json())

    assert record["format"] == 1
    assert record["layers"] == [
        {"cell": "gru", "units": 8, "bidirectional": False, "nonlinearity": "tanh"}
    ]
    assert not record.keys() & {"carries", "least", "tokens", "decoders", "heads"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 1}, "format 1 must not have carries"),
        ({"carries": []}, "either carries, or not_streamable"),
        ({"not_streamable": "it looks ahead"}, "either carries, or not_streamable"),
        ({"carries": [{"what": "h", "size": 0}]}, "must carry at most"),
        ({"carries": [{"what": "taps", "size": 1 << 21}]}, "must carry at most"),
        ({"carries": [{"what": "weights", "size": 1}]}, "must be one of h, c, steps"),
        ({"state_size": 18}, "must have state_size 17"),
        ({"least": 2}, "takes rows of 1 step"),
        ({"least": 0}, "takes rows of 1 step"),
        ({"tokens": -1}, "must have from 0 to"),
        ({"missing": "mean"}, "of tokens needs one feature"),
        ({"layers": [{"cell": "gru", "units": 8, "steps": 2}]}, "as decoders"),
        ({"layers": [{"cell": "gru", "units": 8, "reverse": True}]}, "reads from the end"),
        ({"layers": [{"cell": "gru", "units": 8, "dilation": 0}]}, "dilations from 1"),
        (
            {"layers": [{"cell": "gru", "units": 8, "dilation": 2, "bidirectional": True}]},
            "dilations only of layers that read time forwards",
        ),
        ({"decoders": [{"cell": "gru", "units": 8}]}, "needs decoders of 1 step"),
        ({"decoders": [{"cell": "gru", "units": 8, "steps": 4}]}, "needs decoders of 1 step"),
        ({"decoders": [{"cell": "gru", "units": 0, "steps": 1}]}, "at least 1 unit"),
        ({"heads": [{"name": "y", "outputs": 3, "head": "last"}]}, "needs heads of 2 to"),
        ({"head": "sequence"}, "needs head 'last'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], words: str):
    text = json.dumps({**json.loads(STREAMED.to_json()), **fields})

    with pytest.raises(ModelError, match=words) as refusal:
        Manifest.from_json(text)

    assert refusal.value.code == "E_MODEL_MANIFEST"


@pytest.mark.parametrize(
    "names", [["z", "y"], ["y", "y"], ["y", "state"], ["y", "a b"], ["y", "lengths"]]
)
def test_heads_are_named_like_variables_y_first(names: list[str]):
    heads = tuple(OutputHead(name, size, "last") for name, size in zip(names, (2, 1), strict=True))

    with pytest.raises(ModelError, match="needs heads"):
        Manifest.from_json(replace(STREAMED, heads=heads).to_json())


def test_heads_share_all_outputs():
    heads = (OutputHead("y", 1, "last"), OutputHead("z", 1, "last"))

    with pytest.raises(ModelError, match="share its 3 outputs"):
        Manifest.from_json(replace(STREAMED, heads=heads).to_json())
