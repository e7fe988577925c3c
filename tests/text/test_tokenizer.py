"""Text becomes ids by rules on bytes alone, and cutting a text anywhere changes none of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqrt.contract.manifest import LONGEST_MANIFEST
from seqrt.contract.text import Text
from seqrt.errors import UsageError
from seqrt.text.tokenizer import Tokenizer
from seqrt.text.vocabulary import chosen_words, vocabulary_of

BYTES = Text("bytes", 8)
WORDS = Text(
    "words", 8, lower="ascii", vocabulary=("good", "not", "naïve", "!", "日本語", "\U0001f600")
)
PIECES = (
    *(b"good", b"not", b"Good", b"na\xc3\xafve", "日本語".encode(), "\U0001f600".encode()),
    *(b"!", b"?", b" ", b"\n", b"\x00", b"\xff\xfe", b"\xe6\x97", b"_x9", b"a" * 90),
)


def test_a_byte_is_its_own_id_plus_one() -> None:
    ids = Tokenizer(BYTES).encode(bytes(range(256)))
    assert ids.tolist() == list(range(1, 257))
    assert ids.dtype == np.int64


def test_words_are_runs_of_letters_and_digits_and_single_other_bytes() -> None:
    found = Tokenizer(WORDS).words("It's 3 °C, x_1!\t(naïve) 日本語")
    assert [word.decode() for word in found] == [
        *("it", "'", "s", "3", "°c", ",", "x_1", "!", "(", "naïve", ")", "日本語")
    ]


def test_a_word_has_its_place_in_the_vocabulary_and_any_other_is_0() -> None:
    ids = Tokenizer(WORDS).encode("NOT good, naïve 日本語\U0001f600 !")
    assert ids.tolist() == [2, 1, 0, 3, 0, 4]


def test_only_ascii_letters_are_lowered() -> None:
    upper = Text("words", 8, lower="none", vocabulary=("Good", "É"))
    assert Tokenizer(upper).encode("Good good É é").tolist() == [1, 0, 2, 0]
    assert Tokenizer(WORDS).words("É") == ["É".encode()]


@pytest.mark.parametrize("text", [BYTES, WORDS], ids=["bytes", "words"])
def test_a_text_cut_anywhere_gives_the_ids_of_the_whole(text: Text) -> None:
    rng = np.random.Generator(np.random.PCG64(7))
    tokenizer = Tokenizer(text)
    for _ in range(2000):
        data = b"".join(PIECES[i] for i in rng.integers(0, len(PIECES), rng.integers(0, 12)))
        cuts = np.sort(rng.integers(0, len(data) + 1, rng.integers(0, 6))).tolist()
        live = tokenizer.live()
        ends = zip([0, *cuts], [*cuts, len(data)], strict=True)
        parts = [live.push(data[begin:end]) for begin, end in ends] + [live.end()]
        assert np.concatenate(parts).tolist() == tokenizer.encode(data).tolist()


def test_a_word_without_end_takes_no_memory() -> None:
    live = Tokenizer(WORDS).live()
    for _ in range(100):
        assert not len(live.push(b"x" * 10_000))
    assert len(live.held) < 100
    assert live.end().tolist() == [0]


def test_bytes_come_back_from_their_ids() -> None:
    data = bytes(range(256))[::-1] + "é\U0001f600".encode()
    tokenizer = Tokenizer(BYTES)
    assert tokenizer.decode(tokenizer.encode(data)) == data
    assert tokenizer.decode(np.array([0, 66])) == b"?A"
    with pytest.raises(UsageError, match="from 0 to 256"):
        tokenizer.decode(np.array([257]))


def test_words_come_back_with_spaces() -> None:
    assert Tokenizer(WORDS).decode(np.array([2, 1, 0, 4])) == b"not good ? !"


def test_a_str_from_undecodable_bytes_gives_the_ids_of_these_bytes() -> None:
    data = b"good \xff\xfe"
    assert Tokenizer(BYTES).encode(data.decode(errors="surrogateescape")).tolist() == (
        Tokenizer(BYTES).encode(data).tolist()
    )
    assert len(Tokenizer(BYTES).encode("\ud800")) == 3


def test_a_vocabulary_holds_words_by_count_and_then_by_bytes() -> None:
    texts = ["the cat, the Dog", b"THE dog sat, b", "a \xe9\xe9 a b"]
    assert vocabulary_of(texts) == ("the", ",", "a", "b", "dog")
    assert vocabulary_of(texts, min_count=3) == ("the",)
    assert vocabulary_of(texts, lower="none", min_count=2) == (",", "a", "b", "the")


def test_a_vocabulary_has_no_words_that_a_file_must_not_show() -> None:
    texts = [b"\x1b[2J \xff\xff ok " + b"y" * 65, "\u202eok \x07 \x00"] * 2
    assert vocabulary_of(texts) == ("2j", "[", "ok")


def test_the_longest_vocabularies_fit_a_manifest() -> None:
    long = {f"{'ж' * 27}{i}".encode(): 2 for i in range(40_000)}
    short = {f"w{i}".encode(): 2 for i in range(70_000)}

    few, most = chosen_words(long), chosen_words(short)

    assert len(few) < 40_000
    assert len(most) == 65_535
    for words in (few, most):
        assert 10**5 < len(json.dumps(words, separators=(",", ":"))) < LONGEST_MANIFEST * 0.8
