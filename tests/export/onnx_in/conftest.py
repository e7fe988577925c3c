"""Where the files of a test are."""

from __future__ import annotations

import pytest


@pytest.fixture
def path(tmp_path):
    """Where the file that is imported is."""
    return tmp_path / "foreign.onnx"


@pytest.fixture
def out(tmp_path):
    """Where the imported file is written."""
    return tmp_path / "model.onnx"
