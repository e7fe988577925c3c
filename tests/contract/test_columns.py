"""How columns become features: the names, the round trip, and invalid inputs are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seqrt.contract import Column, Input, Layer, Manifest, TimeColumn
from seqrt.contract.columns import inputs_of
from seqrt.errors import ModelError

INPUTS = (
    Input("meter", offset=10**9),
    Input("open", "boolean"),
    Input("store", "category", levels=("A", "B")),
    Input("day", "calendar", cycle="weekday"),
    Input("promo", ahead=1),
    Input("promo", ahead=2),
)
NAMES = "meter open store=A store=B store=other weekday_sin weekday_cos promo+1 promo+2"
NAMES = tuple(name.replace("_", " ") for name in NAMES.split())
MANIFEST = Manifest(
    name="shop",
    producer="seqrt 0.1.0",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 8),),
    features=tuple(map(Column, NAMES)),
    outputs=(Column("sales+1"), Column("sales+2")),
    horizon=2,
    inputs=INPUTS,
    series=("store",),
    time=TimeColumn("day", "dmy", "1 day"),
)


def change(place: int, **fields: object) -> str:
    record = json.loads(MANIFEST.to_json())
    record["inputs"][place] |= fields
    return json.dumps(record)


def test_inputs_survive_being_written_and_read():
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_each_input_names_its_features():
    assert tuple(name for each in INPUTS for name in each.names) == NAMES
    assert sum(each.width for each in INPUTS) == len(NAMES)


def test_a_step_names_the_column_of_a_value_and_how_far_ahead_it_lies():
    assert [each.source for each in INPUTS[-3:]] == ["day", "promo+1", "promo+2"]


def test_without_inputs_each_feature_is_a_column_of_numbers():
    assert inputs_of((), ("a", "b")) == (Input("a"), Input("b"))
    assert '"inputs"' not in replace(MANIFEST, inputs=()).to_json()


@pytest.mark.parametrize(
    "text",
    [
        change(0, ahead=-1),
        change(0, ahead=3),
        change(0, offset=2**63),
        change(0, offset=1.5),
        change(0, offset=2**70),
        change(0, kind="text"),
        change(0, levels=["a"]),
        change(0, cycle="hour"),
        change(0, column="other"),
        change(0, column="a\nb"),
        change(1, offset=1),
        change(2, levels=[]),
        change(2, levels=["A", "A"]),
        change(2, levels=["A", "\x1b[2J"]),
        change(2, levels=[str(i) for i in range(65)]),
        change(2, levels=["A"]),
        change(3, cycle=None),
        change(3, cycle="decade"),
        change(3, cycle=["hour"]),
        change(3, column="date"),
    ],
)
def test_inputs_that_contradict_themselves_or_the_features_are_refused(text):
    with pytest.raises(ModelError, match="E_MODEL_MANIFEST"):
        Manifest.from_json(text)


def test_calendar_features_need_a_time_column():
    with pytest.raises(ModelError, match="time column"):
        Manifest.from_json(replace(MANIFEST, time=None).to_json())
