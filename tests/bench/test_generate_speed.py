"""tools/generate_speed.py: the bare steps that it times are steps of the model that writes."""

from __future__ import annotations

import numpy as np
from pages import HOUSE

from seqrt.export import export
from seqrt.runtime import load


def test_the_bare_steps_are_those_of_the_model(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(HOUSE / "tools")
    from generate_speed import TOKEN, bare_steps, language_model

    path = export(language_model(units=8), tmp_path / "bytes.onnx").path
    model = load(path)

    y = bare_steps(path.read_bytes())(7)
    np.testing.assert_array_equal(y[0, 0], model.predict(np.full((1, 7), TOKEN))[0, -1])
    assert len(model.generate(b"x", 7)) == 7
