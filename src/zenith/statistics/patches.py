"""Patches of a workspace: JSON patches (RFC 6902), and pyhf's sets of them, as on HEPData."""

from collections.abc import Mapping
from typing import Any

import jsonpatch
import pyhf

from zenith.errors import InputError
from zenith.statistics.schema import check, describe


def patched(spec: Any, patch: Any, name: str | None = None) -> Any:
    """The workspace with a patch applied: of a patch set, the one with this name.

    Raises InputError where `patch` is neither, does not apply, or was made for another workspace
    (a patch set holds its digest), and for a name that is missing or unknown, with those there are.
    """
    if isinstance(patch, Mapping):
        if "patches" not in patch:
            raise InputError(
                "does not apply: it is neither a JSON patch, which is a list of operations, nor "
                "a pyhf patch set, which has 'patches'"
            )
        return _applied(_of_set(spec, patch, name), spec)
    if name is not None:
        raise InputError(f"is a single patch, not a patch set: leave out the name '{name}'")
    check(patch, "jsonpatch.json")
    return _applied(patch, spec)


def _of_set(spec: Any, content: Mapping[str, Any], name: str | None) -> Any:
    """The operations of one patch of a set that belongs to the workspace."""
    try:
        patches = pyhf.PatchSet(content)
    except pyhf.exceptions.InvalidSpecification as error:
        raise InputError(f"is not a pyhf patch set: {describe(error, content)}") from None
    except pyhf.exceptions.InvalidPatchSet as error:
        raise InputError(f"is not a pyhf patch set: {error}") from None
    by_name = {patch.name: patch.patch for patch in patches}
    if name not in by_name:
        problem = "is a patch set" if name is None else f"has no patch '{name}'"
        raise InputError(f"{problem}: give one of its names, FILE:NAME, of {', '.join(by_name)}")
    try:
        patches.verify(spec)
    except pyhf.exceptions.PatchSetVerificationError as error:
        raise InputError(f"is a patch set of another workspace than this one: {error}") from None
    return by_name[name]


def _applied(operations: Any, spec: Any) -> Any:
    try:
        return jsonpatch.apply_patch(spec, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise InputError(f"does not apply to the workspace as a patch: {error}") from None
