"""The manifest survives a round trip, and invalid manifests are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seqrt.contract import Column, Gradient, Layer, Manifest, Memory, Parity
from seqrt.errors import ModelError

MANIFEST = Manifest(
    name="pump",
    producer="seqrt 0.1.0",
    task="classify",
    head="last",
    activation="softmax",
    layers=(Layer("lstm", 64), Layer("gru", 32)),
    features=(Column("flow", "l/s", 3.0, 2.0, 0.0, 9.5), Column("load")),
    outputs=(Column("ok"), Column("worn")),
    classes=("ok", 7),
    window=24,
    parity=Parity(1e-7, 2e-7, 1.0, 300),
    memory=Memory(37, 30, False, 1e-3, "data", Gradient((0, 1, 2), (1.0, 0.2, 0.004), 2)),
    data_sha256="ab" * 32,
    seed=3,
)


def change(**fields: object) -> str:
    return json.dumps({**json.loads(MANIFEST.to_json()), **fields})


def remembering(lags: list[int]) -> dict[str, object]:
    record = json.loads(MANIFEST.to_json())["memory"]
    return {**record, "gradient": {"lags": lags, "norms": lags[1:]}}


def test_a_manifest_survives_being_written_and_read():
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_the_same_manifest_gives_the_same_text():
    again = Manifest.from_json(MANIFEST.to_json())

    assert again.to_json() == MANIFEST.to_json()
    assert json.loads(again.to_json())["state_size"] == 2 * 64 + 32


def test_a_bidirectional_layer_ends_streaming():
    both = replace(MANIFEST, layers=(Layer("lstm", 64), Layer("gru", 32, bidirectional=True)))

    assert (both.streamable, both.state_size) == (False, 0)
    assert (MANIFEST.streamable, MANIFEST.state_size) == (True, 160)


def test_keys_of_later_versions_are_ignored_and_those_with_a_default_may_be_missing():
    older = {k: v for k, v in json.loads(MANIFEST.to_json()).items() if k != "targets"}

    assert Manifest.from_json(change(colour="blue")) == MANIFEST
    assert Manifest.from_json(json.dumps(older)) == MANIFEST


def test_a_file_from_before_the_memory_was_measured_says_nothing_of_it():
    older = {k: v for k, v in json.loads(MANIFEST.to_json()).items() if k != "memory"}

    assert Manifest.from_json(json.dumps(older)) == replace(MANIFEST, memory=None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('{"format":1}', "manifest must have name"),
        ('{"format":1,"format":1}', "a key occurs twice"),
        ('{"format":NaN}', "NaN is not a finite number"),
        ("[" * 100_000, "must be JSON|at most"),
        (change(format=True), "format must be a whole number"),
        (change(format=0), "format must be a whole number"),
        (change(task="guess"), r"manifest\.task must be one of forecast, regress, classify, tag"),
        (change(name=3), r"manifest\.name must be str, got 3"),
        (change(window="24"), r"manifest\.window must be int or null"),
        (change(seed=True), r"manifest\.seed must be int or null, got True"),
        (change(layers=[]), "needs layers of at least 1 unit"),
        (change(layers={}), r"manifest\.layers must be a list"),
        (change(layers=[3]), r"manifest\.layers\[0\] must be an object, got 3"),
        (change(layers=[{"cell": "lstm"}]), r"manifest\.layers\[0\] must have units"),
        (change(features=[]), "at least one feature and one output"),
        (change(classes=["one"]), "one output for each class"),
        (change(memory=37), r"manifest\.memory must be Memory or null, got 37"),
        (change(memory={"steps": 37}), r"manifest\.memory must have median, more, tolerance"),
        (change(memory=remembering([])), "one gradient norm for each lag, got 0 lags"),
        (change(memory=remembering([0, 1])), "for each lag, got 2 lags and 1 norms"),
        (change(name="x" * 5_000_000), "at most 4194304 characters"),
    ],
)
def test_what_is_no_manifest_is_refused(text, message):
    with pytest.raises(ModelError, match=f"E_MODEL_MANIFEST: the model's manifest .*({message})"):
        Manifest.from_json(text)


def test_a_column_must_be_finite():
    record = json.loads(MANIFEST.to_json())
    record["features"][0]["scale"] = 1e999

    with pytest.raises(ModelError, match=r"features\[0\]\.scale must be a finite number"):
        Manifest.from_json(json.dumps(record).replace("Infinity", "1e999"))
