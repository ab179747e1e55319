"""The account of a cohort: complete, and ready for JSON."""

from __future__ import annotations

import json

from synthetic_data.cohort_manifest import manifest
from synthetic_data.cohort_spec import CohortSpec, plan_cohort
from synthetic_data.evidence import load_register
from synthetic_data.population import prepare


def test_the_manifest_is_json_and_names_its_sources() -> None:
    plan = plan_cohort(CohortSpec(name="keynote_189", trial="KEYNOTE-189"))
    account = manifest(prepare(plan, load_register()), 616)
    assert account["patients"] == 616
    text = json.dumps(account)
    assert "KEYNOTE-189" in text
    assert account["simulated"] is True
    assert len(account["sources"]) >= 2
    assert any(f["reason"] for f in account["figures"])
