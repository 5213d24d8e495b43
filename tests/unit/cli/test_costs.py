"""What selections took: of networks that were timed, and of finding them."""

import json
from pathlib import Path
from typing import Any

import pytest

from zenith.artefacts.efficient_score import EFFICIENT_SCORE
from zenith.artefacts.metrics import METRICS
from zenith.cli.costs import cpu_seconds

FOLDS = range(3)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that say no more than what is read here."""

    def read(path: Path) -> Any:
        return json.loads(Path(path).read_text())

    for codec in (METRICS, EFFICIENT_SCORE):
        monkeypatch.setattr(type(codec), "read", lambda self, path: read(path))
    for fold in FOLDS:
        for name, seconds in {"trees": {"cpu_seconds": 4.0 + fold}, "untimed": {}}.items():
            path = tmp_path / name / f"fold_{fold}/metrics.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(seconds))
        score = {"cpu_seconds": 2.0, "cpu_seconds_of_responses": 0.5}
        (tmp_path / f"score_{fold}.json").write_text(json.dumps(score))
    return tmp_path


def test_networks_scores_and_searches_add_up_where_they_were_timed(written: Path) -> None:
    read = {
        "initial": ["trees"],
        "climb": ["trees"],
        "categories": ["untimed"],
        "fixed_edges": ["absent"],
        "tpe": [],
        "efficient_score": ["trees"],
    }
    cost = {n: {"evaluations": 1, "seconds": 1.0, "cpu_seconds": 30.0} for n in ("climb", "tpe")}
    scores = [str(written / f"score_{fold}.safetensors") for fold in FOLDS]
    found = cpu_seconds(read, str(written), FOLDS, scores, cost)
    assert found == {"initial": 15.0, "climb": 45.0, "tpe": 30.0, "efficient_score": 22.5}
    found = cpu_seconds({"climb": ["trees"]}, str(written), FOLDS, scores, cost, {"climb"})
    assert found == {"climb": 45.0 + 7.5}
    (written / "score_1.json").unlink()
    assert "efficient_score" not in cpu_seconds(read, str(written), FOLDS, scores, cost)
