"""Table one against R, closed forms and a cohort counted by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import ARM, OUTCOMES, Cohort, Column, InputError
from pipeline.table_one import layout, smd, table_one

GOLDEN = json.loads((Path(__file__).parent / "golden" / "table_one.json").read_text())
AGE = Column("age_years", "baseline", "number", "Age", "years", "clinical")
MALE = Column("male", "baseline", "boolean", "Male", modality="clinical")
SMOKING = Column("smoking", "baseline", "category", "Smoking", modality="clinical")
NLR = Column("nlr", "baseline", "number", "NLR", modality="blood", positive=True)
OS = OUTCOMES[:2]


def golden_cohort() -> Cohort:
    data = GOLDEN["data"]
    frame = pd.DataFrame({
        "arm": data["arm"], "age_years": data["age"], "male": np.array(data["male"], dtype=bool),
        "smoking": data["smoking"], "os_months": data["months"], "died": np.array(data["died"], dtype=bool),
    })  # fmt: skip
    frame.index.name = "patient"
    columns = (ARM, AGE, MALE, SMOKING, *OS)
    return Cohort("golden", frame, columns, simulated=True, control_arm="control")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_one(golden_cohort())


def line(table: pd.DataFrame, variable: str, statistic: str, group: str, level: str = "") -> pd.Series:
    rows = table[
        (table["variable"] == variable) & (table["statistic"] == statistic)
        & (table["group"] == group) & (table["level"] == level)
    ]  # fmt: skip
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("group", ["overall", "control", "drug"])
def test_medians_and_their_intervals_are_those_of_r(table, group):
    figures = line(table, "os", "median (months)", group)[["value", "low", "high"]].astype(float)
    expected = [math.inf if v == "NA" else v for v in GOLDEN["median"][group]]  # NA: not reached
    np.testing.assert_allclose(figures, expected, rtol=1e-9)


@pytest.mark.parametrize("group", ["overall", "control", "drug"])
def test_follow_up_is_that_of_r(table, group):
    assert line(table, "os", "median follow-up (months)", group)["value"] == pytest.approx(
        GOLDEN["follow_up"][group], rel=1e-9
    )


@pytest.mark.parametrize("group", ["overall", "control", "drug"])
def test_quartiles_are_those_of_r(table, group):
    figures = line(table, "age_years", "median (IQR)", group)[["low", "value", "high"]].astype(float)
    np.testing.assert_allclose(figures, GOLDEN["quartiles_age"][group])


@pytest.mark.parametrize(
    ("name", "variable"), [("age", "age_years"), ("smoking", "smoking"), ("male", "male")]
)
def test_differences_between_arms_are_those_of_r(table, name, variable):
    values = table.loc[table["variable"] == variable, "smd"]
    np.testing.assert_allclose(values, GOLDEN["smd"][name], rtol=1e-9)


def test_counts_are_counts(table):
    frame = golden_cohort().observed
    for group in ("control", "drug"):
        part = frame[frame["arm"] == group]
        for level in ("current", "former", "never"):
            row = line(table, "smoking", "n (%)", group, level)
            assert row["count"] == (part["smoking"] == level).sum()
            assert row["value"] == pytest.approx(100 * (part["smoking"] == level).mean())
        assert line(table, "os", "events (%)", group)["count"] == part["died"].sum()
    assert line(table, "patients", "patients", "overall")["count"] == len(frame)


def test_groups_add_up_to_everybody(table):
    counted = table[table["statistic"].isin(["n (%)", "events (%)", "patients"])]
    sums = counted.pivot_table(index=["variable", "level", "statistic"], columns="group", values="count")
    np.testing.assert_array_equal(sums["overall"], sums["control"] + sums["drug"])


def test_the_control_arm_stands_first_after_everybody(table):
    assert list(dict.fromkeys(table["group"])) == ["overall", "control", "drug"]


def small(frame: pd.DataFrame, *columns: Column, control: str | None = None) -> Cohort:
    frame.index.name = "patient"
    return Cohort("small", frame, columns, simulated=True, control_arm=control)


def test_missing_values_are_counted_and_left_out_of_shares():
    frame = pd.DataFrame({
        "arm": ["a", "a", "b", "b"], "male": pd.array([True, None, False, True], dtype="boolean"),
        "nlr": [2.0, np.nan, 8.0, 4.0], "os_months": [1.0, 2.0, 3.0, 4.0], "died": [True, True, True, False],
    })  # fmt: skip
    table = table_one(small(frame, ARM, MALE, NLR, *OS))
    row = line(table, "male", "n (%)", "overall")
    assert (row["count"], row["missing"]) == (2, 1)
    assert row["value"] == pytest.approx(200 / 3)
    assert line(table, "nlr", "median (IQR)", "a")["missing"] == 1
    shown = layout(table)
    assert shown.loc[shown["label"] == "Male", "missing"].tolist() == ["1"]


def test_modalities_stand_in_their_order_and_outcomes_last(table):
    frame = golden_cohort().observed.assign(nlr=3.0)
    mixed = small(frame, ARM, NLR, AGE, MALE, SMOKING, *OS)
    assert list(dict.fromkeys(table_one(mixed)["section"])) == ["", "clinical", "blood", "outcome"]


def test_a_median_not_reached_says_so():
    frame = pd.DataFrame({"os_months": np.arange(1.0, 11.0), "died": [True] + [False] * 9, "age_years": 60.0})
    table = table_one(small(frame, AGE, *OS))
    assert math.isinf(line(table, "os", "median (months)", "overall")["value"])
    shown = layout(table)
    assert shown.loc[shown["statistic"] == "median (months)", "overall"].iloc[0].startswith("NR")


def test_without_arms_there_is_one_group_and_no_difference():
    frame = golden_cohort().observed.drop(columns="arm")
    table = table_one(small(frame, AGE, MALE, SMOKING, *OS))
    assert set(table["group"]) == {"overall"}
    assert table["smd"].isna().all()


def test_another_column_can_group_and_an_unknown_one_cannot():
    table = table_one(golden_cohort(), by="smoking")
    assert set(table["group"]) == {"overall", "current", "former", "never"}
    with pytest.raises(InputError, match="no column 'smokng'"):
        table_one(golden_cohort(), by="smokng")


def test_smd_of_a_ratio_scale_does_not_depend_on_the_unit():
    rng = np.random.default_rng(0)
    a, b = (pd.Series(rng.lognormal(m, 1, 200)) for m in (0.0, 0.5))
    assert smd(a, b, NLR) == pytest.approx(smd(1000 * a, 1000 * b, NLR), rel=1e-12)
    assert smd(a, b, NLR) == pytest.approx(0.5, abs=4 * math.sqrt(2 / 200))


def test_smd_at_its_edges():
    same, other = pd.Series([1.0, 1.0]), pd.Series([2.0, 2.0])
    assert smd(same, same, AGE) == 0
    assert math.isinf(smd(same, other, AGE))
    assert math.isnan(smd(same, pd.Series([np.nan]), AGE))
    assert math.isinf(smd(pd.Series([True, True]), pd.Series([False, False]), MALE))
    assert smd(pd.Series(["a", "b"]), pd.Series(["b", "a"]), SMOKING) == 0


def test_layout_is_text_without_gaps(table):
    shown = layout(table)
    assert not shown.isna().any().any()
    assert all(isinstance(v, str) for v in shown.to_numpy().ravel())
    assert list(shown)[4:7] == ["overall", "control", "drug"]


def test_row_order_is_irrelevant(table):
    cohort = golden_cohort()
    shuffled = cohort.take(cohort.observed.index[::-1])
    pd.testing.assert_frame_equal(table_one(shuffled), table, check_exact=False, rtol=1e-12)
