"""What a table has that the training data had not is said."""

from __future__ import annotations

import pytest

from seqrt.contract import Column, Input, Layer, Manifest
from seqrt.contract.columns import TimeColumn
from seqrt.data import read
from seqrt.data.ordering.as_trained import as_trained
from seqrt.data.ordering.differences import differences

SKY = Input("sky", "category", levels=("rain", "sun"))
MODEL = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=tuple(map(Column, ("sales", *SKY.names))),
    outputs=(Column("sales+1"),),
    window=2,
    time=TimeColumn("day", "iso", "1 day"),
    inputs=(Input("sales"), SKY),
)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("day,sales,sky", "2024-01-01,3,sun", "2024-01-02,4,rain"), []),
        (
            ("day,sales,sky", "2024-01-01,3,snow", "2024-01-02,4,snow", "2024-01-03,4,"),
            [
                "sky: 2 rows hold a category that the model does not know, such as 'snow': read as"
                " sky=other"
            ],
        ),
        (
            ("sales,sky", "3,sun", "4,rain"),
            [
                "there is no column 'day', the time of the training data: rows are taken in the"
                " order of the file, at equal steps"
            ],
        ),
    ],
    ids=["none", "category", "time"],
)
def test_what_is_unlike_the_training_data_is_named(lines, said, tmp_path):
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")

    data = as_trained(read(tmp_path / "shop.csv"), MODEL)

    assert list(differences(data, MODEL)) == said
