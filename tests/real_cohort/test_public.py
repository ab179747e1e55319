"""Public patient data, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.cohort_check import check_cohort
from pipeline.real_cohort import CohortMap, read_cohort, read_map
from pipeline.schema import InputError

from .small_file import COHORTS

REAL = Path(__file__).resolve().parents[3] / "shared" / "realdata"
CHOWELL = """
kind: file
name: chowell2021
citation: "10.1038/s43018-024-00772-7"
patient: SAMPLE_ID
outcomes:
  os_months: {column: OS_Months}
  died: {column: OS_Event, event_value: 1}
  pfs_months: {column: PFS_Months}
  progressed_or_died: {column: PFS_Event, event_value: 1}
  responded: {column: Response, event_value: 1}
columns:
  age_years: {column: Age, kind: number, label: Age, modality: clinical, low: 18, high: 100}
  pdl1_tps_percent: {column: PDL1_TPS(%), kind: number, label: PD-L1, modality: tumour, low: 0, high: 100}
  nlr: {column: NLR, kind: number, label: NLR, modality: blood, positive: true, low: 0, high: 200}
  albumin_g_per_dl: {column: Albumin, kind: number, label: Albumin, modality: blood, low: 1, high: 6.5}
  hla_loh: {column: HLA_LOH, kind: boolean, label: HLA LOH, modality: tumour}
"""
SAYER = """
kind: file
name: sayer2023
citation: City of Hope
patient: SHADOW.ID
outcomes:
  os_months: {column: os_days_update, unit: days}
  died: {column: OS_event, event_value: 1}
  pfs_months: {column: PFS_days_filled, unit: days}
  progressed_or_died: {column: PFS_event, event_value: 1}
columns:
  age_years: {column: Age.at.diagnosis, kind: number, label: Age, modality: clinical, recode: {89+: 89}}
  days_to_worse: {column: pfs_days, kind: number, label: pfs_days, modality: clinical}
  squamous: {column: Squamous, kind: boolean, label: Squamous, modality: tumour}
"""


def real(name: str) -> Path:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand: real data are not part of the project")
    return path


def test_poplar_gives_its_published_figures():
    from lifelines import CoxPHFitter, KaplanMeierFitter

    cohort = read_cohort(read_map(COHORTS / "poplar.yaml"), real("poplar.csv"))
    frame = cohort.observed
    assert len(frame) == 287
    assert cohort.manifest["warnings"] == []
    treated = (frame["arm"] == "atezolizumab").astype(float)
    for endpoint, months, event, published in (
        ("os", "os_months", "died", 0.675), ("pfs", "pfs_months", "progressed_or_died", 0.913)
    ):  # fmt: skip
        table = pd.DataFrame({"months": frame[months], "event": frame[event], "treated": treated})
        hazard_ratio = np.exp(CoxPHFitter().fit(table, "months", "event").params_["treated"])
        assert hazard_ratio == pytest.approx(published, abs=0.01), endpoint
    for arm, median in (("docetaxel", 9.7), ("atezolizumab", 12.6)):
        rows = frame["arm"] == arm
        curve = KaplanMeierFitter().fit(frame.loc[rows, "os_months"], frame.loc[rows, "died"])
        assert curve.median_survival_time_ == pytest.approx(median, abs=0.1)
    assert frame["btmb_mutations"].notna().sum() == 211
    assert not [f for f in check_cohort(cohort) if f.severity == "fault"]


@pytest.mark.parametrize("headers", [("OS.CNSR",), ("PFS.CNSR",), ("OS.CNSR", "PFS.CNSR")])
def test_poplar_with_its_censoring_flags_taken_for_events_is_refused(tmp_path, headers):
    text = (COHORTS / "poplar.yaml").read_text()
    for header in headers:
        right = f"{{column: {header}, event_value: 0, censored_value: 1}}"
        assert right in text
        text = text.replace(right, f"{{column: {header}, event_value: 1, censored_value: 0}}")
    path = tmp_path / "inverted.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"inverted|wrong way round"):
        read_cohort(read_map(path), real("poplar.csv"))


def test_a_retrospective_cohort_passes(tmp_path):
    cohort_map = CohortMap.model_validate(yaml.safe_load(CHOWELL))
    cohort = read_cohort(cohort_map, real("chowell2021_msk_nsclc_train.csv"))
    assert len(cohort) == 331
    assert cohort.observed["died"].sum() == 230
    assert cohort.observed["pdl1_tps_percent"].isna().mean() == pytest.approx(0.49, abs=0.01)
    assert int(cohort.observed["responded"].sum()) == 87  # published with LORIS
    findings = check_cohort(cohort)
    assert not [f for f in findings if f.severity == "fault"]
    assert {f.column for f in findings if f.check == "missing"} == {"pdl1_tps_percent"}


def test_a_retrospective_cohort_in_days_and_with_a_leaking_column():
    path = real("sayer2023_coh_nsclc_irae.csv")
    document = yaml.safe_load(SAYER)
    with pytest.raises(InputError, match="1 patient in more than one row, again in row 16"):
        read_cohort(CohortMap.model_validate(document), path)  # one id stands twice, once with blanks
    document["patient"] = "X"
    with pytest.raises(InputError, match="died at the end of PFS"):
        read_cohort(CohortMap.model_validate(document), path)
    document["corrections"] = ["death_is_pfs_event"]
    cohort = read_cohort(CohortMap.model_validate(document), path)
    assert cohort.observed["died"].sum() == 207
    assert "pfs_months: 3 times of zero set to half a day" in cohort.manifest["warnings"]
    leaking = {f.column for f in check_cohort(cohort) if f.check in {"leakage", "informative_missing"}}
    assert leaking == {"days_to_worse"}
    for time in ("os_months", "pfs_months"):
        del document["outcomes"][time]["unit"]
    with pytest.raises(InputError, match="times look like days"):
        read_cohort(CohortMap.model_validate(document), path)
