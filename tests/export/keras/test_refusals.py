"""A layer, an option or a wiring that a file cannot express is refused by name."""

from __future__ import annotations

import copy

import h5py
import numpy as np
import pytest

from seqrt.errors import InputError, UsageError
from seqrt.export.keras import KerasNet
from seqrt.export.keras.archive import content_of
from seqrt.export.keras.reading import read_content


def read_file(path):
    """Read a file in this process; the trial in another one is slow."""
    return read_content(content_of(path))


def layer(kind, name="extra", **config):
    return {"class_name": kind, "config": {"name": name, **config}}


def refused(keras_file, path, match):
    with pytest.raises(UsageError, match=match) as caught:
        KerasNet(read_file(keras_file.write(path)))
    assert "\n" not in str(caught.value)


def test_a_lambda_is_never_run(keras_file, path, tmp_path):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAA==", "defaults": None}}
    keras_file.layers.append(layer("Lambda", function=code))

    refused(keras_file, path, "cannot import Lambda 'extra': it holds Python code, which is never")


@pytest.mark.parametrize(
    "kind", ["Flatten", "MultiHeadAttention", "ConvLSTM2D", "Functional2", "os.system"]
)
def test_a_layer_that_is_not_known_is_named(keras_file, path, kind):
    keras_file.layers.append(layer(kind))

    refused(
        keras_file, path, rf"cannot import '?{kind}'? 'extra': layers of class '{kind}' are not"
    )


def test_a_custom_object_is_named_and_not_imported(keras_file, path):
    custom = {**layer("Dense", units=1), "module": "os", "registered_name": "my>Dense"}
    keras_file.layers.append(custom)

    refused(
        keras_file, path, "cannot import Dense 'extra': layers of class 'my>Dense' are not known"
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("activation", "elu", "activation is 'elu'; it must be 'tanh' or 'relu' or 'sigmoid'"),
        ("recurrent_activation", "relu", "recurrent_activation is 'relu'"),
        ("return_state", True, "return_state is True; it must be False"),
        ("time_major", True, "time_major is True"),
        ("units", 0, "units is 0; it must be a whole number"),
        ("units", 1 << 40, "units is 1099511627776"),
        ("units", True, "units is True"),
        ("activation", {"class_name": "function", "config": "x"}, "activation is {"),
        ("dtype", "int8_from_float32", "its dtype is 'int8_from_float32'"),
        ("quiet_new_option", 1, "its option 'quiet_new_option' is not known"),
    ],
)
def test_an_option_that_cannot_be_carried_over_is_named(keras_file, path, option, value, said):
    keras_file.layers[0]["config"][option] = value

    refused(keras_file, path, f"cannot import LSTM 'lstm': {said}")


def test_a_cell_that_is_not_known_is_named(keras_file, path):
    keras_file.layers.append(layer("RNN", cell=layer("PeepholeCell", "p")))

    refused(keras_file, path, "cannot import RNN 'extra': its cell 'PeepholeCell' is not known")


@pytest.mark.parametrize("cell", [None, [], {}, {"class_name": "StackedRNNCells", "config": 3}])
def test_a_layer_of_cells_must_have_cells(keras_file, path, cell):
    keras_file.layers.append(layer("RNN", cell=cell))

    with pytest.raises(InputError, match=r"E_KERAS_FILE: .*RNN 'extra'"):
        read_file(keras_file.write(path))


def test_models_are_not_nested_without_end(keras_file, path):
    inner = layer("Dense", units=1)
    for depth in range(6):
        inner = layer("Sequential", f"s{depth}", layers=[inner])
    keras_file.layers.append(inner)

    with pytest.raises(InputError, match="E_KERAS_FILE: models must be nested at most 4 deep"):
        read_file(keras_file.write(path))


def test_a_missing_option_is_named(keras_file, path):
    del keras_file.layers[0]["config"]["recurrent_activation"]

    refused(keras_file, path, "LSTM 'lstm': recurrent_activation is missing; it must be 'sigmoid'")


@pytest.mark.parametrize(
    ("extra", "place", "said"),
    [
        (layer("GlobalAveragePooling1D"), 1, "Pooling1D 'extra': it must read steps"),
        (layer("RepeatVector", n=3), 0, "it must read one vector a row"),
        (layer("Conv1D", filters=1, kernel_size=[3], padding="valid"), 0, "padding is 'valid'"),
        (layer("Softmax", axis=1), 0, "axis is 1; it must be the last one"),
        (
            layer("TimeDistributed", layer=layer("LSTM", "inner")),
            0,
            "wraps a layer of class 'LSTM'",
        ),
        (
            layer("Bidirectional", layer=layer("Dense", "inner")),
            0,
            "wraps a layer of class 'Dense'",
        ),
        (layer("Bidirectional", layer=layer("LSTM"), merge_mode=None), 0, "merge_mode is None"),
    ],
)
def test_a_layer_where_it_cannot_stand_is_named(keras_file, path, extra, place, said):
    keras_file.layers.insert(place, extra)

    refused(keras_file, path, said)


@pytest.mark.parametrize("kind", ["GlobalMaxPooling1D", "Softmax"])
def test_a_layer_that_ignores_the_mask_is_refused_behind_one(keras_file, path, kind):
    keras_file.layers[:0] = [layer("Masking", "masking"), layer(kind)]

    refused(keras_file, path, f"{kind} 'extra': it reads masked steps as if they were data")


def test_a_model_without_a_recurrent_layer_is_refused(keras_file, path):
    del keras_file.layers[0]

    refused(keras_file, path, "a model without a recurrent layer")


@pytest.mark.parametrize("kind", ["MyModel", "", None, ["Sequential"]])
def test_a_model_of_another_class_is_refused(keras_file, path, kind):
    keras_file.config["class_name"] = kind

    refused(keras_file, path, "cannot import a model of class")


def test_widths_that_do_not_fit_are_refused(keras_file, path):
    keras_file.arrays["layers/dense/vars/0"] = np.zeros((5, 1), np.float32)

    with pytest.raises(InputError, match="Dense 'dense' must read 4 features, got 5"):
        KerasNet(read_file(keras_file.write(path)))


# Functional models


def tensor(name):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


@pytest.fixture
def functional(keras_file):
    """The same chain as a functional model of Keras 3."""
    nodes = {"input": [], "lstm": ["input"], "dense": ["lstm"]}
    keras_file.layers.insert(0, layer("InputLayer", "input"))
    for record, (name, sources) in zip(keras_file.layers, nodes.items(), strict=True):
        calls = [{"args": [tensor(s) for s in sources], "kwargs": {}}] if sources else []
        record.update(name=name, inbound_nodes=calls)
    inner = keras_file.config["config"]
    inner.update(input_layers=["input", 0, 0], output_layers=[["dense", 0, 0]])
    keras_file.config["class_name"] = "Functional"
    return keras_file


def call_of(keras_file, place):
    return keras_file.layers[place]["inbound_nodes"][0]


def test_a_functional_chain_is_read(functional, path):
    assert [each.kind for each in read_file(functional.write(path)).layers] == ["LSTM", "Dense"]


def test_a_functional_chain_of_keras_2_is_read(functional, path):
    for record in functional.layers[1:]:
        source = record["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0]
        record["inbound_nodes"] = [[[source, 0, 0, {}]]]

    assert [each.kind for each in read_file(functional.write(path)).layers] == ["LSTM", "Dense"]


def test_a_start_state_is_refused_by_the_name_of_its_argument(functional, path):
    call_of(functional, 1)["kwargs"]["initial_state"] = tensor("input")

    refused(functional, path, "'LSTM' 'lstm': it is called with 'initial_state'")


def test_training_behaviour_in_prediction_is_refused(functional, path):
    call_of(functional, 1)["kwargs"]["training"] = True

    refused(functional, path, "'LSTM' 'lstm': it is called with 'training'")


def test_a_mask_that_the_layers_do_not_imply_is_refused(functional, path):
    call_of(functional, 1)["kwargs"]["mask"] = tensor("input")

    refused(functional, path, "'LSTM' 'lstm': it has a mask of its own")


def test_a_branch_is_refused_by_name(functional, path):
    branch = copy.deepcopy(functional.layers[2])
    branch["config"]["name"] = branch["name"] = "branch"
    functional.layers.append(branch)

    refused(functional, path, "'Dense' 'branch': it is a branch beside the chain")


def test_two_inputs_are_refused_by_the_layer_that_joins_them(functional, path):
    call_of(functional, 2)["args"].append(tensor("input"))

    refused(functional, path, "'Dense' 'dense': it reads 2 inputs")


def test_a_layer_used_twice_is_refused(functional, path):
    functional.layers[2]["inbound_nodes"] *= 2

    refused(functional, path, "'Dense' 'dense': it is called 2 times")


def test_two_outputs_are_refused(functional, path):
    functional.config["config"]["output_layers"] = [["dense", 0, 0], ["lstm", 0, 0]]

    refused(functional, path, "cannot import a model with 2 outputs")


def test_a_loop_in_the_wiring_ends(functional, path):
    call_of(functional, 1)["args"] = [tensor("dense")]

    with pytest.raises(InputError, match="is not connected to the input"):
        read_file(functional.write(path))


# Configurations with anything anywhere

HOSTILE = (None, -1, 1 << 70, "x", [[]], ["x", 0, 0], {"config": {}})


def places_in(value, place=()):
    """Every place in a tree of dicts and lists, from the root."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items if isinstance(value, (dict, list)) else ():
        yield (*place, key)
        if isinstance(inner, (dict, list)):
            yield from places_in(inner, (*place, key))


def changed(config, place, value):
    config = copy.deepcopy(config)
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return config


@pytest.mark.parametrize("older", [False, True])
def test_any_value_anywhere_is_an_error_of_seqrt_or_none(functional, path, older):
    masking = {**layer("Masking", "masking", mask_value=0.0), "name": "masking"}
    masking["inbound_nodes"] = [{"args": [tensor("input")], "kwargs": {}}]
    unequal = {**layer("NotEqual", "unequal"), "name": "unequal"}
    unequal["inbound_nodes"] = [{"args": [tensor("input"), 0.0], "kwargs": {}}]
    functional.layers[1:1] = [masking, unequal]
    functional.layers[3]["inbound_nodes"] = [
        {"args": [tensor("masking")], "kwargs": {"mask": tensor("unequal")}}
    ]
    functional.layers[3]["config"]["dtype"] = {"config": {"name": "float32"}}
    if older:
        del functional.layers[2]
        sources = ("input", "masking", "lstm")
        for record, source in zip(functional.layers[1:], sources, strict=True):
            record["inbound_nodes"] = [[[source, 0, 0, {"training": None}]]]
    whole, functional.members["model.weights.h5"] = functional.config, functional.hdf5()
    assert len(read_file(functional.write(path)).layers) == 3

    for place in list(places_in(whole)):
        for value in HOSTILE:
            functional.config = changed(whole, place, value)
            try:
                KerasNet(read_file(functional.write(path)))
            except (UsageError, InputError) as error:
                assert "\n" not in str(error)


# Legacy files


def test_weights_without_a_model_are_refused(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["dense/kernel"] = np.zeros((2, 2))

    with pytest.raises(InputError, match="must have the attribute model_config"):
        read_file(path)


@pytest.mark.parametrize("name", ["../../secret", "a//b", "/dense/kernel", "."])
def test_names_of_weights_lead_nowhere_else(keras_file, tmp_path, name):
    import json

    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(keras_file.config)
        file.create_group("model_weights/lstm").attrs["weight_names"] = [name.encode()]

    with pytest.raises(InputError, match="E_KERAS_FILE"):
        read_file(path)
