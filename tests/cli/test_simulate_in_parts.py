"""lungio simulate --chunk: the same patients whatever the size of the chunks, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.artifacts import load_cohort, table_digest
from pipeline.schema import InputError
from tests.cli.calling import lungio, refused

SPEC = "trial: KEYNOTE-189\nmarkers: [pdl1_tps, nlr, sex]\nadverse_events: true\n"
WITH_VISITS = (
    "trial: KEYNOTE-189\nmarkers: [pdl1_tps, nlr, crp, ctdna_baseline, il6, il8, tumor_burden, ecog_ps]\n"
    "adverse_events: true\nvisits: {every_weeks: 6, until_months: 12}\n"
)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("patients", "cohort"):
        monkeypatch.setattr(f"synthetic_data.{module}.BLOCK", 256)


def test_chunks_hold_the_patients_of_the_whole_whatever_their_size(here: Path, small_blocks: None) -> None:
    Path("mine.yaml").write_text(SPEC)
    assert lungio("simulate", "mine.yaml", "--n", 700, "--out", "whole").exit_code == 0
    digests = set()
    for chunk in (100, 300, 5_000):
        out = f"parts{chunk}"
        result = lungio("simulate", "mine.yaml", "--n", 700, "--out", out, "--chunk", chunk)
        assert result.exit_code == 0, result.output
        for table in ("observed", "truth/patients", "events"):
            parts, whole = pd.read_parquet(f"{out}/{table}"), pd.read_parquet(f"whole/{table}.parquet")
            pd.testing.assert_frame_equal(parts, whole, check_exact=True, check_categorical=False,
                                          check_dtype=table != "events")  # fmt: skip
        facts = json.loads(Path(out, "manifest.json").read_text())
        assert facts["rows"]["truth/patients"] == 700
        assert sum(facts["arms"].values()) == facts["patients"] == facts["rows"]["observed"]
        assert Path(out, "columns.json").read_text() == Path("whole/columns.json").read_text()
        digests.add(facts["blocks_sha256"])
    assert len(digests) == 1
    assert len(list(Path("parts100/observed").iterdir())) == -(-facts["patients"] // 100)


def test_another_seed_is_another_digest(here: Path) -> None:
    Path("mine.yaml").write_text(SPEC)
    found = set()
    for seed in (1, 2):
        lungio("simulate", "mine.yaml", "--n", 80, "--out", f"s{seed}", "--chunk", 50, "--seed", seed)
        found.add(json.loads(Path(f"s{seed}/manifest.json").read_text())["blocks_sha256"])
    assert len(found) == 2


def test_an_existing_folder_is_not_overwritten_and_too_many_are_refused(here: Path) -> None:
    Path("mine.yaml").write_text(SPEC)
    Path("there").mkdir()
    refused(
        lungio("simulate", "mine.yaml", "--n", 80, "--out", "there", "--chunk", 50), "nothing is overwritten"
    )
    many = ("simulate", "mine.yaml", "--n", 10**12)
    refused(lungio(*many, "--out", "many"), "GiB of memory", "in parts: --chunk 250000")
    refused(lungio(*many, "--out", "many", "--chunk", 10**12), "choose a smaller --chunk")
    refused(lungio(*many, "--out", "many", "--chunk", 1_000), "GiB of disk space")
    refused(
        lungio("simulate", "mine.yaml", "--n", 80, "--out", "many", "--chunk", 0),
        "--chunk must be at least 1",
    )
    assert not Path("many").exists()


def test_a_failure_half_way_leaves_nothing(
    here: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.yaml").write_text(SPEC)
    from pipeline.artifacts.parts import PartWriter

    def full(self: PartWriter) -> None:
        if self.parts:
            raise OSError(28, "No space left on device")
        self.parts += 1

    monkeypatch.setattr(PartWriter, "_write", full)
    refused(
        lungio("simulate", "mine.yaml", "--n", 700, "--out", "deep/made", "--chunk", 100), "the disk is full"
    )
    assert [p.name for p in Path().iterdir()] == ["mine.yaml"]


def test_a_cohort_in_parts_is_read_again_and_a_change_noticed(here: Path, small_blocks: None) -> None:
    Path("mine.yaml").write_text(WITH_VISITS)
    lungio("simulate", "mine.yaml", "--n", 700, "--out", "whole")
    lungio("simulate", "mine.yaml", "--n", 700, "--out", "parts", "--chunk", 300)
    whole, parts = load_cohort(Path("whole")), load_cohort(Path("parts"))
    assert (parts.name, parts.columns, parts.control_arm) == (whole.name, whole.columns, whole.control_arm)
    assert whole.truth is not None
    assert parts.truth is not None
    for one, other in (
        (whole.observed, parts.observed),
        (whole.visits, parts.visits),
        (whole.events, parts.events),
        (whole.truth.patients, parts.truth.patients),
        (whole.truth.hazards, parts.truth.hazards),
        (whole.truth.visits, parts.truth.visits),
    ):
        assert table_digest(one) == table_digest(other)
    for table in ("observed", "visits", "events"):
        last = sorted(Path("parts", table).iterdir())[-1]
        kept = last.read_bytes()
        pd.read_parquet(last).iloc[:-1].to_parquet(last)
        with pytest.raises(InputError, match=f"{table} has changed since it was written"):
            load_cohort(Path("parts"))
        last.write_bytes(kept)
    load_cohort(Path("parts"))
