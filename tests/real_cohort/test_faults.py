"""Every reason why the values of a file are refused."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from pipeline.cohort_check import check_cohort
from pipeline.real_cohort import read_cohort
from pipeline.real_cohort.settling import HALF_A_DAY_MONTHS
from pipeline.schema import InputError

from .small_file import MAP, patients, read, refused, small_map


def test_missing_column_offers_the_nearest_header(tmp_path):
    message = refused(patients().rename(columns={"NLR": "N.L.R"}), tmp_path)
    assert "patients.csv" in message
    assert "column 'NLR' (nlr): is missing; nearest is 'N.L.R'" in message


@pytest.mark.parametrize(
    ("renamed", "part"),
    [
        ({"NLR": "Nlr "}, "'NLR' (nlr): is missing; the file writes it 'Nlr': write it so in the map"),
        ({"NLR": "x", "PROG": "y"}, "'NLR' (nlr): is missing; columns the map does not use yet are x, y"),
        ({"ARM": "x"}, "does not use yet are x, NOTE; without arms, delete `arm` from the map"),
        ({"OS": "Date of death"}, "dates are not read: give days from the start of treatment"),
    ],
)
def test_a_missing_column_says_what_to_do(tmp_path, renamed, part):
    assert part in refused(patients().rename(columns=renamed), tmp_path)


@pytest.mark.parametrize(
    ("column", "values", "parts"),
    [
        ("OS", ["08.12.2017", "7.1.2018"], ["'08.12.2017' (40 times)", "dates are not read", "`unit: days`"]),
        ("OS", ["2017-12-08 00:00:00"], ["dates are not read"]),
        ("NLR", ["1,5", "2,25"], ["set `decimal: ','` in the map"]),
        ("NLR", ["1,500", "2,250,000"], ["if these are decimals, or take out the commas of thousands"]),
        ("NLR", ["5%", "<1%"], ["'5%' (40 times), '<1%' (40 times), first in rows", "set `suffix: \"%\"`"]),
        ("DEAD", ["Yes", "No"], ["80 values (2 different)", "'Yes' (40 times), 'No' (40 times)"]),
        ("NLR", [f"v{k}" for k in range(16)], ["'v0' (5 times)", "'v2' (5 times) and 13 others"]),
    ],
)
def test_what_cannot_be_read_is_shown_by_value_with_its_remedy(tmp_path, column, values, parts):
    raw = patients()
    raw[column] = [values[k % len(values)] for k in range(len(raw))]
    message = refused(raw, tmp_path)
    for part in parts:
        assert part in message


def test_a_text_may_be_given_its_number_with_or_without_the_suffix(tmp_path):
    document = yaml.safe_load(MAP)
    for key in ("<1", "<1%"):
        document["columns"]["nlr"] |= {"suffix": "%", "recode": {key: 0.5}}
        raw = patients().assign(NLR="<1%")
        raw.loc[3, "NLR"] = "7%"
        found = read(raw, tmp_path, columns=document["columns"]).observed["nlr"]
        assert list(found[:4]) == [0.5, 0.5, 0.5, 7.0]


def test_impossible_times_are_found_though_events_cannot_be_read(tmp_path):
    raw = patients()
    raw["DEAD"] = raw["DEAD"].map({"0": "alive", "1": "dead"})
    raw.loc[[2, 5, 6, 9], "OS"] = "-1"
    raw.loc[4, "PFS"] = "99"
    message = refused(raw, tmp_path)
    assert "4 negative times (lowest -1) (first in rows 4, 7, 8)" in message
    assert "PFS is longer than OS in 1 patient" in message  # not in those whose OS is negative
    assert "'DEAD' (died): 80 values (2 different)" in message


def test_text_in_a_number_column_names_rows_and_no_more(tmp_path):
    raw = patients()
    raw.loc[[1, 4, 5, 9], "AGE"] = ["old", "a confession of thirty letters", "?", "x"]
    message = refused(raw, tmp_path)
    assert "4 texts in a number column, 'old', 'a confession of thi…', '?', 'x', first in rows 3" in message
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
    assert "'lost', in row 5" in message


def test_values_in_another_unit_are_recognised(tmp_path):
    raw = patients()
    raw["AGE"] = (raw["AGE"].astype(float) * 10).astype(str)
    message = refused(raw, tmp_path)
    assert "values outside 18 to 100 years" in message
    assert "`divide: 10` would bring 100% inside" in message


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("SEX", "X", "'SEX' (male): 1 value not named under `recode`, 'X', in row 2"),
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
    message = refused(patients(), tmp_path, arm=arm)
    assert "nobody is in the control arm 'Z', the arms are 'A', 'B'; name one of them as `control`" in message


def test_all_faults_stand_in_one_message(tmp_path):
    raw = patients()
    raw.loc[0, "AGE"], raw.loc[1, "OS"], raw.loc[2, "ID"] = "x", "-1", "P000"
    message = refused(raw.drop(columns="SEX"), tmp_path)
    assert "4 faults" in message
    for part in ("'AGE'", "'OS'", "'ID'", "'SEX' (male): is missing"):
        assert part in message
