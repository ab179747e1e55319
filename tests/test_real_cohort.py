"""A user's file and its map: what is read, and every reason why a file is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort_check import check_cohort
from pipeline.real_cohort import CohortMap, read_cohort, read_map
from pipeline.real_cohort.column_map import token
from pipeline.real_cohort.reading import HALF_A_DAY_MONTHS
from pipeline.real_cohort.table_file import read_table
from pipeline.schema import InputError

COHORTS = Path(__file__).resolve().parents[1] / "configs" / "cohorts"
REAL = Path(__file__).resolve().parents[2] / "shared" / "realdata"
MAP = """
kind: file
name: small
citation: none
patient: ID
missing: [NA]
arm: {column: ARM, recode: {A: drug, B: control}, control: control}
outcomes:
  os_months: {column: OS}
  died: {column: DEAD, event_value: 1, censored_value: 0}
  pfs_months: {column: PFS}
  progressed_or_died: {column: PROG, event_value: 1, censored_value: 0}
  best_response: {column: BEST}
columns:
  age_years: {column: AGE, kind: number, label: Age, unit: years, modality: clinical, low: 18, high: 100}
  male: {column: SEX, kind: boolean, label: Male, modality: clinical, recode: {M: true, F: false}}
  smoking: {column: SMOKE, kind: category, label: Smoking, modality: clinical}
  nlr: {column: NLR, kind: number, label: NLR, modality: blood, low: 0, high: 200, positive: true}
ignore: [NOTE]
"""


def small_map(**changes: object) -> CohortMap:
    return CohortMap.model_validate({**yaml.safe_load(MAP), **changes})


def patients(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Text cells of a trial: deaths early, censoring at the end, PFS no longer than OS."""
    rng = np.random.default_rng(seed)
    death, cut, progression = rng.exponential(14, n), rng.uniform(10, 30, n), rng.exponential(6, n)
    os = np.minimum(death, cut).round(3)
    pfs = np.minimum(os, progression.round(3))
    return pd.DataFrame({
        "ID": [f"P{i:03d}" for i in range(n)],
        "ARM": rng.choice(["A", "B"], n),
        "AGE": rng.integers(40, 85, n).astype(str),
        "SEX": rng.choice(["M", "F"], n),
        "SMOKE": rng.choice(["never", "former", "current"], n),
        "NLR": rng.lognormal(1.2, 0.5, n).round(2).astype(str),
        "OS": os.astype(str),
        "DEAD": (death <= cut).astype(int).astype(str),
        "PFS": pfs.astype(str),
        "PROG": ((death <= cut) | (progression < np.minimum(death, cut))).astype(int).astype(str),
        "BEST": rng.choice(["CR", "PR", "SD", "PD"], n),
        "NOTE": "x",
    })  # fmt: skip


def read(table: pd.DataFrame, folder: Path, **changes: object):
    path = folder / "patients.csv"
    table.to_csv(path, index=False)
    return read_cohort(small_map(**changes), path)


def refused(table: pd.DataFrame, folder: Path, **changes: object) -> str:
    with pytest.raises(InputError) as error:
        read(table, folder, **changes)
    return str(error.value)


def test_a_good_file_becomes_a_cohort(tmp_path):
    cohort = read(patients(), tmp_path)
    assert len(cohort) == 80
    assert not cohort.simulated
    assert cohort.control_arm == "control"
    assert cohort.endpoints() == ["os", "pfs"]
    assert cohort.observed["died"].dtype == bool
    assert set(cohort.observed["arm"]) == {"drug", "control"}
    assert cohort.column("nlr").positive
    content = (tmp_path / "patients.csv").read_bytes()
    assert cohort.manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert cohort.manifest["file"] == "patients.csv"
    json.dumps(cohort.manifest)


def test_no_value_is_changed_on_the_way(tmp_path):
    raw = patients()
    observed = read(raw, tmp_path).observed
    np.testing.assert_array_equal(observed["os_months"], raw["OS"].astype(float))
    np.testing.assert_array_equal(observed["age_years"], raw["AGE"].astype(float))
    np.testing.assert_array_equal(observed["male"], raw["SEX"] == "M")
    assert list(observed.index) == list(raw["ID"])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".semicolon"])
def test_every_file_kind_gives_the_same_cohort(tmp_path, suffix):
    raw = patients()
    path = tmp_path / f"patients{suffix}"
    if suffix == ".parquet":
        raw.assign(
            AGE=raw["AGE"].astype(int), OS=raw["OS"].astype(float), DEAD=raw["DEAD"] == "1"
        ).to_parquet(path)
        died = {"column": "DEAD", "event_value": "True"}
    else:
        raw.to_csv(path, index=False, sep={".csv": ",", ".tsv": "\t"}.get(suffix, ";"))
        died = {"column": "DEAD", "event_value": "1"}
    outcomes = {**yaml.safe_load(MAP)["outcomes"], "died": died}
    pd.testing.assert_frame_equal(
        read_cohort(small_map(outcomes=outcomes), path).observed, read(raw, tmp_path).observed
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(tmp_path, encoding):
    raw = patients().assign(SMOKE="früher")
    path = tmp_path / "p.csv"
    path.write_bytes(raw.to_csv(index=False).encode(encoding))
    cohort = read_cohort(small_map(), path)
    assert set(cohort.observed["smoking"]) == {"früher"}
    assert any("Latin-1" in w for w in cohort.manifest["warnings"]) == (encoding == "latin-1")


def test_units_recoding_suffix_and_conditions(tmp_path):
    raw = patients().assign(
        OS=lambda t: (t["OS"].astype(float) * 30.4375).astype(str),
        PFS=lambda t: (t["PFS"].astype(float) * 30.4375).astype(str),
        TPS=["<1", "60%"] * 40, ALB="41", OK=["Y", "N"] * 40,
    )  # fmt: skip
    base = yaml.safe_load(MAP)
    for name in ("os_months", "pfs_months"):
        base["outcomes"][name]["unit"] = "days"
    base["columns"] |= {
        "tps": {"column": "TPS", "kind": "number", "label": "TPS", "modality": "tumour", "suffix": "%",
                "recode": {"<1": 0}},
        "albumin": {"column": "ALB", "kind": "number", "label": "Albumin", "modality": "blood", "divide": 10,
                    "only_where": {"column": "OK", "equals": "Y"}},
    }  # fmt: skip
    observed = read(raw, tmp_path, columns=base["columns"], outcomes=base["outcomes"]).observed
    np.testing.assert_allclose(observed["os_months"], patients()["OS"].astype(float), rtol=1e-12)
    assert observed["tps"].tolist() == [0.0, 60.0] * 40
    assert observed["albumin"].dropna().unique().tolist() == [4.1]
    assert observed["albumin"].isna().tolist() == [False, True] * 40


def test_missing_values_stay_missing(tmp_path):
    raw = patients()
    raw.loc[0, ["AGE", "SEX", "SMOKE", "BEST"]] = ["NA", "", "NA", ""]
    first = read(raw, tmp_path).observed.iloc[0]
    assert first[["age_years", "male", "smoking", "best_response"]].isna().all()


def test_one_arm_for_all_or_none(tmp_path):
    assert set(read(patients(), tmp_path, arm={"constant": "drug"}).observed["arm"]) == {"drug"}
    assert "arm" not in read(patients(), tmp_path, arm=None).observed


def test_columns_nobody_mapped_are_reported(tmp_path):
    cohort = read(patients().assign(EXTRA="1"), tmp_path)
    assert cohort.manifest["columns_not_mapped"] == ["EXTRA"]


# ---- bad files ---------------------------------------------------------------------------------------


def test_missing_column_offers_the_nearest_header(tmp_path):
    message = refused(patients().rename(columns={"NLR": "N.L.R"}), tmp_path)
    assert "patients.csv" in message
    assert "column 'NLR' (nlr): is missing; nearest is 'N.L.R'" in message


def test_text_in_a_number_column_names_rows_and_no_more(tmp_path):
    raw = patients()
    raw.loc[[1, 4, 5, 9], "AGE"] = ["old", "a confession of thirty letters", "?", "x"]
    message = refused(raw, tmp_path)
    assert "column 'AGE' (age_years): 4 texts in a number column, first row 3 'old', row 6 " in message
    assert "confession of thirty" not in message
    assert "P001" not in message


def test_decimal_commas_are_recognised(tmp_path):
    raw = patients()
    raw["NLR"] = raw["NLR"].str.replace(".", ",")
    path = tmp_path / "p.csv"
    raw.to_csv(path, index=False, sep=";")
    with pytest.raises(InputError, match=r"decimal: ','"):
        read_cohort(small_map(), path)
    numbers = ["NLR", "OS", "PFS"]
    raw[numbers] = raw[numbers].apply(lambda c: c.str.replace(".", ","))
    raw.to_csv(path, index=False, sep=";")
    np.testing.assert_array_equal(
        read_cohort(small_map(decimal=","), path).observed["nlr"], patients()["NLR"].astype(float)
    )


def test_negative_times(tmp_path):
    raw = patients()
    raw.loc[7, ["OS", "PFS"]] = ["-2.5", "-3"]
    message = refused(raw, tmp_path)
    assert "column 'OS' (os_months): 1 negative time (lowest -2.5) (in row 9)" in message
    assert "column 'PFS' (pfs_months)" in message


def test_pfs_after_os_beyond_rounding(tmp_path):
    raw = patients()
    raw.loc[[2, 3], "PFS"] = (raw.loc[[2, 3], "OS"].astype(float) + 1).astype(str)
    assert "PFS is longer than OS in 2 patients (by up to 1 months) (in rows 4, 5)" in refused(raw, tmp_path)


def test_pfs_after_os_within_rounding_is_set_and_reported(tmp_path):
    raw = patients()
    raw.loc[2, "PFS"] = str(float(raw.loc[2, "OS"]) + 0.04)
    raw.loc[2, "PROG"] = raw.loc[2, "DEAD"]
    cohort = read(raw, tmp_path)
    assert cohort.observed["pfs_months"].iloc[2] == cohort.observed["os_months"].iloc[2]
    assert any("pfs_months: 1 time that exceeded" in w for w in cohort.manifest["warnings"])


@pytest.mark.parametrize("inverted", [("DEAD",), ("PROG",), ("DEAD", "PROG")])
def test_inverted_event_coding(tmp_path, inverted):
    raw = patients(200)
    for name in inverted:
        raw[name] = 1 - raw[name].astype(int)
    message = refused(raw, tmp_path)
    assert "inverted" in message or "wrong way round" in message
    assert "confirmed" in message


def test_inverted_coding_can_be_confirmed(tmp_path):
    raw = patients(200)
    raw[["DEAD", "PROG"]] = 1 - raw[["DEAD", "PROG"]].astype(int)
    cohort = read(raw, tmp_path, confirmed=("event_coding",))
    assert any("events look inverted" in w for w in cohort.manifest["warnings"])
    assert not [f for f in check_cohort(cohort) if f.severity == "fault" and f.check == "event_coding"]


def test_no_events(tmp_path):
    message = refused(patients().assign(DEAD="0"), tmp_path)
    assert "column 'DEAD' (died): none of 80 patients has an event" in message


def test_an_event_value_that_the_map_does_not_name(tmp_path):
    raw = patients()
    raw.loc[3, "DEAD"] = "2"
    assert "column 'DEAD' (died): 1 value (1 different) named neither" in refused(raw, tmp_path)


def test_duplicate_patients_and_missing_ids(tmp_path):
    raw = patients()
    raw.loc[5, "ID"], raw.loc[6, "ID"] = "P001", ""
    message = refused(raw, tmp_path)
    assert "1 patient in more than one row, again in row 7" in message
    assert "1 row without a patient id, in row 8" in message


def test_days_in_a_months_column(tmp_path):
    raw = patients()
    for name in ("OS", "PFS"):
        raw[name] = (raw[name].astype(float) * 30.4375).round().astype(int)
    message = refused(raw, tmp_path)
    assert "column 'OS' (os_months): times look like days, not months" in message
    assert "unit: days" in message


def test_zero_times_become_half_a_day_and_are_counted(tmp_path):
    raw = patients()
    raw.loc[0, "PFS"] = "0"
    cohort = read(raw, tmp_path)
    assert cohort.observed["pfs_months"].iloc[0] == HALF_A_DAY_MONTHS
    assert "pfs_months: 1 time of zero set to half a day" in cohort.manifest["warnings"]


def test_a_death_that_is_no_pfs_event_is_refused_unless_corrected(tmp_path):
    raw = patients()
    dead = raw.index[(raw["DEAD"] == "1") & (raw["PFS"] == raw["OS"])][0]
    raw.loc[dead, "PROG"] = "0"
    assert "column 'PROG' (progressed_or_died): 1 patient died at the end of PFS" in refused(raw, tmp_path)
    cohort = read(raw, tmp_path, corrections=("death_is_pfs_event",))
    assert cohort.observed["progressed_or_died"].iloc[dead]
    assert any("counted as its event" in w for w in cohort.manifest["warnings"])


def test_missing_outcomes_are_refused_or_left_out_on_request(tmp_path):
    raw = patients()
    raw.loc[[3, 8], "OS"] = ""
    assert "column 'OS' (os_months): is missing for 2 patients, in rows 5, 10" in refused(raw, tmp_path)
    cohort = read(raw, tmp_path, leave_out_without=("os_months",))
    assert len(cohort) == 78
    assert cohort.manifest["rows"] == 80
    assert "2 patients left out for want of os_months" in cohort.manifest["warnings"]


def test_a_text_in_a_time_is_one_fault_not_two(tmp_path):
    raw = patients()
    raw.loc[3, "OS"] = "lost"
    message = refused(raw, tmp_path)
    assert "1 fault\n" in message
    assert "row 5 'lost'" in message


def test_values_in_another_unit_are_recognised(tmp_path):
    raw = patients()
    raw["AGE"] = (raw["AGE"].astype(float) * 10).astype(str)
    message = refused(raw, tmp_path)
    assert "values outside 18 to 100 years" in message
    assert "`divide: 10` would bring 100% inside" in message


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("SEX", "X", "'SEX' (male): 1 value not named under `recode`, row 2 'X'"),
        ("ARM", "C", "'ARM' (arm): 1 value not named under `recode`"),
        ("BEST", "stable", "'BEST' (best_response): 1 value not named under `recode`"),
        ("AGE", "inf", "'AGE' (age_years): 1 text in a number column"),
    ],
)
def test_values_the_map_does_not_know(tmp_path, column, value, part):
    raw = patients()
    raw.loc[0, column] = value
    assert part in refused(raw, tmp_path)


def test_a_control_arm_nobody_is_in(tmp_path):
    arm = {"column": "ARM", "control": "Z"}
    assert "nobody is in the control arm 'Z'; arms are ['A', 'B']" in refused(patients(), tmp_path, arm=arm)


def test_all_faults_stand_in_one_message(tmp_path):
    raw = patients()
    raw.loc[0, "AGE"], raw.loc[1, "OS"], raw.loc[2, "ID"] = "x", "-1", "P000"
    message = refused(raw.drop(columns="SEX"), tmp_path)
    assert "5 faults" in message  # the negative OS also lies before its PFS
    for part in ("'AGE'", "'OS'", "'ID'", "'PFS'", "'SEX' (male): is missing"):
        assert part in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"\n \n", "the file is empty"),
        (b"ID,OS\n", "has a header but no patients"),
        (b"ID,OS\n,\n,\n", "has a header but no patients"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"%PDF-1.4", "PDF"),
        (gzip.compress(b"ID,OS\n1,2\n"), "compressed with gzip"),
        (b"\x01\x02\x00\x00\x05", "binary data"),
        (b'{"ID": 1}', "JSON"),
        (b"<html><table>", "HTML"),
        (b"just a sentence\nand another\n", "no comma, semicolon, tab or bar"),
        (b"ID,OS\n1,2,3\n4,5\n", "1 row without the header's 2 cells, first (with how many) 2 (3)"),
        (b"ID,OS,OS\n1,2,3\n", "2 columns are named 'OS'"),
        (b'ID,OS\n1,"2\n', "not a readable CSV file"),
        (b"PAR1 but not really PAR1", "a damaged Parquet file"),
    ],
)  # fmt: skip
def test_files_that_are_no_table(tmp_path, content, part):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_cohort(small_map(), path)
    assert part in str(error.value)
    assert "file.csv" in str(error.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_cohort(small_map(), tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_cohort(small_map(), tmp_path)


def test_a_quoted_comma_and_an_unnamed_row_number_are_fine(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(',ID,NOTE\n1,A,"x, y"\n2,B,z\n')
    table = read_table(path)
    assert list(table.cells) == ["ID", "NOTE"]
    assert table.text("NOTE") == ["x, y", "z"]
    assert table.rows.tolist() == [2, 3]


# ---- maps --------------------------------------------------------------------------------------------


def map_refused(folder: Path, text: str) -> str:
    path = folder / "map.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_map(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("citation:", "citaton:", "citaton: unknown key; did you mean 'citation'?"),
        ("event_value: 1", "event_valu: 1", "died.event_valu: unknown key; did you mean 'event_value'?"),
        ("kind: number", "kind: nubmer", "columns.age_years.kind"),
        ("patient: ID\n", "", "patient: is missing"),
        ("  os_months: {column: OS}\n", "", "os_months and died belong together"),
        ("recode: {M: true, F: false}", "recode: {M: 1, F: 0}", "recode of 'M' must give a boolean"),
        ("recode: {M: true, F: false}", "recode: {yes: true, no: false}", "put the value in quotes"),
        ("low: 18, high: 100", "low: 100, high: 18", "low 100 exceeds high 18"),
        ("age_years: {column: AGE", "age_years: {column: OS", "cannot also be the baseline column age_years"),
        ("  nlr:", "  os_months:", "is not a baseline column"),
        ("control: control", "control: placebo", "'placebo' is none of the arms"),
        ("modality: blood", "modality: serum", "columns.nlr.modality"),
        ("citation: none", "citation: [", "line "),
    ],
)  # fmt: skip
def test_faulty_maps(tmp_path, old, new, part):
    message = map_refused(tmp_path, MAP.replace(old, new, 1))
    assert part in message
    assert "map.yaml" in message


def test_a_map_with_two_faults_names_both(tmp_path):
    message = map_refused(tmp_path, MAP.replace("citation:", "citaton:").replace("patient: ID\n", ""))
    assert message.count("\n") >= 3
    assert "citaton" in message
    assert "patient" in message


def test_the_template_reads_what_it_describes(tmp_path):
    own = read_map(COHORTS / "example_own_data.yaml")
    raw = patients()
    raw = pd.DataFrame({
        "patient_id": raw["ID"], "regimen": raw["ARM"].map({"A": "Pembro", "B": "Chemo"}), "centre": "C1",
        "os_days": raw["OS"].astype(float) * 30.4375, "pfs_days": raw["PFS"].astype(float) * 30.4375,
        "vital_status": raw["DEAD"].map({"1": "dead", "0": "alive"}), "pfs_event": raw["PROG"],
        "recist": raw["BEST"], "age": raw["AGE"], "sex": raw["SEX"].str.lower(),
        "smoking": raw["SMOKE"].replace("former", "ex"), "PDL1": ["<1", "60%", "unknown", "negative"] * 20,
        "NLR": raw["NLR"], "ALB_g_l": "38", "IL6": "4.1", "date_of_birth": "", "comment": "a, b",
    })  # fmt: skip
    path = tmp_path / "my_patients.csv"
    raw.to_csv(path, index=False)
    cohort = read_cohort(own, path)
    assert len(cohort) == 80
    assert cohort.observed["albumin_g_per_dl"].iloc[0] == pytest.approx(3.8)
    assert cohort.observed["pdl1_tps_percent"].iloc[:4].tolist()[:2] == [0, 60]
    assert cohort.manifest["columns_not_mapped"] == []


@given(st.integers(-10_000, 10_000))
def test_whole_numbers_are_one_token_however_written(number):
    assert token(number) == token(f" {number}.0 ") == str(number)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_column_order_of_the_file_is_irrelevant(tmp_path_factory, random):
    raw = patients(30)
    names = list(raw)
    random.shuffle(names)
    folder = tmp_path_factory.mktemp("order")
    pd.testing.assert_frame_equal(read(raw[names], folder).observed, read(raw, folder).observed)


# ---- real data, where it is at hand --------------------------------------------------------------------

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
