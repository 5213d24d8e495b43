"""A toy analysis and its events, made with numpy, for the tests of the statistical steps."""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import pytest
from makers.columns import toy_config, toy_events

from zenith.artefacts import Columns
from zenith.config import Analysis, parse

# Tests compile much and run little: without LLVM's optimisation they take a third less time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
MAPPINGS = 30_000  # of memory; Linux allows 65,530 (vm.max_map_count)


def pytest_configure(config: pytest.Config) -> None:
    """Compile a program once for all workers and all steps that tests start."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return  # a worker has that of the process that started it
    folder = tempfile.TemporaryDirectory(prefix="zenith-compiled-")
    config.add_cleanup(folder.cleanup)
    for name, value in {
        "jax_compilation_cache_dir": folder.name,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole workflows first: no worker waits in the end for one that takes minutes."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


@pytest.fixture(scope="module", autouse=True)
def forget_programs() -> Iterator[None]:
    """Forget compiled programs before there are too many: each maps memory.

    XLA ends the process that may map no more.
    """
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MAPPINGS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def toy_configuration() -> Callable[..., dict[str, Any]]:
    """A fresh configuration at every call; arguments replace sections."""
    return toy_config


@pytest.fixture(scope="session")
def toy_analysis() -> Analysis:
    return parse(toy_config())


@pytest.fixture(scope="session")
def toy_columns() -> dict[str, Columns]:
    return {
        "zprime": toy_events("zprime", 6000, 60.0, 1),
        "ttbar": toy_events("ttbar", 20000, 3000.0, 2),
        "ttbar_alt": toy_events("ttbar_alt", 20000, 3000.0, 3),
        "wjets": toy_events("wjets", 20000, 1500.0, 4),
        "collisions": toy_events("collisions", 4520, 4520.0, 5),
    }
