"""Every kind of fault planted in a copy of the register is reported with its file and field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.schema import InputError
from synthetic_data.evidence import DEFAULT_FOLDER, Finding, load_register
from synthetic_data.evidence.checks import check_folder, check_register

from .planted_faults import MARKER, OS, PLANTED, TRIAL, Edit, put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Hold a small copy: one trial, one marker, one model."""
    for part, name in (("trials", TRIAL), ("biomarkers", MARKER), ("models", "loris")):
        (tmp_path / part).mkdir()
        shutil.copy(DEFAULT_FOLDER / part / f"{name}.yaml", tmp_path / part)
    return tmp_path


def plant(path: Path, edit: Edit) -> None:
    raw = yaml.safe_load(path.read_text())
    edit(raw)
    path.write_text(yaml.safe_dump(raw, sort_keys=False))


def faults(folder: Path) -> list[Finding]:
    return [f for f in check_folder(folder)[1] if f.severity == "fault"]


@pytest.mark.parametrize(
    ("name", "edit", "field", "words"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED]
)
def test_a_planted_fault_is_reported_with_file_and_field(
    folder: Path, name: str, edit: Edit, field: str, words: str
) -> None:
    part = "trials" if name == TRIAL else "biomarkers"
    assert faults(folder) == [], "the copy is clean before"
    plant(folder / part / f"{name}.yaml", edit)
    found = faults(folder)
    assert [(f.file, f.field) for f in found if words.lower() in f.message.lower()] == [
        (f"{part}/{name}.yaml", field)
    ], found


def test_all_faults_of_all_files_come_at_once(folder: Path) -> None:
    plant(folder / "trials" / f"{TRIAL}.yaml", put("colour", value="blue"))
    plant(folder / "trials" / f"{TRIAL}.yaml", put(*OS, "hazard_ratio", "estimate", value=0.94))
    plant(folder / "biomarkers" / f"{MARKER}.yaml", put("modality", value="genomic"))
    (folder / "trials" / "broken.yaml").write_text("id: [unclosed\n")
    (folder / "trials" / "empty.yaml").write_text("")
    with pytest.raises(InputError) as caught:
        load_register(folder)
    message = str(caught.value)
    assert "has 5 faults" in message
    for words in (
        f"trials/{TRIAL}.yaml: colour: unknown key",
        f"trials/{TRIAL}.yaml: readouts[0].hazard_ratio: interval 0.38 to 0.64",
        f"biomarkers/{MARKER}.yaml: modality:",
        "trials/broken.yaml: line 2: not valid YAML",
        "trials/empty.yaml: the whole file: the file is empty",
    ):
        assert words in message


def test_a_second_file_for_the_same_trial_is_a_fault(folder: Path) -> None:
    path = folder / "trials" / "keynote189.yaml"
    shutil.copy(folder / "trials" / f"{TRIAL}.yaml", path)
    plant(path, put("id", value="KEYNOTE189"))
    found = faults(folder)
    assert [(f.file, f.field) for f in found] == [("trials/keynote_189.yaml", "id")]
    assert "keynote189.yaml" in found[0].message


def test_warnings_come_with_the_figures(folder: Path) -> None:
    plant(
        folder / "trials" / f"{TRIAL}.yaml",
        put(*OS, "hazard_ratio", value={"estimate": 2.5, "interval": [2, 3.1]}),
    )
    doubts = [f for f in check_folder(folder)[1] if f.field == "readouts[0].hazard_ratio"]
    assert [f.severity for f in doubts] == ["warning"]
    assert "hazard ratio 2.5, but rates 0.692 v 0.494 at 12 months imply 0.52" in doubts[0].message


def test_an_asymmetric_interval_is_a_warning_until_it_is_marked(folder: Path) -> None:
    path = folder / "trials" / f"{TRIAL}.yaml"
    plant(path, put(*OS, "hazard_ratio", value={"estimate": 0.62, "interval": [0.38, 0.64]}))
    assert any("symmetric" in f.message for f in check_folder(folder)[1])
    plant(path, put(*OS, "hazard_ratio", "standard_error_usable", value=False))
    assert not any("symmetric" in f.message for f in check_folder(folder)[1])


def test_opposed_correlations_are_a_warning(folder: Path) -> None:
    source = {"pmid": "29658856"}
    for a, b, value in (("one", "two", 0.5), ("two", "one", -0.3)):
        spec = {"id": a, "name": a, "modality": "blood"}
        spec["correlations"] = [{"with": b, "method": "spearman", "value": value, "source": source}]
        (folder / "biomarkers" / f"{a}.yaml").write_text(yaml.safe_dump(spec))
    found = [
        f for f in check_folder(folder)[1] if f.severity == "warning" and f.file == "biomarkers/two.yaml"
    ]
    assert [f.field for f in found] == ["correlations[0].value"]


def test_the_shipped_register_has_no_fault() -> None:
    found = check_register(load_register())
    assert [f for f in found if f.severity == "fault"] == []
    assert len(found) < 40, "warnings are few enough to be read"
