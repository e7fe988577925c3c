"""Files of format 2 in the runtime: tokens, shortest rows, several outputs, what can stream."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import seqrt
from seqrt.errors import InputError, ModelError

STREAMED = ["pooled", "tagger", "two-heads", "decoder", "feedback", "dilated"]
WHOLE = ["attention", "ahead", "autoencoder", "dilated-whole"]


@pytest.fixture
def open_net(load):
    """Open a net of nets/format2."""
    return lambda name: load(f"format2/{name}")


@pytest.fixture
def data():
    """Return x for a model, five rows of 12 steps."""

    def made(model: seqrt.Model) -> np.ndarray:
        chance = np.random.default_rng(1)
        if model.manifest.tokens:
            return chance.integers(0, model.manifest.tokens, (5, 12))
        return chance.normal(size=(5, 12, len(model.manifest.features))).astype(np.float32)

    return made


@pytest.mark.parametrize("name", STREAMED + WHOLE)
def test_the_proof_and_the_laws_hold_bit_for_bit(open_net, name):
    report = open_net(name).validate()

    assert report.ok, report
    assert report.exact, report
    assert report.error < 5e-6


@pytest.mark.parametrize("name", STREAMED)
def test_streams_together_are_streams_alone_and_one_that_is_saved_goes_on(open_net, data, name):
    model = open_net(name).joined
    x = data(model)
    streams, alone = model.streams(), [model.stream() for _ in x]

    for cut in (slice(0, 5), slice(5, 6), slice(6, 12)):
        together = streams.push({i: row[cut] for i, row in enumerate(x)})
        for i, row in enumerate(x):
            np.testing.assert_array_equal(together[i], alone[i].push(row[cut]))
    assert streams.save(3) == alone[3].save()
    again = model.streams(streams.snapshot())
    np.testing.assert_array_equal(again.push({2: x[2, :1]})[2], alone[2].push(x[2, :1]))


@pytest.mark.parametrize("name", STREAMED)
def test_long_sequences_run_in_pieces_of_time_with_the_same_outputs(open_net, data, name):
    from seqrt.runtime.compute.cost import Limits
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.predict import advance

    model = open_net(name).joined
    x, lengths = data(model), [12, 7, 1, 0, 5]
    pieces = Engine(model._file.content, model.manifest, "cpu", limits=Limits(run_steps=5))

    y, end = advance(pieces, x, lengths)

    whole, wanted = model.run(x, lengths)
    np.testing.assert_array_equal(y, whole)
    np.testing.assert_array_equal(end, wanted)


@pytest.mark.parametrize("name", WHOLE)
def test_a_network_that_cannot_stream_says_why(open_net, name):
    model = open_net(name)

    for start in (model.stream, model.streams):
        with pytest.raises(ModelError, match=r"^E_STREAM: this network cannot stream: ") as told:
            start()
        assert model.manifest.not_streamable in str(told.value)


# Empty rows and batches


@pytest.mark.parametrize("name", STREAMED + WHOLE)
def test_empty_rows_and_batches_are_answered_with_zeros(open_net, data, name):
    model = open_net(name).joined
    x = data(model)

    y = model.predict(x, [12, 0, 5, 0, 3])
    assert not y[[1, 3]].any()
    np.testing.assert_array_equal(y[0], model.predict(x[:1])[0])
    assert not model.predict(x, [0] * 5).any()
    assert len(model.predict(x[:0])) == 0
    assert not model.predict(x[:, :0]).any()
    assert len(model.predict([])) == 0


# Tokens


def test_tokens_may_come_as_any_kind_of_whole_numbers(open_net):
    tagger = open_net("tagger")
    ids = [[3, 10, 0], [1, 1, 2]]
    wanted = tagger.predict(np.array(ids))

    assert wanted.shape == (2, 3, 5)
    for x in (
        np.array(ids, np.uint8),
        np.array(ids, ">i4"),
        np.array(ids, np.float32),
        np.array(ids)[..., None],
        np.asfortranarray(ids),
    ):
        np.testing.assert_array_equal(tagger.predict(x), wanted)
    np.testing.assert_array_equal(tagger.predict([[3, 10, 0]])[0], wanted[0])
    stream = tagger.stream()
    np.testing.assert_array_equal(np.stack([stream.push(i) for i in ids[0]]), wanted[0])
    np.testing.assert_array_equal(tagger.stream().push(ids[0]), wanted[0])


def test_what_pads_a_row_of_tokens_does_not_matter(open_net):
    tagger = open_net("tagger")

    y = tagger.predict([[1, 2, 3, 4]], None)[0]

    padded = np.array([[1, 2, 3, 4, -1_000_000, 1 << 40]])
    np.testing.assert_array_equal(tagger.predict(padded, [4])[0, :4], y)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.array([[1, 2], [3, 11]]), r"from 0 to 10; x\[item 1, step 1\] is 11\."),
        (np.array([[1, -1]]), r"x\[item 0, step 1\] is -1\."),
        ([[1, 2], [3, 4, 12]], r"x\[item 1\]\[step 2\] is 12\."),
        (np.array([[1, 2.5]]), r"E_INPUT_DTYPE: x must hold token ids, whole numbers, got 2\.5"),
        (np.array([[1, np.nan]]), r"whole numbers, got nan"),
        (np.array([[True, False]]), r"whole numbers, got dtype bool"),
        (np.array([["a", "b"]]), r"whole numbers, got dtype <U1"),
        (np.zeros((2, 3, 2), np.int64), r"E_INPUT_SHAPE: x must have shape \(batch, time\)"),
    ],
)
def test_what_is_no_token_is_refused_with_its_place(open_net, x, words):
    with pytest.raises(InputError, match=words):
        open_net("tagger").predict(x)


def test_a_stream_and_streams_refuse_what_is_no_token_and_stay_as_they_were(open_net):
    tagger = open_net("tagger")
    stream, streams = tagger.stream(), tagger.streams()
    stream.push([1, 2])

    for wrong in (11, [3, -1], 1.5, np.array([[1, 2]])):
        before = stream.save()
        with pytest.raises(InputError):
            stream.push(wrong)
        assert stream.save() == before
        with pytest.raises(InputError, match="a"):
            streams.push({"a": wrong})
    assert len(streams) == 0


# Shortest rows


def test_a_row_that_is_too_short_is_named(open_net, data):
    model = open_net("ahead")
    x = data(model)

    for call in (
        lambda: model.predict(x, [12, 2, 5, 0, 1]),
        lambda: model.run(x, [12, 2, 5, 0, 1]),
        lambda: model.predict([x[0], x[1, :2], x[2, :1]]),
    ):
        with pytest.raises(InputError, match=r"_LENGTHS: .*at least 3 steps.*item 1\] has 2"):
            call()
    with pytest.raises(InputError, match=r"item 0\] has 2"):
        model.predict(x[:, :2])


# Several outputs


def test_several_outputs_come_as_a_dict_by_name(open_net, data):
    model = open_net("two-heads")
    x = data(model)

    y = model.predict(x, [12, 4, 0, 1, 12])

    assert list(y) == ["y", "value"]
    assert (y["y"].shape, y["value"].shape) == ((5, 12, 2), (5, 1))
    assert not y["y"][1, 4:].any()
    assert not y["value"][2].any()
    listed = model.predict([x[0], x[1, :4]])
    np.testing.assert_array_equal(listed["y"][1], y["y"][1, :4])
    np.testing.assert_array_equal(listed["value"], y["value"][:2])
    whole, _ = model.run(x[:1])
    np.testing.assert_array_equal(whole["value"], y["value"][:1])


def test_each_push_gives_all_outputs(open_net, data):
    model = open_net("two-heads")
    row = data(model)[0]
    wanted = model.predict(row[None])

    stream, streams = model.stream(), model.streams()
    first = stream.push(row[:11])
    second = stream.fork().push(row[11])
    together = streams.push({"a": row})["a"]

    assert (first["y"].shape, first["value"].shape) == ((11, 2), (1,))
    assert (second["y"].shape, second["value"].shape) == ((2,), (1,))
    np.testing.assert_array_equal(second["value"], wanted["value"][0])
    np.testing.assert_array_equal(second["y"], wanted["y"][0, 11])
    np.testing.assert_array_equal(together["value"], wanted["value"][0])
    np.testing.assert_array_equal(together["y"], wanted["y"][0])
    assert not stream.push(row[:0])["value"].any()


def test_the_outputs_of_many_batches_come_by_name_too(open_net, data):
    model = open_net("two-heads")
    x = data(model)

    for y in model.predict_iter([x, (x, [3] * 5), list(x)]):
        assert list(y) == ["y", "value"]


def test_joined_outputs_are_columns_side_by_side(open_net, data):
    model = open_net("two-heads")
    x = data(model)
    y = model.predict(x)

    joined = model.joined.predict(x)

    np.testing.assert_array_equal(joined[..., :2], y["y"])
    np.testing.assert_array_equal(joined[:, -1, 2:], y["value"])
    assert not joined[:, :-1, 2].any()
    assert open_net("pooled").joined.predict(data(open_net("pooled"))).shape == (5, 2)


def test_a_model_of_format_2_survives_pickling(open_net, data):
    model = open_net("two-heads")

    again = pickle.loads(pickle.dumps(model))

    x = data(model)
    np.testing.assert_array_equal(again.predict(x)["value"], model.predict(x)["value"])


# NaN


@pytest.mark.parametrize("name", ["pooled", "attention"])
def test_a_nan_reaches_the_outputs_that_depend_on_it_and_no_other_row(open_net, data, name):
    model = open_net(name)
    x = data(model)
    clean = model.predict(x)
    x[1, 3, 0] = np.nan

    with pytest.raises(InputError, match=r"x\[item 1, step 3, feature 0\] is nan"):
        model.predict(x)
    y = model.predict(x, nonfinite="propagate")

    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[[0, 2, 3, 4]], clean[[0, 2, 3, 4]])


def test_the_memory_of_tokens_is_measured_and_none_where_nothing_is_carried(open_net, data):
    from seqrt.runtime.memory import forgetting

    tagger = open_net("tagger")
    ids = np.random.default_rng(2).integers(0, 11, (8, 300))

    assert 1 < forgetting(tagger, ids).longest < 150
    with pytest.raises(ModelError, match=r"no state, because nn\.Conv1d reads 1 step ahead\."):
        forgetting(open_net("ahead"), data(open_net("ahead")))
