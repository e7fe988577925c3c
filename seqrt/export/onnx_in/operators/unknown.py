"""What is said of operators that are not in the table."""

from __future__ import annotations

from seqrt.export.onnx_in.graph import OnnxNode
from seqrt.export.onnx_in.operators import arithmetic, features, shapes
from seqrt.export.onnx_in.operators.recurrent import RECURRENT
from seqrt.export.onnx_in.operators.table import OPERATORS
from seqrt.export.onnx_in.refusal import CannotCarry

# The modules that fill the table.
TABLES = (arithmetic, features, shapes)

_LISTED = "The export page of seqrt lists what a file can hold."
_PLACES = (
    "it returns places instead of values",
    "Remove it from the graph and apply it to the outputs.",
)
_PATHS = (
    "it decides by values, and a file has one path for all values",
    "Move it behind the model.",
)
_CHANCE = ("it makes the output depend on chance", "Export the model in evaluation mode.")
_LOOPS = (
    "it runs a graph inside the graph",
    "Export the layer as one RNN, LSTM or GRU node; seqrt files have no control flow.",
)
_QUANTIZED = ("it quantises values; a file holds float32", "Export the model before quantisation.")
_REASONS = {
    **dict.fromkeys(("Loop", "Scan", "If"), _LOOPS),
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK", "NonZero", "Unique"), _PLACES),
    **dict.fromkeys(("Compress", "And", "Or", "Xor", "IsNaN", "IsInf", "Sign"), _PATHS),
    **dict.fromkeys(("RandomNormal", "RandomNormalLike", "RandomUniform", "Bernoulli"), _CHANCE),
    **dict.fromkeys(("RandomUniformLike", "Multinomial"), _CHANCE),
    **dict.fromkeys(("Resize", "Upsample", "ConvTranspose"), features.FEWER),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "MatMulInteger"), _QUANTIZED),
    **dict.fromkeys(("DynamicQuantizeLinear", "QLinearMatMul", "ConvInteger"), _QUANTIZED),
    "ReverseSequence": ("it turns the steps round by lengths", "Export a bidirectional layer."),
    "OneHot": ("it makes vectors of ids", "Use an embedding with the unit matrix."),
    "Attention": (
        "it compares every step with every other, steps x steps",
        "Attend from the last state.",
    ),
}


def check_operator(node: OnnxNode) -> None:
    """Refuse an operator that is not in the table, and any of another domain than ONNX's own."""
    if node.domain:
        raise CannotCarry(
            f"it is an operator of {node.domain[:60]!r}, not of ONNX itself",
            "Export the model without optimisations for one runtime.",
        )
    if node.operator not in OPERATORS and node.operator not in RECURRENT:
        raise CannotCarry(
            *_REASONS.get(
                node.operator, (f"{node.operator} is not among the operators of a file", _LISTED)
            )
        )
