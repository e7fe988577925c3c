"""The style of every picture: what is a formula and what is a name."""

from __future__ import annotations

from seqrt.drawing.style import new_figure, save_figure, style_axes


def test_powers_of_ten_are_formulas_and_names_with_dollars_are_not(tmp_path):
    figure = new_figure(3, 3)
    axes = figure.subplots()
    axes.bar(["$kW$", "a_$b"], [1e-3, 1e3])
    axes.set_yscale("log")
    style_axes(axes, "$US and $CA")
    save_figure(figure, tmp_path / "a.png")

    powers, names = axes.get_yticklabels(), axes.get_xticklabels()
    assert "10^{" in powers[0].get_text()
    assert all(label.get_parse_math() for label in powers)
    assert not any(label.get_parse_math() for label in [*names, axes.title])
