"""Live sequences over HTTP: each as if it were alone, started, ended, dropped and moved."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from served import tensor

from seqrt.serving.asked import SequenceTurn
from seqrt.serving.limits import ServingLimits
from seqrt.serving.refused import RefusedRequest
from seqrt.serving.sequences import LiveSequences


@pytest.fixture
def x(client, rng):
    return rng.standard_normal((12, len(client.model.manifest.features))).astype(np.float32)


def pushed(client, x):
    return client.model.stream().push(x)


@pytest.mark.parametrize("net", ["lstm-last", "gru-sequence", "rnn-last", "missing/gru-forward"])
def test_a_sequence_gets_the_outputs_of_a_stream_bit_for_bit(serve, rng, net):
    client = serve(net)
    stream = client.model.stream()
    x = rng.standard_normal((12, len(client.model.manifest.features))).astype(np.float32)
    steps = 0

    for part in np.split(x, [1, 2, 6, 7]):
        answer = client.step(part, 7, start=steps == 0)
        steps += len(part)

        np.testing.assert_array_equal(answer.array()[0], stream.push(part))
        assert answer.record["parameters"] == {"sequence_id": 7, "sequence_steps": steps}


def test_two_sequences_do_not_mix(client, x):
    a, b = client.model.stream(), client.model.stream()
    client.step(x[:2], 1, start=True)
    client.step(x[5:9], "1", start=True)
    a.push(x[:2])
    b.push(x[5:9])

    np.testing.assert_array_equal(client.step(x[2:3], 1).array()[0], a.push(x[2:3]))
    np.testing.assert_array_equal(client.step(x[2:3], "1").array()[0], b.push(x[2:3]))


@pytest.mark.parametrize("key", [1, (1 << 64) - 1, "pump 3", "ü" * 128])
def test_an_id_is_a_number_of_64_bits_or_text(client, x, key):
    assert client.step(x[:1], key, start=True).record["parameters"]["sequence_id"] == key


@pytest.mark.parametrize("key", [0, ""])
def test_zero_and_empty_text_are_no_id(client, x, key):
    assert client.step(x[:1], key).status == 200
    assert client.metric("seqrt_live_streams") == 0
    assert "sequence_id other than" in client.step(x[:1], key, start=True).record["error"]


def test_a_sequence_that_was_not_started_is_an_error(client, x):
    answer = client.step(x[:1], 5)

    assert answer.status == 400
    assert answer.record["error"].startswith("E_STREAM_KEY: sequence 5 is not live")


def test_a_sequence_that_has_ended_is_gone(client, x):
    client.step(x[:1], 5, start=True)
    assert client.step(x[1:2], 5, end=True).status == 200

    assert client.step(x[2:3], 5).record["error"].startswith("E_STREAM_KEY")
    assert client.metric("seqrt_live_streams") == 0


def test_one_request_may_start_and_end_a_sequence(client, x):
    answer = client.step(x, 5, start=True, end=True)

    np.testing.assert_array_equal(answer.array()[0], pushed(client, x))
    assert client.metric("seqrt_live_streams") == 0


def test_a_second_start_begins_again(client, x):
    client.step(x[:4], 5, start=True)

    answer = client.step(x[4:], 5, start=True)

    np.testing.assert_array_equal(answer.array()[0], pushed(client, x[4:]))


@pytest.mark.parametrize("flags", [{}, {"end": True}, {"start": True}])
def test_a_refused_request_leaves_its_sequence_as_it_was(client, x, flags):
    client.step(x[:4], 5, start=True)
    stream = client.model.stream()
    stream.push(x[:4])

    assert client.step(x[:1, :0], 5, **flags).status == 400
    wrong = client.infer(
        inputs=[tensor("x", x[None, :1]) | {"data": [None] * x.shape[1]}],
        parameters={"sequence_id": 5}
        | {f"sequence_{name}": value for name, value in flags.items()},
    )

    assert wrong.record["error"].startswith("E_INPUT_NONFINITE")
    np.testing.assert_array_equal(client.step(x[4:], 5).array()[0], stream.push(x[4:]))


def test_a_sequence_whose_first_request_was_refused_is_not_live(client, x):
    wrong = client.infer(x[None, None], parameters={"sequence_id": 5, "sequence_start": True})

    assert wrong.status == 400
    assert client.step(x[:1], 5).record["error"].startswith("E_STREAM_KEY")


def test_idle_sequences_are_dropped(serve, x):
    client = serve(idle=0.2)
    client.step(x[:1], 5, start=True)
    assert client.metric("seqrt_live_streams") == 1

    time.sleep(0.3)

    assert client.metric("seqrt_live_streams") == 0
    assert client.metric("seqrt_expired_streams_total") == 1
    assert "no request for 0.2 s" in client.step(x[:1], 5).record["error"]


def test_one_sequence_too_many_is_refused_until_another_ends(serve, x):
    client = serve(streams=2)
    for key in (1, 2):
        client.step(x[:1], key, start=True)

    refused = client.step(x[:1], 3, start=True)
    client.step(x[:1], 1, end=True)

    assert refused.status == 503
    assert refused.record["error"].startswith("E_STREAM_MANY: at most 2 sequences")
    assert client.step(x[:1], 3, start=True).status == 200


def test_a_sequence_may_start_from_the_state_of_another(client, x):
    end = client.model.run(x[None, :6])[1]
    state = tensor("state", end)
    parameters = {"sequence_id": 5, "sequence_start": True}

    first = client.infer(
        x[None, 6:9], inputs=[state], parameters=parameters, outputs=[{"name": "state_out"}]
    )
    second = client.step(x[9:], 5)
    third = client.infer(x[None, :1], inputs=[state], parameters={"sequence_id": 5})

    np.testing.assert_array_equal(first.array("state_out"), client.model.run(x[None, :9])[1])
    np.testing.assert_array_equal(second.array()[0], pushed(client, x))
    assert "has its own state" in third.record["error"]


def test_a_sequence_has_one_row(client, x):
    answer = client.infer(x[None].repeat(2, 0), parameters={"sequence_id": 1})

    assert "must have one row, got 2" in answer.record["error"]


def test_a_bidirectional_network_has_no_sequences(serve):
    client = serve("gru-bidirectional-last")
    x = np.zeros((1, len(client.model.manifest.features)))

    assert client.step(x, 1, start=True).record["error"].startswith("E_STREAM: ")


def test_a_sequence_that_is_in_use_is_refused_and_unchanged():
    sequences = LiveSequences(ServingLimits())
    turn = SequenceTurn(7, start=True, end=False)

    with (
        sequences.taking(turn) as live,
        pytest.raises(RefusedRequest, match="E_STREAM_BUSY") as caught,
    ):
        live.state = np.ones((1, 2), np.float32)
        with sequences.taking(SequenceTurn(7, start=False, end=False)):
            pytest.fail("two at a time")

    assert caught.value.status == 409


def test_no_request_of_a_sequence_is_lost_or_counted_twice_under_contention(client, x):
    client.step(x[:1], 5, start=True)
    answers = []

    def send():
        answers.extend(client.step(x[:1], 5) for _ in range(20))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = [a.record["parameters"]["sequence_steps"] for a in answers if a.status == 200]
    assert {a.status for a in answers} <= {200, 409}
    assert sorted(done) == list(range(2, len(done) + 2))


def test_the_sequences_of_a_server_go_on_in_another(serve, client, x):
    client.step(x[:4], 5, start=True)
    client.step(x[:2], "pump", start=True)

    saved = client.server.save()
    other = serve(saved=saved)
    local = client.model.streams(saved)

    answer = other.step(x[4:], 5)
    np.testing.assert_array_equal(answer.array()[0], pushed(client, x))
    assert answer.record["parameters"]["sequence_steps"] == len(x)
    assert sorted(map(str, local)) == ["5", "pump"]
    np.testing.assert_array_equal(local.push({5: x[4:]})[5], answer.array()[0])
