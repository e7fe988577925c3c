"""What the tests of several rooms begin with; tests/runtime alone must do without."""

from __future__ import annotations

import signal

import pytest

# A shell has what it starts in the background ignore Ctrl-C, and all that is started there too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def one_thread():
    """Small networks are slower with more, and the other core has work of its own."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
