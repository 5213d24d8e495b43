"""Closed forms, invariances and faults of the HistFactory model and its significance."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.cli import main
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.interpolation import code4, code4_coefficients, code4p
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.significance import expected, expected_mu_error
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import from_workspace
from zenith.errors import FitError

MU = Modifier("normfactor", "mu", "c", "signal")
STAT = (Modifier("staterror", "stat", "c", "background"),)
significance = jax.jit(expected, static_argnums=0)
mu_error = jax.jit(expected_mu_error, static_argnums=0)


def counting(signal, background, uncertainty=None, **options):
    """Signal and background in one channel, with staterror if an uncertainty is given."""
    modifiers = (MU, *(() if uncertainty is None else STAT))
    bins = len(signal)
    structure = Structure((("c", bins),), ("background", "signal"), modifiers, "mu", **options)
    nominal = jnp.array([background, signal], float)
    sizes = jnp.zeros((0 if uncertainty is None else 1, 2, bins))
    if uncertainty is not None:
        sizes = sizes.at[0, 0].set(jnp.array(uncertainty, float))
    none, factors = jnp.zeros((0, 2, bins)), jnp.ones((0, 2, 1))
    return structure, Templates(nominal, none, none, factors, factors, sizes)


def test_significance_of_counting_experiments():
    """arXiv:1007.1727, equation 97, summed over bins."""
    s, b = np.array([5.0, 3.0, 0.5]), np.array([20.0, 4.0, 10.0])
    z = np.sqrt((2 * ((s + b) * np.log1p(s / b) - s)).sum())
    assert float(significance(*counting(s, b)).z) == pytest.approx(z, rel=1e-12)


def test_precision_of_counting_experiments():
    s, b = np.array([5.0, 3.0]), np.array([20.0, 4.0])
    error = (s**2 / (s + b)).sum() ** -0.5
    assert float(mu_error(*counting(s, b))) == pytest.approx(error, rel=1e-12)


def test_gaussian_background_uncertainty_lowers_precision():
    """One bin: the variance of mu is that of the count, plus that of the background."""
    error = float(mu_error(*counting([5.0], [20.0], [3.0])))
    assert error == pytest.approx(np.sqrt(25.0 + 9.0) / 5.0, rel=1e-12)


def test_without_nuisances_is_the_counting_experiment():
    structure, templates = counting([5.0, 2.0], [20.0, 7.0], [3.0, 1.0])
    bare = significance(structure.without_nuisances(), templates)
    assert float(bare.z) == pytest.approx(float(significance(*counting([5, 2], [20, 7])).z))
    assert float(significance(structure, templates).z) < float(bare.z)


def test_bins_of_equal_ratio_can_be_merged():
    """Poisson counts of equal signal-to-background carry no shape information."""
    split = significance(*counting([2.0, 3.0], [8.0, 12.0])).z
    assert float(split) == pytest.approx(float(significance(*counting([5.0], [20.0])).z))


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_converges_at_any_luminosity(scale):
    s, b = scale * np.array([5.0, 8.0]), scale * np.array([50.0, 20.0])
    result = significance(*counting(s, b, 0.05 * b))
    assert result.converged
    assert np.isfinite(result.z)
    assert result.z > 0


def test_empty_bins_change_nothing():
    full = significance(*counting([5.0, 2.0], [20.0, 7.0], [3.0, 1.0]))
    structure, templates = counting([5.0, 0.0, 2.0], [20.0, 0.0, 7.0], [3.0, 0.0, 1.0])
    result = significance(structure, templates)
    assert float(result.z) == pytest.approx(float(full.z), rel=1e-12)
    slope = jax.jit(jax.grad(lambda t: expected(structure, t).z))(templates)
    assert all(np.isfinite(leaf).all() for leaf in slope)


def test_negative_sample_in_a_positive_bin_is_finite():
    result = significance(*counting([5.0, 6.0], [20.0, -0.5], [3.0, 0.1]))
    assert not result.converged  # nothing but signal is expected in the second bin
    shifted = significance(*counting([-0.2, 6.0], [20.0, 3.0], [3.0, 0.5]))
    assert shifted.converged
    assert np.isfinite(shifted.z)


def test_no_signal_has_no_significance():
    result = significance(*counting([0.0, 0.0], [20.0, 7.0], [3.0, 1.0]))
    assert result.converged
    assert float(result.z) == 0.0


def test_signal_without_background_is_not_hidden():
    result = significance(*counting([5.0, 1.0], [20.0, 0.0]))
    assert not result.converged
    assert np.isnan(result.z)


def test_deeper_of_two_mirrored_minima_is_found():
    """Both variations raise the background: pulls of either sign fit, one a little better."""
    modifiers = (MU, Modifier("histosys", "tune", "c", "background"))
    structure = Structure((("c", 2),), ("background", "signal"), modifiers, "mu")
    nominal = jnp.array([[100.0, 100.0], [25.0, 20.0]])
    factors = jnp.ones((0, 2, 1))
    alpha = np.linspace(-3, 3, 6001)
    even = np.asarray(code4p(jnp.asarray(alpha))[0])
    for better in (1, -1):
        sides = (np.array([125.0, 116.0]), np.array([122.0, 122.0]))[::better]
        up, down = (jnp.stack([jnp.asarray(side), nominal[1]])[None] for side in sides)
        templates = Templates(nominal, up, down, factors, factors, jnp.zeros((0, 2, 2)))
        result = significance(structure, templates)
        odd, mean = (sides[0] - sides[1]) / 2, (sides[0] + sides[1] - 200.0) / 16
        rate = 100.0 + np.outer(alpha, odd) + np.outer(even, mean)
        counts = np.asarray(nominal.sum(0))
        scan = (rate - counts + counts * np.log(counts / rate)).sum(1) + alpha**2 / 2
        pull = float(result.parameters[structure.parameters.slices["tune"].start])
        assert float(result.z) ** 2 / 2 == pytest.approx(scan.min(), abs=1e-5)
        assert pull == pytest.approx(alpha[scan.argmin()], abs=2e-3)


def test_interpolations_are_smooth_and_meet_the_variations():
    up, down = jnp.log(1.3), jnp.log(0.6)
    coefficients = code4_coefficients(up, down)

    def factor(alpha):
        return code4(alpha, up, down, coefficients)

    assert float(factor(1.0)) == pytest.approx(1.3)
    assert float(factor(-1.0)) == pytest.approx(0.6)
    assert float(factor(0.0)) == 1.0
    h = 1e-9
    for derivative in (factor, jax.grad(factor), jax.grad(jax.grad(factor))):
        for edge in (-1.0, 1.0):
            inside, outside = derivative(edge * (1 - h)), derivative(edge * (1 + h))
            assert float(inside) == pytest.approx(float(outside), abs=1e-7)
    for alpha in (-2.0, -0.4, 0.7, 3.0):
        _, slope, bend = code4p(jnp.array(alpha))
        numbers = jax.grad(lambda x: code4p(x)[0])(alpha), jax.grad(lambda x: code4p(x)[1])(alpha)
        assert (float(slope), float(bend)) == pytest.approx(tuple(map(float, numbers)))


def test_structure_refuses_contradictions():
    channels, samples = (("c", 2),), ("background", "signal")

    def build(*modifiers, **options):
        return Structure(channels, samples, (MU, *modifiers), options.pop("poi", "mu"), **options)

    with pytest.raises(FitError, match="unknown type 'shapetys'"):
        build(Modifier("shapetys", "x", "c", "signal"))
    with pytest.raises(FitError, match="no such channel"):
        build(Modifier("normsys", "x", "d", "signal"))
    with pytest.raises(FitError, match="listed twice"):
        build(MU)
    with pytest.raises(FitError, match="used for types normsys and shapesys"):
        build(*(Modifier(t, "x", "c", "background") for t in ("normsys", "shapesys")))
    with pytest.raises(FitError, match="parameter of interest 'nu'"):
        build(poi="nu")
    with pytest.raises(FitError, match="inits, bounds, auxdata, sigmas"):
        build(Modifier("lumi", "lumi", "c", "signal"))
    with pytest.raises(FitError, match="outside of bounds"):
        build(settings=(Setting("mu", inits=(20.0,)),))


def simple_workspace(background=(20.0, 7.0), **modifier):
    extra = [modifier] if modifier else []
    signal = [{"name": "mu", "type": "normfactor", "data": None}]
    samples = [
        {"name": "signal", "data": [5.0, 2.0], "modifiers": signal},
        {"name": "background", "data": list(background), "modifiers": extra},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": [26.0, 8.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def test_command_prints_significances_and_writes_the_gradient(tmp_path, capsys):
    path, out = tmp_path / "w.json", tmp_path / "g.npz"
    path.write_text(json.dumps(simple_workspace()))
    patch = tmp_path / "p.json"
    change = {"op": "replace", "path": "/channels/0/samples/0/data", "value": [6.0, 2.5]}
    patch.write_text(json.dumps([change]))
    arguments = ["significance", str(path), "--patch", str(patch), "--gradient", str(out)]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    s, b = np.array([6.0, 2.5]), np.array([20.0, 7.0])
    z = np.sqrt((2 * ((s + b) * np.log1p(s / b) - s)).sum())
    assert result["expected"] == pytest.approx(z, rel=1e-12)
    assert result["converged"] is True
    with np.load(out) as arrays:
        # dZ/ds = log(1 + s/b) / Z
        row = list(arrays["samples"]).index("signal")
        np.testing.assert_allclose(arrays["nominal"][row], np.log1p(s / b) / z, rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": (20.0, 0.0)}, "channel 'c' bin 1: 2 events, 0 expected without signal"),
        ({"type": "histosys", "name": "x", "data": {"hi_data": [1.0], "lo_data": [1.0, 2.0]}},
         "histosys 'x', hi_data: 1 values for 2 bins"),
        ({"type": "normsys", "name": "x", "data": {"hi": 1.0, "lo": 0.0}}, "must be positive"),
        ({"type": "normsis", "name": "x", "data": None}, 'unknown type "normsis"'),
        ({"type": "normsys", "name": "x", "data": {"hi": 1.0}}, "modifier 'x'): 'lo' is missing"),
    ],
)  # fmt: skip
def test_command_says_what_is_wrong(change, message, tmp_path, capsys):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(simple_workspace(**change)))
    assert main(["significance", str(path)]) == 1
    assert message in capsys.readouterr().err


def test_command_names_missing_files_and_measurements(tmp_path, capsys):
    path = tmp_path / "w.json"
    assert main(["significance", str(path)]) == 1
    assert f"{path}: No such file" in capsys.readouterr().err
    path.write_text("{")
    assert main(["significance", str(path)]) == 1
    assert "not a JSON file" in capsys.readouterr().err
    path.write_text(json.dumps(simple_workspace()))
    assert main(["significance", str(path), "--measurement", "n"]) == 1
    assert "no measurement 'n'; it has: m" in capsys.readouterr().err
    assert main(["significance", str(path), "--patch", str(path)]) == 1
    assert "does not apply" in capsys.readouterr().err


def test_workspace_without_observation_is_refused():
    spec = simple_workspace()
    spec["observations"] = [{"name": "d", "data": [1.0]}]
    with pytest.raises(FitError, match="channel 'c' has no observation"):
        from_workspace(spec)
