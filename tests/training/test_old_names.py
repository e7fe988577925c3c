"""Names of earlier versions still work, and are the same objects under their new names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqrt import training
from seqrt.training import Network


@pytest.mark.parametrize(
    ("old", "new"),
    [("About", "Metadata"), ("answers", "predict"), ("remember", "chrono_initialise")],
)
def test_an_old_name_is_the_new_one(old, new):
    assert getattr(training, old) is getattr(training, new)
    assert {old, new} <= set(training.__all__)


def test_about_reads_and_sets_the_metadata_of_a_network():
    net = Network()

    net.about = replace(net.about, name="waves")

    assert net.metadata.name == "waves"
    assert net.about is net.metadata


def test_about_is_the_metadata_of_a_problem(series_csv):
    problem = training.prepare(series_csv, target="height")

    assert problem.about is problem.metadata
