"""Model.generate: the text of a seed, whole or in pieces, however the work is cut."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

from seqrt.errors import UsageError
from seqrt.runtime.text import writer
from seqrt.runtime.text.sampler import Sampler
from seqrt.runtime.text.writer import TextWriter

PROMPT = "Zwölf Äpfel: "


@pytest.fixture
def model(load):
    """A language model with random weights, for which bytes 0 to 7 are impossible."""
    return load("text/bytes")


def straightforward(model, prompt, n, temperature, top_k, seed):
    """Return the text by the definition of Sampler, with a loop for each sum."""
    chance = np.random.Generator(np.random.PCG64(seed))
    y, state = model.run(np.array([[byte + 1 for byte in prompt]]))
    text = []
    for _ in range(n):
        p = [float(each) for each in y[0, -1]]
        kept = sorted(range(256), key=lambda i: (-p[i], i))[:top_k]
        highest = math.log(max(p))
        w = [
            math.exp((math.log(p[i]) - highest) / temperature) if p[i] and i in kept else 0.0
            for i in range(256)
        ]
        u, total, byte = chance.random() * sum(w), 0.0, -1
        while total <= u:
            byte += 1
            total += w[byte]
        text.append(byte)
        y, state = model.run(np.array([[byte + 1]]), None, state)
    return bytes(text)


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 256), (0.7, 256), (0.8, 40), (2.5, 3)])
def test_the_text_is_that_of_the_definition(model, temperature, top_k):
    prompt = PROMPT.encode()

    text = model.generate(prompt, 300, temperature=temperature, top_k=top_k, seed=5)

    assert text == straightforward(model, prompt, 300, temperature, top_k, 5)


def test_temperature_0_takes_the_most_probable_byte_and_so_does_top_k_1(model):
    text = model.generate(b"a", 100, temperature=0)

    y = model.predict(np.frombuffer(b"a" + text, np.uint8).astype(np.int64)[None] + 1)
    assert list(text) == y[0, :-1].argmax(axis=1).tolist()
    assert text == model.generate(b"a", 100, top_k=1, seed=3)


def test_the_same_seed_gives_the_same_text_and_another_gives_another(model):
    texts = [model.generate(PROMPT, 200, seed=seed) for seed in (1, 1, 2)]

    assert texts[0] == texts[1] != texts[2]


def test_a_model_that_was_opened_again_writes_the_same(model, load):
    assert model.generate(PROMPT, seed=1) == load("text/bytes").generate(PROMPT, seed=1)


def test_without_a_seed_the_text_can_be_had_again_by_that_of_the_iterator(model):
    pieces = model.generate_iter(PROMPT, 50)

    assert "".join(pieces) == model.generate(PROMPT, 50, seed=pieces.seed)


def test_a_text_in_two_halves_is_the_whole(model):
    whole = TextWriter(model._engine, b"ab", Sampler(seed=4))
    want = bytes(whole.write() for _ in range(60))

    halves = TextWriter(model._engine, b"ab", Sampler(seed=4))
    first = bytes(halves.write() for _ in range(25))
    assert first + bytes(halves.write() for _ in range(35)) == want
    assert model.generate(b"ab", 60, seed=4) == want


def test_reading_a_text_leads_where_writing_it_led(model):
    text = model.generate(b"ab", 80, temperature=0)

    assert model.generate(b"ab" + text[:30], 50, temperature=0) == text[30:]


def test_a_long_prompt_is_read_in_pieces_with_the_same_text(model, monkeypatch):
    prompt = np.random.default_rng(0).bytes(500)
    want = model.generate(prompt, 100, seed=0)

    monkeypatch.setattr(writer, "_PIECE", 7)

    assert model.generate(prompt, 100, seed=0) == want


def test_pieces_of_str_are_whole_characters_and_together_the_text(model):
    data = model.generate(PROMPT.encode(), 5000, seed=2)
    pieces = list(model.generate_iter(PROMPT, 5000, seed=2))

    assert "".join(pieces) == data.decode(errors="replace") == model.generate(PROMPT, 5000, seed=2)
    assert all(pieces)
    assert any(len(piece.encode()) > 1 and piece != "\ufffd" for piece in pieces)


def test_an_incomplete_character_at_the_end_is_replaced(model):
    for n in range(60):
        text = model.generate(PROMPT, n, seed=2)
        assert text == model.generate(PROMPT.encode(), n, seed=2).decode(errors="replace")


def test_pieces_of_bytes_are_bytes(model):
    pieces = list(model.generate_iter(b"x", 40, seed=0))

    assert [len(piece) for piece in pieces] == [1] * 40
    assert b"".join(pieces) == model.generate(b"x", 40, seed=0)


def test_an_impossible_byte_is_never_written(model):
    assert min(model.generate(b"x", 5000, temperature=50, seed=0)) >= 8


def test_an_empty_prompt_is_read_as_a_newline(model):
    assert model.generate("", 40, seed=1) == model.generate("\n", 40, seed=1)
    assert model.generate(b"", 0) == b""


def test_bytes_of_a_prompt_that_came_as_escapes_are_the_bytes(model):
    escaped = b"\xff\xc3ab".decode(errors="surrogateescape")

    assert model.generate(escaped, 40, seed=1).encode(errors="replace") == (
        model.generate(b"\xff\xc3ab", 40, seed=1).decode(errors="replace").encode()
    )


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_writes_the_same_text_on(model):
    pieces = model.generate_iter(b"x", 60, seed=0)
    first = b"".join(next(pieces) for _ in range(20))
    want = model.generate(b"x", 60, seed=0)

    child = os.fork()
    if not child:
        os._exit(first + b"".join(pieces) != want)

    assert os.waitpid(child, 0)[1] == 0
    assert first + b"".join(pieces) == want


@pytest.mark.parametrize(
    ("name", "prompt", "options", "words"),
    [
        (
            "gru-sequence",
            "x",
            {},
            "generate needs a language model, but the task of 'gru-sequence' is regress."
            " Use predict.",
        ),
        ("text/bytes", "x", {"n": -1}, "n must be a whole number from 0, got -1."),
        ("text/bytes", "x", {"n": 1.5}, "n must be a whole number from 0, got 1.5."),
        ("text/bytes", ["x"], {}, "prompt must be str or bytes, got list."),
        ("text/bytes", "x", {"top_k": 0}, "top_k must be a whole number from 1, got 0."),
    ],
)
def test_what_cannot_be_generated_is_an_error_before_any_work(load, name, prompt, options, words):
    model = load(name)

    for call in (model.generate, model.generate_iter):
        with pytest.raises(UsageError) as error:
            call(prompt, **options)
        assert str(error.value) == words
