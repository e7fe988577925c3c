"""No node, input or attribute of an idiom can be bent: the guard refuses each such file."""

from __future__ import annotations

import json

import pytest
from attacks import hostile_format2 as hostile

import seqrt
from seqrt.contract.guard import guard
from seqrt.contract.idioms.recognise import idiom_of
from seqrt.errors import ModelError

NETS = [path.stem for path in hostile.FILES]


@pytest.mark.parametrize("net", NETS)
def test_an_idiom_bent_anywhere_is_refused(net):
    accepted = []
    for name, content in hostile.bent(net):
        try:
            guard(content)
        except ModelError as refusal:
            assert refusal.code in ("E_MODEL_GRAPH", "E_MODEL_GUARD"), name
        else:
            accepted.append(name)

    assert accepted == []


def test_every_idiom_is_in_one_of_the_files():
    found = {idiom_of(node.name) for net in NETS for node in hostile._opened(net).graph.node}

    assert {idiom[0] for idiom in found if idiom} == hostile.IDIOMS


def test_a_change_of_weights_passes_and_is_another_network():
    content = hostile.changed(lambda m: None, "format2/pooled")

    assert seqrt.Model(content).manifest.name == "pooled"


def test_the_manifest_of_each_file_is_of_format_2():
    for path in hostile.FILES:
        manifest = json.loads(seqrt.load(path).manifest.to_json())
        assert manifest["format"] == 2
