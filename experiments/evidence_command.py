"""lungio evidence: list, show and check the published figures; everything heavy is imported on use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from experiments.conventions import BAD_INPUT, AsJson

if TYPE_CHECKING:
    from synthetic_data.evidence import Register

Kind = Literal["trials", "markers", "models", "topics"]
Folder = Annotated[
    Path | None,
    typer.Option("--register", help="an evidence folder [default: the one that ships with lungio]"),
]

evidence_app = typer.Typer(no_args_is_help=True)


@evidence_app.command("list")
def list_evidence(
    kind: Annotated[Kind, typer.Option(help="what to list")] = "trials",
    setting: Annotated[
        str | None, typer.Option(help="trials of this setting only, e.g. metastatic_1L")
    ] = None,
    as_json: AsJson = False,
    register: Folder = None,
) -> None:
    """List the trials, markers or models of the register."""
    from synthetic_data.evidence import load_register

    evidence = load_register(register)
    if kind != "trials" and setting is not None:
        _refuse("--setting filters trials; leave it out, or use --kind trials")
    rows = _trial_rows(evidence, setting) if kind == "trials" else _other_rows(evidence, kind)
    from experiments.evidence_tables import table
    from experiments.output import Output, show

    console = Output(as_json)
    show(console, rows, lambda: console.print(table(f"{len(rows)} {kind}", rows)))


@evidence_app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="a trial, marker or model, e.g. KEYNOTE-189 or nlr")
    ],
    as_json: AsJson = False,
    register: Folder = None,
) -> None:
    """Show all that is known of one trial, marker or model, with sources."""
    from synthetic_data.evidence import load_register

    spec = load_register(register).entry(name)
    from experiments.evidence_tables import print_entry
    from experiments.output import Output, show

    console = Output(as_json)
    document = spec.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    show(console, document, lambda: print_entry(console, spec))


@evidence_app.command()
def check(
    as_json: AsJson = False,
    register: Folder = None,
) -> None:
    """Check every file of the register; ends with code 2 when there is a fault."""
    from synthetic_data.evidence.checks import check_folder

    evidence, findings = check_folder(register)
    faults = sum(f.severity == "fault" for f in findings)
    counts = {**evidence.counts(), "faults": faults, "warnings": len(findings) - faults}
    from experiments.evidence_tables import table
    from experiments.output import Output, show

    out = Output(as_json)
    told = [
        {"severity": f.severity, "file": f.file, "field": f.field, "message": f.message} for f in findings
    ]

    def draw() -> None:
        if findings:
            rows = [{"": f.severity, "file": f.file, "field": f.field, "what": f.message} for f in findings]
            out.print(table("findings", rows))
        out.print(table("evidence", [{"what": k, "number": v} for k, v in counts.items()]))

    show(out, {"folder": evidence.folder, "counts": counts, "findings": told}, draw)
    if faults:
        raise typer.Exit(BAD_INPUT)


def _refuse(message: str) -> NoReturn:
    from pipeline.schema import InputError

    raise InputError(message)


def _trial_rows(register: Register, setting: str | None) -> list[dict[str, Any]]:
    settings = sorted({t.setting for t in register.trials.values()})
    if setting is not None and setting.lower() not in {s.lower() for s in settings}:
        _refuse(f"unknown setting {setting!r}; known: {', '.join(settings)}")
    return [
        {
            "id": t.id,
            "setting": t.setting,
            "histology": t.histology,
            "phase": t.phase,
            "registry": t.registry or ", ".join(t.pooled_from),
            "arms": len(t.arms),
            "patients": sum(a.patients or 0 for a in t.arms) or None,
            "readouts": len(t.readouts),
            "hazard ratios": sum(r.hazard_ratio is not None for r in t.readouts),
        }
        for t in register.trials.values()
        if setting is None or t.setting.lower() == setting.lower()
    ]


def _other_rows(register: Register, kind: str) -> list[dict[str, Any]]:
    if kind == "markers":
        return [
            {
                "id": m.id,
                "name": m.name,
                "modality": m.modality,
                "effects": len(m.effects),
                "adjusted": sum(e.adjusted == "yes" for e in m.effects),
                "distributions": len(m.distributions),
                "correlations": len(m.correlations),
                "on treatment": len(m.dynamics),
                "simulated": m.simulate is not None,
            }
            for m in register.markers.values()
        ]
    if kind == "models":
        return [
            {"id": m.id, "name": m.name, "formulas": len(m.formulas), "performances": len(m.performance)}
            for m in register.models.values()
        ]
    return [{"id": t.id, "name": t.name, "findings": len(t.findings)} for t in register.topics.values()]
