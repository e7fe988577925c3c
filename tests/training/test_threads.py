"""Small layers compute with one thread, wide ones with a few, and afterwards all is as it was."""

from __future__ import annotations

import pytest
import torch

from seqrt.training.threads import threads_that_pay, torch_threads


@pytest.mark.parametrize(("units", "threads"), [((64, 32), 1), ((127,), 1), ((16, 128), 3)])
def test_the_widest_layer_says_how_many_threads_pay(units, threads):
    with torch_threads(3):
        assert threads_that_pay(units) == threads


def test_never_more_threads_than_can_share_a_step():
    with torch_threads(64):
        assert threads_that_pay((512,)) == 4


def test_the_number_of_threads_is_given_back_after_an_error():
    before = torch.get_num_threads()

    with pytest.raises(KeyError), torch_threads(before + 1):
        raise KeyError

    assert torch.get_num_threads() == before
