"""What is known of one trial, marker or model, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.evidence_text import median_text, plain_text, ratio_text, share_text
from synthetic_data.evidence import (
    Effect,
    MarkerSpec,
    ModelSpec,
    Readout,
    Response,
    Safety,
    Source,
    SurvivalFigures,
    TopicSpec,
    TrialSpec,
)


def print_entry(out: Console, spec: TrialSpec | MarkerSpec | ModelSpec | TopicSpec) -> None:
    """Print everything an evidence file says, its sources numbered at the end."""
    if isinstance(spec, TrialSpec):
        _print_trial(out, spec)
    elif isinstance(spec, MarkerSpec):
        _print_marker(out, spec)
    else:
        _print_rest(out, spec)


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table with one column a key; columns that are empty in all rows are left out."""
    made = Table(title=escape(title), box=box.SIMPLE, title_justify="left", header_style="bold")
    names = [n for n in (rows[0] if rows else ()) if any(plain_text(r[n]) for r in rows)]
    for name in names:
        numeric = all(isinstance(r[name], int | float | None) for r in rows)
        made.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(plain_text(row[name])) for name in names))
    return made


class Citations:
    """Numbers sources as they are first cited, and prints the list."""

    def __init__(self) -> None:
        self._numbers: dict[Source, int] = {}

    def __call__(self, source: Source) -> str:
        """Return the source's number in brackets."""
        return f"[{self._numbers.setdefault(source, len(self._numbers) + 1)}]"

    def print(self, out: Console) -> None:
        """Print the numbered sources."""
        out.print("sources", style="bold")
        for source, number in self._numbers.items():
            extra = [f"covers {', '.join(source.covers)}"] if source.covers else []
            extra += [source.location] if source.location else []
            extra += [source.remark] if source.remark else []
            line = "; ".join([source.cite(), *extra])
            out.print(f"  [{number}] {line}", markup=False, highlight=False, soft_wrap=True)


def _print_trial(out: Console, trial: TrialSpec) -> None:
    numbers = [trial.registry or "", *trial.other_registries, *trial.pooled_from]
    _print_title(out, trial.id, f"phase {trial.phase}, {trial.setting}, {trial.histology}")
    _print_line(out, "registered", ", ".join(n for n in numbers if n))
    _print_line(out, "patients", trial.selection)
    _print_line(out, "main analysis population", trial.main_population)
    _print_line(out, "remark", trial.remark)
    arms = [
        {
            "arm": a.id,
            "role": a.role,
            "patients": a.patients,
            "classes": ", ".join(a.classes),
            "regimen": a.regimen,
        }
        for a in trial.arms
    ]
    _print_table(out, "arms", arms)
    if trial.crossover is not None:
        figures = trial.crossover.model_dump(exclude_defaults=True, exclude={"source", "from_readouts"})
        _print_line(out, "crossover", plain_text(figures))
    if trial.baseline is not None:
        columns = {"overall": trial.baseline.overall, **trial.baseline.by_arm}
        columns |= {
            f"{arm}, {subset.population}": values
            for subset in trial.baseline.subsets
            for arm, values in subset.by_arm.items()
        }
        names = list(dict.fromkeys(k for values in columns.values() for k in values))
        rows = [{"baseline": n, **{c: v.get(n) for c, v in columns.items()}} for n in names]
        _print_table(out, "baseline", rows)
    cited = Citations()
    rows = [row for r in trial.readouts for row in _readout_rows(r, len(trial.arms), cited)]
    _print_table(out, "readouts", rows)
    for title, items in (("response", trial.response), ("safety", trial.safety)):
        rows = [row for item in items for row in _outcome_rows(item, cited)]
        _print_table(out, title, rows)
    durations = [(r.population, r.median_duration, cited(r.source)) for r in trial.response]
    durations += [(d.population, d.median, cited(d.source)) for d in trial.duration_of_response]
    rows = [
        {"population": population, "arm": arm, "months": median_text(median), "source": ref}
        for population, medians, ref in durations
        for arm, median in medians.items()
    ]
    _print_table(out, "duration of response", rows)
    rows = [
        {
            "population": depth.population,
            "arm": arm,
            f"shrunk by {depth.reduction_percent:g} %": share_text(share),
            f"of those alive at {depth.survival_months:g} months": share_text(depth.survival[arm]),
            "source": cited(depth.source),
        }
        for depth in trial.depth_of_response
        for arm, share in depth.share.items()
    ]
    _print_table(out, "depth of response", rows)
    for _, source in trial.sources():
        cited(source)
    cited.print(out)


def _outcome_rows(item: Response | Safety, cited: Citations) -> Iterable[dict[str, Any]]:
    first = {"population": item.population, "source": cited(item.source), "remark": item.remark or ""}
    blocks: list[Mapping[str, Mapping[str, Any]]] = [item.rates, item.counts, item.values]
    for block in blocks:
        for what, by_arm in block.items():
            for arm, value in by_arm.items():
                text = share_text(value) if block is item.rates else plain_text(value)
                yield {"what": what.replace("_", " "), "arm": arm, "figure": text, **first}
                first = {**first, "remark": ""}


def _readout_rows(readout: Readout, arms: int, cited: Citations) -> Iterable[dict[str, Any]]:
    first = {
        "endpoint": readout.endpoint,
        "population": readout.population.replace("_", " "),
        "hazard ratio": ratio_text(readout.hazard_ratio),
    }
    last = {
        "analysis": _analysis(readout, arms),
        "source": "".join(cited(source) for source in (readout.source, *readout.other_sources)),
    }
    figures: list[tuple[str, SurvivalFigures | None]] = [*readout.arms.items(), *readout.groups.items()]
    for i, (arm, x) in enumerate(figures or [("", None)]):
        if i > 0:
            first, last = dict.fromkeys(first, ""), dict.fromkeys(last, "")
        yield {**first, "arm": arm.replace("_", " "), **_figures(x), **last}


def _analysis(readout: Readout, arms: int) -> str:
    contrast, follow_up = readout.contrast, readout.follow_up
    words = [f"cut {readout.data_cut}"] if readout.data_cut else []
    words += [f"{follow_up.months:g} m follow-up ({follow_up.kind})"] if follow_up else []
    words += [f"by {readout.assessor}"] if readout.assessor else []
    if contrast is not None and (arms > 2 or contrast.kind == "prognostic"):
        sides = f"{contrast.experimental} v {contrast.control}".replace("_", " ")
        words.append(f"{'prognostic: ' if contrast.kind == 'prognostic' else ''}{sides}")
    words += ["not randomised"] if contrast is not None and not contrast.randomised else []
    words += ["approximate"] if readout.approximate else []
    words += [readout.remark] if readout.remark else []
    return "; ".join(words)


def _figures(x: SurvivalFigures | None) -> dict[str, str]:
    if x is None:
        return {"median": "", "rates": ""}
    rates = ", ".join(f"{landmark.months:g} m {share_text(landmark)}" for landmark in x.landmarks)
    return {"median": median_text(x.median), "rates": rates}


def _print_marker(out: Console, marker: MarkerSpec) -> None:
    _print_title(out, marker.id, f"{marker.name}, {marker.modality}")
    cited = Citations()
    _print_table(out, "effects", [_effect_row(e, cited) for e in marker.effects])
    rows: list[dict[str, Any]] = []
    for d in marker.distributions:
        skip = {"source", "population", "patients"}
        figures = plain_text(d.model_dump(exclude_defaults=True, exclude=skip))
        rows.append(
            {"population": d.population, "n": d.patients, "figures": figures, "source": cited(d.source)}
        )
    _print_table(out, "distributions", rows)
    rows = []
    for c in marker.correlations:
        figures = plain_text(
            c.model_dump(exclude_defaults=True, exclude={"source", "other", "method", "patients"})
        )
        rows.append(
            {"with": c.other, "how": c.method, "n": c.patients, "what": figures, "source": cited(c.source)}
        )
    _print_table(out, "correlations", rows)
    dynamics = [
        {"topic": f.topic, "n": f.patients, "what": f.statement, "source": cited(f.source)}
        for f in marker.dynamics
    ]
    _print_table(out, "on treatment", dynamics)
    if marker.simulate is not None:
        _print_line(
            out, "simulated as", plain_text(marker.simulate.model_dump(mode="json", exclude_defaults=True))
        )
    cited.print(out)


def _effect_row(effect: Effect, cited: Citations) -> dict[str, Any]:
    figures = [
        f"{group} {median_text(median)}{' months' * median.reached}"
        for group, median in effect.medians.items()
    ]
    for outcome, by_group in effect.rates.items():
        figures += [
            f"{outcome.replace('_', ' ')} {group} {share_text(rate)}" for group, rate in by_group.items()
        ]
    figures += [effect.direction] if effect.direction else []
    return {
        "endpoint": effect.endpoint.replace("_", " "),
        "kind": effect.kind.replace("_", " "),
        "under": effect.treatment or effect.comparison,
        "contrast": effect.contrast.text,
        "measure": (effect.measure or "").replace("_", " "),
        "estimate": ratio_text(effect.ratio),
        "other figures": "; ".join(figures),
        "adjusted": effect.adjusted.replace("_", " "),
        "n": effect.patients,
        "source": cited(effect.source),
    }


def _print_rest(out: Console, spec: ModelSpec | TopicSpec) -> None:
    _print_title(out, spec.id, spec.name)
    cited = Citations()
    rows: list[dict[str, Any]] = []
    for name in ("formulas", "performance", "findings"):
        for item in getattr(spec, name, ()):
            figures = item.model_dump(exclude_defaults=True, exclude={"source"})
            rows.append({"kind": name, "figures": plain_text(figures), "source": cited(item.source)})
    _print_table(out, spec.name, rows)
    cited.print(out)


def _print_title(out: Console, name: str, what: str) -> None:
    out.print(f"[bold]{escape(name)}[/bold]  {escape(what)}", highlight=False)


def _print_line(out: Console, what: str, text: str | None) -> None:
    if text:
        out.print(f"[bold]{what}[/bold]: {escape(text)}", highlight=False)


def _print_table(out: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        out.print(table(title, rows))
