"""Drawn markers: margins and correlations come back, trials are reproduced, streams stand still."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import InputError, check_table
from synthetic_data.evidence import MarkerSpec
from synthetic_data.evidence.simulation import FOUNDING
from synthetic_data.markers import Eligibility, Setting, draw_markers

N = 20_000


@pytest.fixture(scope="module")
def draw(markers):
    return draw_markers(markers, Setting(), N, np.random.default_rng(11))


def is_share(share, target, n=N):
    """Within four standard errors of a share."""
    return abs(share - target) < 4 * math.sqrt(target * (1 - target) / n) + 1e-12


def median_is(values, target, log_sd):
    """Within four standard errors of a lognormal's sample median (√(π/2) σ/√n on the log scale)."""
    error = math.log(np.median(values) / target)
    return abs(error) < 4 * math.sqrt(math.pi / 2) * log_sd / math.sqrt(len(values)) + 0.005  # rounding


def test_the_table_is_what_its_columns_declare(draw):
    check_table(draw.values, draw.columns)
    assert len(draw.columns) == 59
    assert draw.values.index.equals(pd.RangeIndex(N, name="patient"))
    assert draw.values.notna().all().all()
    assert {c.modality for c in draw.columns} == {
        "clinical", "tumour", "blood", "cytokine", "cellular", "ctdna", "microbiome", "imaging",
    }  # fmt: skip


def test_columns_stand_in_their_order(draw, markers):
    ordered = sorted(markers.values(), key=lambda m: m.simulate.order)
    assert list(draw.values) == [m.simulate.column for m in ordered]


def test_prevalences_come_back(draw, markers):
    for marker in markers.values():
        if marker.simulate.family == "bernoulli":
            share = draw.values[marker.simulate.column].mean()
            assert is_share(share, marker.simulate.parameters["prevalence"]), marker.id


def test_medians_come_back(draw, markers):
    for marker in markers.values():
        s = marker.simulate
        if s.family == "lognormal":
            assert median_is(draw.values[s.column], s.parameters["median"], s.parameters["log_sd"]), s.column


def test_the_median_test_can_fail(draw, markers):
    s = markers["nlr"].simulate
    assert not median_is(draw.values[s.column], s.parameters["median"] * 1.06, s.parameters["log_sd"])


def test_published_quantiles_come_back(draw):
    values = draw.values["copy_number_altered_fraction"]
    for probability, value in ((0.25, 0.024), (0.5, 0.138), (0.75, 0.317), (0.95, 0.586)):
        error = 4 * math.sqrt(probability * (1 - probability) / N)
        assert abs((values <= value).mean() - probability) < error + 0.005, probability  # rounding


def test_rank_correlations_come_back(draw, markers):
    """Within 4.5 standard errors and what the repair of the matrix moved."""
    checked = 0
    for name, marker in markers.items():
        for pair in marker.simulate.correlations:
            if pair.measure != "spearman" or abs(pair.value) < 0.1:
                continue
            columns = [marker.simulate.column, markers[pair.marker].simulate.column]
            frame = draw.values[columns]
            frame = frame.apply(lambda c: c.cat.codes if c.dtype == "category" else c.astype(float))
            rank = frame.rank().corr().iloc[0, 1]
            assert abs(rank - pair.value) < 4.5 / math.sqrt(N) + 0.06, (name, pair.marker)
            checked += 1
    assert checked > 50


def test_crp_and_il6_rise_together_and_albumin_falls(draw):
    ranks = draw.values[["crp_mg_per_l", "il6_pg_per_ml", "albumin_g_per_dl"]].rank().corr()
    assert ranks.loc["crp_mg_per_l", "il6_pg_per_ml"] > 0.4
    assert ranks.loc["crp_mg_per_l", "albumin_g_per_dl"] < -0.3


@pytest.mark.parametrize("trial", ["KEYNOTE-189", "KEYNOTE-407", "KEYNOTE-042", "OAK"])
def test_a_trials_baseline_is_reproduced(register, markers, trial):
    setting = Setting.of(register.trial(trial))
    v = draw_markers(markers, setting, N, np.random.default_rng(5)).values
    b = setting.baseline
    assert is_share(v["male"].mean(), b["male"])
    assert is_share((v["smoking"] == "never").mean(), b["never_smoker"])
    assert is_share((v["ecog_ps"] == 0).mean(), b["ecog0"])
    assert is_share(v["brain_metastases"].mean(), b["brain_mets"])
    assert abs(v["age_years"].median() - b["median_age"]) <= 0.5
    if "squamous" in v:
        assert is_share(v["squamous"].mean(), b["squamous"])
    if "pdl1_lt1" in b:
        known = [b["pdl1_lt1"], b["pdl1_1_49"], b["pdl1_ge50"]]
        tps = v["pdl1_tps_percent"]
        for share, target in zip(
            [(tps < 1).mean(), ((tps >= 1) & (tps < 50)).mean(), (tps >= 50).mean()], known, strict=True
        ):
            assert is_share(share, target / sum(known))


def test_a_trial_of_positive_patients_has_no_negative_ones(register, markers):
    setting = Setting.of(register.trial("KEYNOTE-042"), {"pdl1_tps_percent": Eligibility(at_least=1)})
    tps = draw_markers(markers, setting, N, np.random.default_rng(5)).values["pdl1_tps_percent"]
    assert tps.min() >= 1
    assert is_share((tps >= 50).mean(), 0.47)


def test_markers_with_one_possible_value_have_no_column(register, markers):
    setting = Setting.of(register.trial("KEYNOTE-189"), {"egfr_mutant": Eligibility(equals=False)})
    drawn = draw_markers(markers, setting, 100, np.random.default_rng(0))
    assert {"squamous", "egfr_mutant"}.isdisjoint(drawn.values)
    assert drawn.report["columns"]["egfr_mutant"]["constant"] == "false"
    assert "egfr_mutant" in drawn.scores


def test_small_cell_trials_have_their_own_margins(register, markers):
    setting = Setting.of(register.trial("IMpower133"))
    v = draw_markers(markers, setting, N, np.random.default_rng(0)).values
    assert is_share((v["pdl1_tps_percent"] >= 1).mean(), 0.073)
    assert is_share((v["smoking"] == "never").mean(), 0.03)
    assert "squamous" not in v


def test_every_trial_of_the_register_can_be_drawn(register, markers):
    few = {
        k: markers[k] for k in ("age", "sex", "ecog_ps", "smoking", "histology_squamous", "pdl1_tps", "egfr")
    }
    for trial in register.trials.values():
        assert len(draw_markers(few, Setting.of(trial), 20, np.random.default_rng(0)).values) == 20


def test_the_same_seed_gives_the_same_bits(markers):
    first, again = (draw_markers(markers, Setting(), 500, np.random.default_rng(4)) for _ in range(2))
    pd.testing.assert_frame_equal(first.values, again.values, check_exact=True)
    other = draw_markers(markers, Setting(), 500, np.random.default_rng(5))
    assert (first.scores.to_numpy() != other.scores.to_numpy()).all()


def test_more_patients_only_append_rows(markers):
    few = draw_markers(markers, Setting(), 9_000, np.random.default_rng(4)).values
    many = draw_markers(markers, Setting(), 12_000, np.random.default_rng(4)).values
    pd.testing.assert_frame_equal(many.iloc[:9_000], few, check_exact=True)


def zinc(order):
    return MarkerSpec.model_validate(
        {
            "id": "zinc",
            "name": "zinc",
            "modality": "blood",
            "simulate": {
                "column": "zinc",
                "label": "Zinc",
                "kind": "number",
                "order": order,
                "family": "lognormal",
                "parameters": {"median": 12, "log_sd": 0.2},
                "margin": "assumed",
                "reason": "made up",
                "correlations": [
                    {"marker": m, "measure": "latent", "value": v, "basis": "assumed", "reason": "made up"}
                    for m, v in (("albumin", 0.8), ("crp", 0.7))
                ],
            },
        }
    )


def test_adding_a_marker_leaves_every_other_column_as_it_was(markers):
    before = draw_markers(markers, Setting(), 3_000, np.random.default_rng(8)).values
    after = draw_markers(
        {**markers, "zinc": zinc(FOUNDING)}, Setting(), 3_000, np.random.default_rng(8)
    ).values
    assert list(after) == [*before, "zinc"]
    pd.testing.assert_frame_equal(after[list(before)], before, check_exact=True)


def test_a_marker_put_among_the_founders_may_move_others(markers):
    """The twin: the bits are kept by the order, not by luck."""
    before = draw_markers(markers, Setting(), 300, np.random.default_rng(8)).scores
    after = draw_markers({**markers, "zinc": zinc(5)}, Setting(), 300, np.random.default_rng(8)).scores
    assert (after[list(before)].to_numpy() != before.to_numpy()).any()


def test_markers_that_are_not_drawn_are_left_out(register):
    names = ("nlr", "irae", "pneumonitis")
    drawn = draw_markers({n: register.markers[n] for n in names}, Setting(), 10, np.random.default_rng(0))
    assert list(drawn.values) == ["nlr"]


def test_eligibility_on_an_unknown_column_lists_the_known_ones(markers):
    with pytest.raises(InputError, match="'pdl1', which no marker draws; columns drawn are age_years"):
        draw_markers(
            markers, Setting(eligibility={"pdl1": Eligibility(at_least=1)}), 10, np.random.default_rng(0)
        )


def test_the_report_is_ready_for_json(draw):
    text = json.loads(json.dumps(draw.report))
    assert text["columns"]["nlr"]["margin_from"] == "derived"
    assert all(entry["reason"] for entry in text["columns"].values())
    assert sum(text["margins_by_basis"].values()) == 59


def real(name):
    path = Path(__file__).resolve().parents[2] / "shared" / "realdata" / name
    if not path.exists():
        pytest.skip(f"the folder with real test data is not there: {name}")
    return path


def test_correlations_agree_with_a_real_cohort(draw):
    """331 patients with lung cancer on checkpoint inhibitors (Chowell 2021), each pair within 4 errors."""
    patients = pd.read_csv(real("chowell2021_msk_nsclc_train.csv"))
    columns = {
        "Age": "age_years", "Albumin": "albumin_g_per_dl", "NLR": "nlr", "HGB": "haemoglobin_g_per_dl",
        "Platelets": "platelets_per_nl", "BMI": "bmi_kg_m2", "TMB": "tmb_mutations_per_mb",
        "FCNA": "copy_number_altered_fraction",
    }  # fmt: skip
    seen = patients[list(columns)].rank().corr().to_numpy()
    made = draw.values[list(columns.values())].rank().corr().to_numpy()
    error = np.abs(seen - made)[np.triu_indices(len(columns), 1)] * math.sqrt(len(patients))
    assert error.max() < 4
    assert np.sqrt(np.mean(error**2)) < 1.5


def test_cytokines_agree_with_real_serum(draw):
    """Baseline serum of the same open table the margins come from (Khan 2025), all tumours."""
    long = pd.read_csv(real("khan2025_cytokines_long.csv"))
    baseline = long[long["timepoint"] == "BL"]
    columns = {
        "IL-1b": "il1b_pg_per_ml", "IL-8/ CXCL8": "il8_pg_per_ml", "IL-10": "il10_pg_per_ml",
        "TNF-a": "tnf_alpha_pg_per_ml", "SDF-1a+b/ CXCL12": "cxcl12_pg_per_ml",
        "6Ckine/ CCL21": "ccl21_pg_per_ml",
    }  # fmt: skip
    numbers = baseline[list(columns)].apply(
        lambda c: pd.to_numeric(c.astype(str).str.replace("*", ""), errors="coerce")
    )
    for analyte, column in columns.items():
        ratio = draw.values[column].median() / numbers[analyte].median()
        assert 0.75 < ratio < 1.33, analyte
