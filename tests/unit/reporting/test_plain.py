"""Labels without LaTeX."""

import pytest

from zenith.config import load
from zenith.reporting.plain import plain


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (r"$t\bar{t}$ (2ℓ)", "tt\u0304 (2ℓ)"),
        (r"$t\bar t$", "tt\u0304"),
        ("$W$ + jets cross-section", "W + jets cross-section"),
        ("$Z'$ (2 TeV)", "Z′ (2 TeV)"),
        (r"$p_T^{\mu} + p_T^{miss}$", "pT μ + pT miss"),
        (r"$\Delta R(\mu, \mathrm{jet})$", "ΔR(μ, jet)"),
        (r"$\chi^2$ of the $t\bar{t}$ hypothesis", "χ² of the tt\u0304 hypothesis"),
        (r"$\mathrm{Z}/\gamma^{*} \to \ell\ell$", "Z/γ* → ℓℓ"),
        (r"$10^{-3}$ of $H_{12}$", "10⁻³ of H₁₂"),
        (r"$W^{+}W^{-}$", "W⁺W⁻"),
        (r"$\sqrt{s}$ and $\lambda$", "√s and λ"),
        (r"$\unknown x$", "unknownx"),
        ("costs 5 $", "costs 5 $"),
        ("no LaTeX_here", "no LaTeX_here"),
        ("", ""),
    ],
)
def test_latex_becomes_unicode(label: str, text: str) -> None:
    assert plain(label) == text


@pytest.mark.parametrize("label", ["$}$", "${$", "$x^$", "$_$", r"$\bar$", "$$", r"$\$"])
def test_what_is_not_latex_is_text_all_the_same(label: str) -> None:
    assert isinstance(plain(label), str)


def test_no_label_of_the_default_analysis_keeps_latex() -> None:
    analysis = load("config/zprime.yaml")
    labelled = [*analysis.processes.values(), *analysis.observables.values()]
    for entry in [*labelled, *analysis.regions.values(), *analysis.systematics.values()]:
        assert not set(plain(entry.label)) & set("\\${}^_"), entry.label
