"""Response surfaces where the response is known exactly, and where simulation fluctuates."""

import numpy as np
import pytest

from zenith.core.likelihood.quadratics import monomials, number, symmetric
from zenith.core.response import surface
from zenith.errors import InputError
from zenith.events.points import design

NAMES = ("tes", "jes", "soft")
POINTS = design([-5.0, -5.0, 0.0], [5.0, 5.0, 5.0], random=12, seed=3)


def exact(points=POINTS, processes=2, bins=4, seed=0):
    """Copies whose yields follow a polynomial without any error, and its coefficients."""
    random = np.random.default_rng(seed)
    truth = random.normal(0.0, 0.1, (number(len(NAMES)), processes, bins))
    nominal = random.uniform(1.0, 1000.0, (processes, bins))
    ratios = np.exp(np.tensordot(monomials(np.vstack([np.zeros(3), points])), truth, 1))
    covariance = np.zeros((len(ratios), len(ratios), processes, bins))
    return surface.Copies(points, (nominal * ratios)[None], covariance), truth


def test_exact_responses_reproduce_exact_yields() -> None:
    copies, truth = exact()
    found = surface.fit(copies, NAMES, ("h", "z"))
    np.testing.assert_allclose(found.coefficients, truth, atol=1e-12)
    elsewhere = np.array([[0.3, -1.7, 0.9], [2.5, 1.0, 0.1]])
    yields = copies.yields[0] * np.exp(found.log_ratio(elsewhere))
    exactly = copies.yields[0] * np.exp(np.tensordot(monomials(elsewhere), truth, 1))
    np.testing.assert_allclose(yields, exactly, rtol=1e-12)
    assert not found.covariance.any()
    assert not found.noise.any()


def test_the_design_has_axes_and_random_points_within_the_range() -> None:
    assert len(POINTS) == 3 * 4 + 12
    assert sorted(POINTS[(POINTS[:, 1:] == 0).all(axis=1), 0]) == [-2.0, -1.0, 1.0, 2.0]
    assert sorted(POINTS[(POINTS[:, :2] == 0).all(axis=1), 2]) == [0.5, 1.0, 1.5, 2.0]
    assert (POINTS[:, 2] >= 0.0).all()
    assert (np.abs(POINTS) <= 2.0).all()


def test_second_derivatives_are_those_of_the_terms() -> None:
    coefficients = np.arange(1.0, number(3) + 1.0)
    matrix = np.asarray(symmetric(coefficients, 3))
    at = np.array([0.3, -0.2, 0.7])
    value = coefficients[:3] @ at + at @ matrix @ at / 2
    assert value == pytest.approx(float(monomials(at) @ coefficients), rel=1e-12)


def gaussian_copies(seed: int, events: int = 2000) -> surface.Copies:
    """Events of N(ν_t / 10, 1), in 5 bins, with a rate exp(0.05 ν_j + 0.01 ν_j²)."""
    random = np.random.default_rng(seed)
    x = random.normal(size=events)
    points = design([-5.0, -5.0], [5.0, 5.0], random=8, seed=1)
    everywhere = np.vstack([np.zeros(2), points])
    place = np.digitize(x + 0.1 * everywhere[:, :1], [-1.0, -0.3, 0.3, 1.0])
    weight = np.exp(0.05 * everywhere[:, 1:] + 0.01 * everywhere[:, 1:] ** 2) * np.ones(events)
    return surface.Copies.of_events(points, [place], [weight], 5)


def test_errors_are_those_of_the_ratio_and_pulls_of_unused_points_are_normal() -> None:
    """Copies share their events: the spread over simulations is far below that of their yields."""
    found, pulls = [], []
    used = np.ones(16, bool)
    used[[1, 6, 9, 13, 15]] = False
    for seed in range(40):
        copies = gaussian_copies(seed)
        fitted = surface.fit(copies, ("t", "j"), ("p",), used)
        found.append(fitted)
        pulls.append(surface.closure(fitted, copies, used).pulls)
    at = np.array([2.0, 0.0])
    ratios = np.array([each.log_ratio(at)[0] for each in found])
    stated = np.array([each.error(at)[0] for each in found]).mean(axis=0)
    np.testing.assert_allclose(ratios.std(axis=0), stated, rtol=0.35)
    independent = np.sqrt(2.0 / 300.0)  # were the copies other events
    assert (stated < 0.6 * independent).all()
    of_point = np.mean(np.square(pulls), axis=(0, 2, 3))
    assert np.delete(of_point, 1).mean() == pytest.approx(1.0, abs=0.12)
    assert of_point[1] < 1.0  # a rate alone: the same events, whose share nothing can change
    # a rate, which moves no event between bins, is known without any error
    assert found[0].error(np.array([0.0, 1.0])).max() < 0.01
    # what leaves a bin enters the next, and the noise of all bins together is that of each
    terms = monomials(at)
    noise = np.array([np.einsum("f,jfb->jb", terms, each.noise[:, :, 0]) for each in found])
    of_all = np.einsum("njb,njc->bc", noise, noise) / len(found)
    np.testing.assert_allclose(np.sqrt(np.diag(of_all)), stated, rtol=0.06)
    size = np.sqrt(np.diag(of_all))
    neighbours = np.diag(of_all / size / size[:, None], 1)
    assert neighbours.max() < -0.15
    assert neighbours.mean() == pytest.approx(np.diag(np.corrcoef(ratios.T), 1).mean(), abs=0.15)
    # no event leaves all bins: their sum is known far better than bins on their own would say
    shares = np.exp(ratios.mean(axis=0)) * gaussian_copies(0).yields[0, 0]
    assert shares @ of_all @ shares < 0.1 * (shares**2 @ size**2)
    summary = surface.closure(found[0], gaussian_copies(0), used)
    assert summary.number == 5 * 5
    assert summary.chi2 == pytest.approx(np.sum(pulls[0] ** 2))


def test_covariance_of_yields_is_that_of_shared_events() -> None:
    place = np.array([[0, 0, 1, -1], [0, 1, 1, 0]])
    weight = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    groups, covariance = surface.sums(place, weight, 2)
    np.testing.assert_array_equal(groups.sum(axis=0), [[3.0, 3.0], [13.0, 13.0]])
    np.testing.assert_array_equal(groups[1], [[2.0, 0.0], [0.0, 6.0]])
    np.testing.assert_array_equal(covariance[..., 0], [[5.0, 5.0], [5.0, 89.0]])
    np.testing.assert_array_equal(covariance[..., 1], [[9.0, 21.0], [21.0, 85.0]])


@pytest.mark.parametrize(
    ("points", "lacking", "fine"),
    [
        (POINTS[:12], ["tes × jes", "tes × soft", "jes × soft"], ["tes,", "jes²"]),
        (POINTS * [1.0, 1.0, 0.0], ["soft", "soft²", "jes × soft"], ["tes × jes"]),
        (np.c_[POINTS[:, 0], POINTS[:, 0], POINTS[:, 2]], ["tes", "jes", "jes × soft"], ["soft²"]),
        (np.c_[np.sign(POINTS[:, 0]) ** 2, POINTS[:, 1:]], ["tes", "tes²"], ["jes²", "soft²"]),
    ],
)
def test_points_that_do_not_determine_the_polynomial_are_named(points, lacking, fine) -> None:
    copies, _ = exact(points)
    with pytest.raises(InputError, match="do not determine") as error:
        surface.fit(copies, NAMES, ("h", "z"))
    message = str(error.value).split("terms: ")[1]
    named = message.split(";")[0].split(", ")
    assert set(lacking) <= set(named)
    assert not set(fine) & set(named)


def test_bins_without_events_and_broken_yields() -> None:
    copies, truth = exact()
    copies.groups[0, :, 1, 2] = 0.0
    found = surface.fit(copies, NAMES, ("h", "z"))
    assert not found.coefficients[:, 1, 2].any()
    np.testing.assert_allclose(found.coefficients[:, 0], truth[:, 0], atol=1e-12)
    copies.groups[0, 1, 1, 2] = 3.0
    with pytest.raises(InputError, match="'z', bin 2, at the nominal point: the yield is 0"):
        surface.fit(copies, NAMES, ("h", "z"))
    copies, _ = exact()
    copies.groups[0, 2, 0, 3] = 0.0
    with pytest.raises(InputError, match="process 'h', bin 3, at tes = -1: the yield is 0"):
        surface.fit(copies, NAMES, ("h", "z"))
    copies.groups[0, 2, 0, 3] = np.nan
    with pytest.raises(InputError, match="process 'h', bin 3, at tes = -1: not a finite number"):
        surface.fit(copies, NAMES, ("h", "z"))
    with pytest.raises(InputError, match="shapes"):
        surface.fit(copies, NAMES[:2], ("h", "z"))
