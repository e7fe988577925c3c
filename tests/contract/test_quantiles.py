"""The outputs of a forecast of quantiles have one order and one name each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seqrt.contract import Column, Layer, Manifest
from seqrt.contract.quantiles import interval_levels, output_names, pair_of
from seqrt.errors import ModelError

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
FORECASTER = Manifest(
    name="sales",
    producer="seqrt 0.1.0",
    task="forecast",
    head="sequence",
    activation="none",
    layers=(Layer("gru", 8),),
    features=(Column("sales"),),
    outputs=tuple(map(Column, output_names(["sales", "price"], 3, QUANTILES))),
    targets=("sales", "price"),
    horizon=3,
    quantiles=QUANTILES,
)


def refusal(**fields: object) -> str:
    with pytest.raises(ModelError, match="E_MODEL_MANIFEST") as caught:
        Manifest.from_json(replace(FORECASTER, **fields).to_json())
    return str(caught.value)


def test_a_forecast_of_quantiles_survives_being_written_and_read():
    assert Manifest.from_json(FORECASTER.to_json()) == FORECASTER


def test_a_manifest_without_quantiles_has_no_key_for_them():
    outputs = tuple(map(Column, output_names(["sales"], 3)))
    plain = replace(FORECASTER, quantiles=(), outputs=outputs)

    assert "quantiles" not in json.loads(plain.to_json())
    assert [column.name for column in plain.outputs] == ["sales+1", "sales+2", "sales+3"]


def test_outputs_are_named_by_step_then_target_then_quantile_and_the_median_by_none():
    names = output_names(["a", "b"], 2, (0.1, 0.5, 0.9))

    assert names[:6] == ("a+1@0.1", "a+1", "a+1@0.9", "b+1@0.1", "b+1", "b+1@0.9")
    assert names[6] == "a+2@0.1"
    assert output_names(["a"], 1, QUANTILES)[0] == "a+1@0.025"


def test_a_level_lies_between_the_quantiles_of_its_pair():
    assert interval_levels(QUANTILES) == (80.0, 95.0)
    assert interval_levels(()) == ()
    assert [pair_of(level, QUANTILES) for level in (80.0, 95.0)] == [(1, 3), (0, 4)]


@pytest.mark.parametrize(
    "quantiles",
    [
        (0.1, 0.9, 0.5),
        (0.1, 0.5, 0.8),
        (0.1, 0.4, 0.6, 0.9),
        (0.0, 0.5, 1.0),
        (0.5,),
        (0.1, 0.5, 0.5, 0.9),
    ],
)
def test_quantiles_ascend_around_the_median_and_with_it(quantiles):
    assert "quantiles in ascending order, symmetric around 0.5" in refusal(quantiles=quantiles)


def test_outputs_of_another_number_or_order_are_refused():
    outputs = FORECASTER.outputs

    assert "each of 5 quantiles, got 29 outputs" in refusal(outputs=outputs[:-1])
    swapped = (*outputs[:8], outputs[9], outputs[8], *outputs[10:])
    assert "'price+1@0.9', got 'price+1@0.975'" in refusal(outputs=swapped)
    assert "an output for each of 4 steps" in refusal(horizon=4)


def test_only_a_forecast_has_quantiles():
    assert "only for a forecast" in refusal(task="regress")
    assert "only for a forecast" in refusal(activation="softmax")
