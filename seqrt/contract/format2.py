"""The rules of the manifest's fields of format 2: state pieces, tokens, decoders, several outputs.

Files that need none of them are of format 1, which older readers open.
"""

from __future__ import annotations

from typing import Any, Final

from seqrt.contract.strict_json import manifest_error

# The most numbers of state besides h and c of the layers: 1 MB a row.
MOST_CARRIED: Final = 1 << 18
# The most steps that a layer may skip.
MOST_DILATION: Final = 1 << 16
MOST_TOKENS: Final = 1 << 31
# The most nodes that a layer may be written as.
MOST_GROUPS: Final = 256
_MOST_HEADS: Final = 6
_LONGEST_REASON: Final = 300
_RESERVED = {"x", "lengths", "state", "state_out"}
_NEW: Final[dict[str, Any]] = {
    **dict.fromkeys(("carries", "decoders", "heads"), ()),
    "least": 1,
    "tokens": 0,
    "not_streamable": "",
    "weights": "float32",
    "rounding": None,
    "text": None,
}
# The fields of a layer that only format 2 has; they are written where they are set.
NEW_OF_LAYERS: Final[dict[str, Any]] = {
    "reverse": False,
    "steps": 0,
    "dilation": 1,
    "activations": (),
    "groups": 1,
}


def check_format2(m: Any) -> None:
    """Raise ModelError unless a manifest's fields of format 2 fit its version."""
    if m.format == 1:
        used = [name for name, default in _NEW.items() if getattr(m, name) != default]
        if used or any(_is_new(layer) for layer in m.layers):
            used = used or ["layers that format 1 has not"]
            raise manifest_error(f"of format 1 must not have {', '.join(used)}")
        return
    _check_dilations(m)
    _check_groups(m)
    _check_state(m)
    if any(layer.steps for layer in m.layers):
        raise manifest_error("must list layers over a fixed number of steps as decoders")
    if not all(1 <= layer.steps <= len(m.outputs) for layer in m.decoders):
        raise manifest_error("needs decoders of 1 step to as many as there are outputs")
    if not 0 <= m.tokens <= MOST_TOKENS:
        raise manifest_error(f"must have from 0 to {MOST_TOKENS} tokens, got {m.tokens}")
    if m.tokens and (len(m.features) != 1 or m.missing != "error"):
        raise manifest_error("of tokens needs one feature, and missing='error'")
    if m.heads:
        _check_heads(m)
    if m.rounding:
        _check_rounding(m)


def _is_new(layer: Any) -> bool:
    return any(getattr(layer, name) != default for name, default in NEW_OF_LAYERS.items())


def _check_dilations(m: Any) -> None:
    for layer in (*m.layers, *m.decoders):
        if not 1 <= layer.dilation <= MOST_DILATION:
            raise manifest_error(f"must have dilations from 1 to {MOST_DILATION}")
        if layer.dilation > 1 and (layer.bidirectional or layer.reverse or layer.steps):
            raise manifest_error("must have dilations only of layers that read time forwards")


def _check_groups(m: Any) -> None:
    for layer in (*m.layers, *m.decoders):
        if not 1 <= layer.groups <= MOST_GROUPS or layer.units % layer.groups:
            raise manifest_error(f"must have layers of 1 to {MOST_GROUPS} equal groups")
        if layer.groups > 1 and (layer.dilation > 1 or layer.reverse or layer.steps):
            raise manifest_error("must have groups only in layers that read each step")


def _check_state(m: Any) -> None:
    """Raise ModelError unless either the state or a reason for having none is given."""
    if bool(m.carries) == bool(m.not_streamable):
        raise manifest_error("needs either carries, or not_streamable and the reason")
    if len(m.not_streamable) > _LONGEST_REASON:
        raise manifest_error(f"must give not_streamable in {_LONGEST_REASON} characters")
    layers = sum(layer.state_size // layer.dilation for layer in m.layers)
    sizes = [piece.size for piece in m.carries]
    if min(sizes, default=1) < 1 or sum(sizes) > layers + MOST_CARRIED:
        raise manifest_error(
            f"must carry at most {MOST_CARRIED} numbers besides one state of each layer,"
            f" got {sizes!r:.60}"
        )
    if m.carries and any(layer.bidirectional or layer.reverse for layer in m.layers):
        raise manifest_error("must not carry the state of a layer that reads from the end")
    if not 1 <= m.least <= (1 if m.carries else 1 << 20):
        raise manifest_error(f"has least {m.least}; a network that streams takes rows of 1 step")


def _check_heads(m: Any) -> None:
    names = [head.name for head in m.heads]
    if not 2 <= len(names) <= _MOST_HEADS or names[0] != "y" or len(set(names)) < len(names):
        raise manifest_error(
            f"needs heads of 2 to {_MOST_HEADS} different names, the first y, got {names!r:.80}"
        )
    if any(name in _RESERVED or not name.isidentifier() for name in names):
        raise manifest_error(f"needs heads named like variables, got {names!r:.80}")
    if min(head.outputs for head in m.heads) < 1 or sum(h.outputs for h in m.heads) != len(
        m.outputs
    ):
        raise manifest_error(f"needs heads that share its {len(m.outputs)} outputs among them")
    wanted = "sequence" if any(head.head == "sequence" for head in m.heads) else "last"
    if m.head != wanted:
        raise manifest_error(f"needs head {wanted!r} for its heads, got {m.head!r}")


def _check_rounding(m: Any) -> None:
    steps, moved = m.rounding.steps, m.rounding.moved
    if m.weights == "float32":
        raise manifest_error("must not say how rounding moved outputs where nothing was rounded")
    if not steps or len(steps) != len(moved) or sorted({*steps}) != [*steps] or steps[0] < 1:
        raise manifest_error(f"needs one figure for each number of steps, got steps {steps!r:.60}")
    if min(*moved, m.rounding.largest, m.rounding.scale) < 0:
        raise manifest_error("needs figures of rounding from 0")
