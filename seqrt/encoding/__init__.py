"""From cells to numbers: how the columns of a table become the features of a network.

The same arithmetic runs in training, in the commands and in `Model.encode`. Its settings are the
`inputs` of a manifest, so that other programs can repeat it.
"""

from __future__ import annotations
