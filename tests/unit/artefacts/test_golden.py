"""Certified luminosity sections against a loop over ranges, for every spelling of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zenith.artefacts.golden import certified
from zenith.errors import InputError

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def mask(path: Path, content: Any) -> Any:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return certified(str(path))


@pytest.mark.parametrize(
    ("ranges", "sections"),
    [
        ([[1, 3], [7, 9]], [1, 2, 3, 7, 8, 9]),
        ([[7, 9], [1, 3]], [1, 2, 3, 7, 8, 9]),  # in any order
        ([[1, 5], [3, 8]], [1, 2, 3, 4, 5, 6, 7, 8]),  # overlapping
        ([[1, 9], [3, 4]], [1, 2, 3, 4, 5, 6, 7, 8, 9]),  # one in the other
        ([[1, 4], [5, 6]], [1, 2, 3, 4, 5, 6]),  # touching
        ([[4, 4], [4, 4]], [4]),
        ([[0, 2]], [0, 1, 2]),
        ([[-5, 2]], [0, 1, 2]),
        ([[-5, -2], [3, 3]], [3]),
        ([[8, 10**12]], [8, 9, 10, 11]),
    ],
)
@pytest.mark.parametrize("kind", INTEGERS)
def test_ranges_are_a_set_of_sections(
    ranges: list[list[int]], sections: list[int], kind: str, tmp_path: Path
) -> None:
    certifies = mask(tmp_path / "golden.json", {"11": [], "10": ranges, "9": [[4, 6]]})
    section = np.arange(12).astype(kind)
    for run, expected in ((10, sections), (9, [4, 5, 6]), (11, []), (12, [])):
        found = certifies(np.full(12, run).astype(kind), section)
        assert section[found].tolist() == expected


def test_random_ranges_are_those_of_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        first = rng.integers(-3, 30, (5, 6))
        content = {
            str(run): np.stack([first[run], first[run] + rng.integers(0, 9, 6)], -1).tolist()
            for run in range(5)
        }
        run, section = rng.integers(-1, 7, 500), rng.integers(-1, 45, 500)
        expected = [
            s >= 0 and any(low <= s <= high for low, high in content.get(str(r), []))
            for r, s in zip(run.tolist(), section.tolist(), strict=True)
        ]
        found = mask(tmp_path / "golden.json", content)(run, section)
        assert found.tolist() == expected


def test_numbers_of_32_bits_do_not_meet(tmp_path: Path) -> None:
    certifies = mask(tmp_path / "golden.json", {"1": [[0, 2**32]], "3": [[1, 1]]})
    run = np.array([1, 1, 2, 3, 3, 2**32 + 1, 2**63], np.uint64)
    section = np.array([0, 2**32 - 2, 0, 1, 2**32 + 1, 5, 5], np.uint64)
    expected = [True, True, False, True, False, False, False]
    assert certifies(run, section).tolist() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"10": [[5, 1]]}, "at '10'"),
        ({"10": [[1, 2]], "Run11": [[1, 2]]}, "at 'Run11'"),
        ({"-10": [[1, 2]]}, "at '-10'"),
        ({"²": [[1, 2]]}, "at '²'"),
        ({"10": [[1.0, 2.5]]}, "at '10'"),
        ({"10": [[True, 2]]}, "at '10'"),
        ({"10": [1, 2]}, "at '10'"),
        ({"10": {"1": 2}}, "at '10'"),
        ({"10": [[-9, -2]]}, "certifies no luminosity section"),
        ('{"10": [[1, 2]], "10": [[5, 6]]}', "an object has the key '10' twice"),
    ],
)
def test_what_is_no_list_of_sections(content: Any, expected: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"golden\.json: ") as raised:
        mask(tmp_path / "golden.json", content)
    assert expected in str(raised.value)
