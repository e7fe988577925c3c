"""A stream of words may be cut anywhere, saved in the middle of a word, and goes on."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest

import seqrt
from seqrt.errors import InputError, UsageError
from seqrt.runtime.live.saved_state import pack_state

TEXT = "A good, NAÏVE film! ".encode() + b"not\xff bad  " + "日本語 film".encode()


@pytest.fixture
def words(load) -> seqrt.Model:
    return load("format2/word-tags")


def pushed(stream, text: bytes, cuts) -> np.ndarray:
    """Return the outputs of all pieces of a text, with a last push that ends its last word."""
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    return np.concatenate([stream.push(piece) for piece in [*pieces, " "]])


def test_a_text_cut_anywhere_gives_the_outputs_of_the_whole_bit_for_bit(words):
    rng, (whole,) = np.random.default_rng(0), words.predict([TEXT])

    assert len(whole) == 10
    for _ in range(200):
        cuts = np.sort(rng.integers(0, len(TEXT) + 1, rng.integers(0, 9)))
        np.testing.assert_array_equal(pushed(words.stream(), TEXT, cuts), whole)
    every = range(1, len(TEXT))
    np.testing.assert_array_equal(pushed(words.stream(), TEXT, every), whole)


@pytest.mark.parametrize("way", ["save", "restore", "fork"])
def test_a_word_that_has_begun_is_part_of_the_saved_state(words, way):
    (whole,) = words.predict([TEXT])
    for cut in range(len(TEXT)):
        stream = words.stream()
        first = stream.push(TEXT[:cut])
        if way == "fork":
            again = stream.fork()
        elif way == "save":
            again = words.stream(stream.save())
        else:
            again = words.stream()
            again.push("other words")
            again.restore(stream.save())
        np.testing.assert_array_equal(np.concatenate([first, pushed(again, TEXT[cut:], [])]), whole)
        assert again.steps == len(whole)


def test_text_may_follow_ids_and_ids_a_word_that_has_ended(words):
    stream, ids = words.stream(), words.stream()
    y = [stream.push([1, 2]), stream.push("film"), stream.push("! "), stream.push(np.array([6]))]

    np.testing.assert_array_equal(np.concatenate(y), ids.push([1, 2, 5, 4, 6]))
    assert stream.save() == ids.save()
    np.testing.assert_array_equal(stream.push(3), ids.push(3))


def test_ids_in_the_middle_of_a_word_are_refused_and_change_nothing(words):
    stream = words.stream()
    stream.push("fi")
    saved = stream.save()

    with pytest.raises(UsageError, match=r"holds the word b'fi', .* Push \" \" before ids"):
        stream.push([1])

    assert stream.save() == saved
    assert stream.push("lm ").shape == (1, 2)


def test_a_reset_forgets_the_word_and_a_long_word_is_held_in_part(words):
    stream = words.stream()
    stream.push("fi")
    stream.reset()
    np.testing.assert_array_equal(stream.push("good "), words.predict([[1]])[0])
    stream.push("x" * 10**6)
    size = len(stream.save())
    stream.push("x" * 10**6)
    assert len(stream.save()) == size < 1000


def test_the_last_head_gives_zeros_until_a_word_ends(load):
    model = load("format2/words")
    stream = model.stream()

    assert not stream.push("goo").any()
    np.testing.assert_array_equal(stream.push("d "), model.predict(["good"])[0])


def test_streams_take_ids_alone_and_no_state_with_a_word(words):
    streams, stream = words.streams(), words.stream()
    with pytest.raises(InputError, match=r"E_INPUT_TYPE: x\['a'\] must be ids: the last word"):
        streams.push({"a": "good film"})
    assert not len(streams)
    stream.push("good fi")
    with pytest.raises(InputError, match=r"E_STATE: .* in the middle of a word, b'fi'"):
        streams.restore("a", stream.save())
    stream.push("lm ")
    streams.restore("a", stream.save())
    np.testing.assert_array_equal(streams.push({"a": [1]})["a"], stream.push([1]))


@pytest.mark.parametrize("held", [[32.0], [0.5], [np.nan], [0.0, 97.0], [300.0], [-1.0], [64.0]])
def test_a_state_that_holds_no_word_is_refused(words, held):
    numbers = np.zeros(words.manifest.state_size + 65, np.float32)
    numbers[words.manifest.state_size :][: len(held)] = held

    with pytest.raises(InputError, match="E_STATE: the saved state is damaged"):
        words.stream(pack_state(words.digest, 0, numbers))


def test_a_model_sent_to_another_process_reads_the_same_words(words):
    again = pickle.loads(pickle.dumps(words))

    np.testing.assert_array_equal(again.predict([TEXT])[0], words.predict([TEXT])[0])
