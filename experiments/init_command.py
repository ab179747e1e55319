"""lungio init: a starter project with a first experiment, an example file with its map, and a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.real_cohort.cohort_map import CohortMap
    from pipeline.schema import Cohort

STARTER: Final = Path(__file__).with_name("starter")
NOTEBOOK: Final = Path(__file__).with_name("notebooks") / "explore.py"
COPIED: Final = ("config.yaml", "own_data_config.yaml", "README.md")
PATIENTS: Final = 400
SEED: Final = 2018
DAYS_PER_YEAR: Final = 365.25
# What the shipped template says of somebody's hospital, and what is true of the example file.
OF_THE_EXAMPLE: Final = {
    "name": "own_data # letters, digits, . _ -; used in folder names",
    "label": "Example file, simulated",
    "citation": '"drawn by lungio init from KEYNOTE-042 (NCT02220894); no row is a person"\n'
    "simulated: true # delete this line when the patients are real",
}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder to make")],
    n: Annotated[int, typer.Option("--n", help="simulated patients in the example file")] = PATIENTS,
    seed: Annotated[int, typer.Option(help="same seed, same example file")] = SEED,
) -> None:
    """Write a starter project that runs: an experiment, an example file with its map, and a notebook."""
    from experiments.cli import at_least

    at_least("--n", n, 100)
    at_least("--seed", seed, 0)
    make_project(folder, n, seed)
    print(f"project: {folder}\nnext:    cd {folder} && lungio run config.yaml")


def make_project(folder: Path, n: int, seed: int) -> Path:
    """Write the project into a new folder and return it.

    The example file is drawn when it is made, from the published figures of KEYNOTE-042, and written the
    way a hospital keeps its table: days, codes, percent signs. Its map takes all of that back.

    Raises
    ------
    InputError
        When the folder exists or cannot be written; nothing half-written stays.
    """
    import numpy as np

    from experiments.config import CONFIGS
    from pipeline.artifacts import claim_folder
    from pipeline.artifacts.folders import new_folder
    from pipeline.real_cohort import read_map
    from pipeline.report import blank_notebook
    from synthetic_data.cohort import simulate_cohort
    from synthetic_data.cohort_spec import read_cohort_spec

    claim_folder(folder)
    drawing, writing = np.random.default_rng(seed).spawn(2)
    cohort = simulate_cohort(read_cohort_spec(STARTER / "patients.yaml"), n, drawing)
    with new_folder(folder) as partial:
        template = (CONFIGS / "cohorts" / "example_own_data.yaml").read_text(encoding="utf-8")
        (partial / "own_data.yaml").write_text(map_of_the_example(template), encoding="utf-8")
        table = hospital_table(cohort, read_map(partial / "own_data.yaml"), writing)
        table.to_csv(partial / "patients.csv", index=False)
        for name in COPIED:
            (partial / name).write_bytes((STARTER / name).read_bytes())
        (partial / "explore.ipynb").write_text(blank_notebook(NOTEBOOK), encoding="utf-8")
    return folder


def map_of_the_example(template: str) -> str:
    """Return the shipped template with what is true of the example file in place of a hospital's words."""
    for key, value in OF_THE_EXAMPLE.items():
        template = re.sub(rf"^{key}: .*$", f"{key}: {value}", template, count=1, flags=re.MULTILINE)
    return template


def hospital_table(cohort: Cohort, mapping: CohortMap, rng: np.random.Generator) -> pd.DataFrame:
    """Return a cohort as the file that `mapping` reads: its headers, units and codes.

    Parameters
    ----------
    cohort : Cohort
        Has every column of the map.
    mapping : CohortMap
        Each arm and each level of a category is the meaning of one raw value; the control arm may be
        called otherwise than the cohort's.
    rng : Generator
        For the dates of birth.

    Returns
    -------
    DataFrame
        Text and numbers; one row a patient, in the order of the map, with the columns it leaves out last.
    """
    import pandas as pd

    from pipeline.real_cohort.column_map import MONTHS_PER, EventMap, TimeMap

    observed = cohort.observed
    raw: dict[str, Any] = {mapping.patient: [f"P{k:04d}" for k in range(1, len(observed) + 1)]}
    if mapping.arm is not None and mapping.arm.column is not None:
        arm_codes = {meaning: code for code, meaning in mapping.arm.recode.items()}
        arms = observed["arm"].astype(str).replace(str(cohort.control_arm), str(mapping.arm.control))
        raw[mapping.arm.column] = arms.map(arm_codes)
    if mapping.site is not None:
        raw[mapping.site.column] = observed["site"].astype(str)
    for name, part in mapping.outcomes.parts():
        if isinstance(part, TimeMap):
            raw[part.column] = (observed[name] / MONTHS_PER[part.unit]).round().clip(lower=1).astype(int)
        elif isinstance(part, EventMap):
            raw[part.column] = observed[name].map({True: part.event_value[0], False: part.censored_value[0]})
        else:
            raw[part.column] = observed[name]
    for name, column in mapping.columns.items():
        values = observed[name]
        if column.kind == "number":
            shown = "{:g}" + column.suffix
            text = (values * column.divide).map(shown.format, na_action="ignore")
        else:
            codes = {meaning: code for code, meaning in column.recode.items()}
            text = values.astype(object).map(codes)
        raw[column.column] = text
    days = observed["age_years"] * DAYS_PER_YEAR + rng.uniform(0, DAYS_PER_YEAR, len(observed))
    born = pd.Timestamp("2020-01-01") - pd.to_timedelta(days, unit="D")
    extra = {"date_of_birth": born.dt.strftime("%Y-%m-%d"), "comment": "simulated, no person"}
    return pd.DataFrame(raw | extra, index=observed.index)
