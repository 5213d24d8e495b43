"""A pyhf workspace in a notebook: its significance, its fit, and the gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.api.precision import in_double_precision
from zenith.core.likelihood.workspace import Workspace
from zenith.errors import ZenithError
from zenith.statistics import significance as statistics
from zenith.statistics.workspace_files import read_json_file, with_patch


class Significance(NamedTuple):
    """Discovery significance Z, in standard deviations."""

    expected: float
    """Of the Asimov data at signal strength 1."""
    observed: float
    """One-sided: 0 where the fitted signal strength is negative."""


class Fit(NamedTuple):
    """The free fit to the observed counts; n parameters in pyhf's order."""

    mu: float
    """The parameter of interest."""
    mu_error: float | None
    """From the Hessian; None on a bound, or where the data do not determine it."""
    parameters: dict[str, float]
    """Name to value."""
    covariance: NDArray[np.float64]
    """(n, n); 0 for parameters that are fixed or on a bound."""
    at_bound: tuple[str, ...]
    """The parameters that end on a bound, where a Hessian gives no error."""
    twice_nll: float
    """-2 log L with all constants, as pyhf has it."""


@dataclass(frozen=True)
class Measurement:
    """One measurement of a workspace, made by `zenith.load_workspace`."""

    source: str
    """What errors call it: the file, and the patch."""
    _workspace: Workspace = field(repr=False)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the n parameters, in pyhf's order."""
        return self._workspace.structure.parameters.names

    @in_double_precision
    def significance(self) -> Significance:
        """Expected and observed discovery significance, sqrt(q0) of arXiv:1007.1727, equation 12.

        Raises FitError, which names the bins to blame if it can, where a fit does not converge.
        """
        try:
            asimov = statistics.expected_of(self._workspace)
            return Significance(float(asimov.z), float(statistics.fit_of(self._workspace).z))
        except ZenithError as error:
            raise self._named(error) from None

    @in_double_precision
    def fit(self) -> Fit:
        """Maximum likelihood of the observed counts, all parameters within their bounds.

        Raises FitError as `significance` does.
        """
        try:
            found = statistics.fit_of(self._workspace)
        except ZenithError as error:
            raise self._named(error) from None
        mu_error = float(found.mu_error)
        return Fit(
            float(found.mu_hat),
            mu_error if np.isfinite(mu_error) else None,
            dict(zip(self.parameters, np.asarray(found.parameters).tolist(), strict=True)),
            np.asarray(found.covariance),
            tuple(statistics.at_bound(self._workspace, found)),
            float(found.twice_nll),
        )

    @in_double_precision
    def significance_and_gradient(self) -> tuple[float, dict[str, NDArray[Any]]]:
        """The expected significance, and its derivative with respect to every template.

        S samples, B bins of all channels one after the other, C channels: `nominal` is (S, B),
        `histosys_up` and `_down` (H, S, B), `normsys_up` and `_down` (N, S, C), `uncertainty`
        (K, S, B), all in 1 / event but those of the factors of normsys; `samples`, `channels`,
        `channel_of_bin`, `histosys`, `normsys` and `layers` name the axes. By the envelope theorem
        it takes one fit. Raises FitError as `significance` does.
        """
        try:
            return statistics.value_and_gradient(self._workspace)
        except ZenithError as error:
            raise self._named(error) from None

    def _named(self, error: ZenithError) -> ZenithError:
        return type(error)(f"{self.source}: {error}")


@in_double_precision
def load_workspace(
    workspace: str | Path | Mapping[str, Any],
    patch: str | Path | None = None,
    measurement: str | None = None,
) -> Measurement:
    """A measurement, by default the first, of a pyhf workspace (JSON schema 1.0.0).

    `workspace` is the path of a file or its content, `patch` the path of a JSON patch (RFC 6902) or
    `"FILE:NAME"`, a patch of a pyhf patch set as on HEPData. Units are those of the workspace.

    Raises InputError for files that cannot be read or are of another schema, with the place in the
    JSON, and for a patch that does not apply; FitError for a model that contradicts itself.

    >>> model = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    >>> counts = [57.0, 60.0, *model.config.auxdata]
    >>> ws = zenith.load_workspace(dict(pyhf.Workspace.build(model, counts)))
    >>> z, fit = ws.significance(), ws.fit()
    >>> print(f"{z.expected:.3f} {z.observed:.3f} {fit.mu:.3f} {fit.mu_error:.3f}")
    1.824 1.167 0.632 0.554
    >>> z, gradient = ws.significance_and_gradient()
    >>> print(f"{z:.3f}", gradient["samples"], gradient["nominal"].shape)
    1.824 ['background' 'signal'] (2, 2)
    """
    if isinstance(workspace, Mapping):
        source, spec = "workspace", workspace
    else:
        source, spec = str(workspace), read_json_file(workspace)
    if patch is not None:
        source, spec = f"{source} with {patch}", with_patch(spec, str(patch))
    try:
        return Measurement(source, statistics.read(spec, measurement))
    except ZenithError as error:
        raise type(error)(f"{source}: {error}") from None
