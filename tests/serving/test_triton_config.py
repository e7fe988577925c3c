"""config.pbtxt is what Triton's own message reads: pip install 'tritonclient[grpc]'."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqrt
from seqrt.serving.triton import triton_config

message = pytest.importorskip(
    "tritonclient.grpc.model_config_pb2", reason="needs tritonclient[grpc]"
)
text_format = pytest.importorskip("google.protobuf.text_format", reason="needs protobuf")

NETS = Path(__file__).parents[1] / "runtime" / "nets"
FILES = sorted(str(path.relative_to(NETS)) for path in NETS.rglob("*.onnx"))


def parsed(file):
    model = seqrt.load(NETS / file)
    config = text_format.Parse(triton_config(model.manifest), message.ModelConfig())
    return model, config


@pytest.mark.parametrize("file", FILES)
def test_the_inputs_and_states_are_exactly_those_of_the_file(file):
    model, config = parsed(file)

    states = [state.input_name for state in config.sequence_batching.state]
    ends = [state.output_name for state in config.sequence_batching.state]
    session = model._engine._session
    given = [each.name for each in session.get_inputs()]
    assert sorted([each.name for each in config.input] + states) == sorted(given)
    named = [each.name for each in session.get_outputs()]
    assert sorted([each.name for each in config.output] + ends) == sorted(named)
    assert not config.sequence_batching.control_input


@pytest.mark.parametrize("file", FILES)
def test_with_the_batch_axis_the_sizes_are_those_of_the_file(file):
    model, config = parsed(file)

    sizes = {each.name: each.shape for each in model._engine._session.get_inputs()}
    sizes |= {each.name: each.shape for each in model._engine._session.get_outputs()}
    for each in (*config.input, *config.output):
        dims = each.reshape.shape if each.HasField("reshape") else each.dims
        wanted = [size if isinstance(size, int) else -1 for size in sizes[each.name][1:]]
        assert list(dims) == wanted


def test_a_stream_starts_from_zeros():
    model, config = parsed("lstm-last.onnx")

    (state,) = config.sequence_batching.state
    (initial,) = state.initial_state
    assert initial.zero_data
    assert list(state.dims) == list(initial.dims) == [model.manifest.state_size]
    assert config.sequence_batching.HasField("oldest")


def test_a_bidirectional_network_has_no_sequences():
    _, config = parsed("gru-bidirectional-last.onnx")

    assert config.HasField("dynamic_batching")
    assert not config.HasField("sequence_batching")
