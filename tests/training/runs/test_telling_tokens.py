"""The tokens that speak for a class: mean gradient times embedding, a mean over occurrences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from seqrt.contract.text import Text
from seqrt.data.ragged import Ragged
from seqrt.drawing.style import save_figure
from seqrt.training import Network, Plan, prepare, start
from seqrt.training.runs import telling_tokens
from seqrt.training.runs.memory import gradient_by_lag
from seqrt.training.runs.telling_tokens import Telling, draw_telling_tokens, tokens_figure

WORDS = Text("words", 4, vocabulary=("good", "bad", "$", "日本"))
CLASSES = ("no $x_$", "yes")
BAD = {"bad", "clumsy", "dull", "flimsy", "heavy", "noisy", "slow", "too", "weak"}
GOOD = {"bright", "comfortable", "good", "pleasant", "quick", "quiet", "reliable", "solid"}


@pytest.fixture
def net() -> Network:
    torch.manual_seed(0)
    made = Network(
        *("gru", 1, (6,), 2), tokens=WORDS.size, embedding=4, activation="softmax", pool="max"
    )
    made.metadata = replace(made.metadata, classes=CLASSES, text=WORDS)
    return made


def texts(*rows: list[int]) -> Ragged:
    return Ragged.of([np.array(row, np.int32)[:, None] for row in rows])


def test_what_the_tokens_of_a_text_say_adds_up_to_its_logit_less_that_of_zero(net):
    row = [1, 3, 2]
    u = net.embedding(torch.tensor([row])).detach()
    logits = net.logits_from(torch.cat([u, torch.zeros_like(u)])).double().detach()
    from_zero = logits[0] - logits[0].mean() - (logits[1] - logits[1].mean())

    found = telling_tokens.telling_tokens(net, texts(row))

    np.testing.assert_allclose(found.mean[:, row].sum(1), from_zero, rtol=0.01)
    assert found.counts.tolist() == [0, 1, 1, 1, 0]
    np.testing.assert_allclose(found.mean.sum(0), 0, atol=1e-6)


def test_words_speak_for_the_right_class_although_the_network_is_sure(tmp_path):
    problem = prepare("sentences")
    torch.manual_seed(0)
    run = start(Plan("sentences", epochs=9, threads=1, pool="last"), tmp_path / "run")
    assert list(run)[-1].val_loss < 0.02

    found = telling_tokens.telling_tokens(run.net, problem.validation.x)

    words = run.net.metadata.text.vocabulary
    negative, positive = ({words[i - 1] for i in found.top(label, 6)} for label in (0, 1))
    assert len(negative & BAD) >= 4
    assert len(positive & GOOD) >= 4


def test_texts_of_other_lengths_in_a_batch_change_nothing(net):
    rows = [1, 3, 2, 1, 1], [2, 3], [4]
    alone = [telling_tokens.telling_tokens(net, texts(row)) for row in rows]
    total = sum(each.mean * each.counts for each in alone)

    found = telling_tokens.telling_tokens(net, texts(*rows))

    np.testing.assert_allclose(found.mean * found.counts, total, atol=1e-5)
    assert found.counts.tolist() == [0, 3, 2, 2, 1]


def test_the_top_has_no_rare_tokens_and_none_that_speak_against_the_class():
    mean = np.array([[0.0, 9.0, 1.0, 2.0, -1.0]])
    assert Telling(mean, np.array([5, 2, 3, 30, 30])).top(0, 10) == [3, 2]
    assert Telling(mean, np.array([5, 2, 3, 30, 30])).top(0, 1) == [3]
    assert Telling(mean, np.array([0, 1, 1, 0, 1])).top(0, 10) == [1, 2]


def test_the_picture_has_a_panel_for_each_class_with_its_tokens():
    mean = np.array([[0.0, 1.0, 2.0, 0.0, 0.5], [0.0, 2.0, 1.0, 0.3, 0.0]])
    figure = tokens_figure(Telling(mean, np.full(5, 9)), WORDS, CLASSES)

    no, yes = figure.axes
    assert [label.get_text() for label in no.get_yticklabels()] == ["日本", "good", "bad"]
    assert [label.get_text() for label in yes.get_yticklabels()] == ["$", "bad", "good"]
    assert [bar.get_width() for bar in yes.patches] == [0.3, 1.0, 2.0]
    assert yes.get_title(loc="left") == "for yes"


@pytest.mark.filterwarnings("error")
def test_dollars_and_letters_without_a_glyph_are_drawn(net, tmp_path):
    (path,) = draw_telling_tokens(tmp_path, net, texts([1, 2, 3, 4], [4, 3, 3]))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_bytes_are_shown_as_letters_or_numbers():
    names = [telling_tokens.name_of_token(Text("bytes", 4), i) for i in (0, 66, 33, 11, 200)]
    assert names == ["(unknown)", "'A'", "' '", "byte 0x0a", "byte 0xc7"]


def test_only_networks_that_tell_the_class_of_a_text_have_the_picture(net, tmp_path):
    net.metadata = replace(net.metadata, text=None)
    assert draw_telling_tokens(tmp_path, net, texts([1])) == ()


def test_the_memory_of_a_network_of_tokens_is_that_of_its_embeddings(net):
    ids = np.array([[1, 3, 2, 4]])
    u = net.embedding(torch.from_numpy(ids)).detach().requires_grad_()
    v = net.logits_from(u)[0]
    squares = sum(torch.autograd.grad(each, u, retain_graph=True)[0].square() for each in v)

    norms = gradient_by_lag(net, ids[..., None].astype(np.int32))

    np.testing.assert_allclose(norms, squares.sum(-1).sqrt()[0].flip(0), rtol=1e-4)


def test_a_picture_draws_a_formula_in_a_name_as_text(tmp_path):
    figure = telling_tokens.new_figure(3, 3)
    figure.subplots().set_title("$\\frac{$")
    save_figure(figure, tmp_path / "name.png")
    assert (tmp_path / "name.png").exists()
