"""tools/folds_speed.py: the committee that it times computes what its one member computes."""

from __future__ import annotations

import numpy as np
from pages import HOUSE

from seqrt.runtime import load


def test_a_committee_of_equal_members_is_wider_and_predicts_what_one_does(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(HOUSE / "tools")
    from side_by_side.contenders import Net
    from side_by_side.harness import Harness

    harness, net = Harness(tmp_path, quick=True), Net("gru", (6, 4), folds=3)
    work = [harness.work(each, (5, 8))[0] for each in (net, net._replace(folds=1))]
    whole, one = (load(each.path) for each in work)

    assert whole.manifest.state_size == 3 * one.manifest.state_size
    x = work[0].draw(5, 8)
    np.testing.assert_allclose(whole.predict(x), one.predict(x), atol=1e-6)
