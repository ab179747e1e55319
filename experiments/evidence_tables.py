"""What is known of one trial, marker or model, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthetic_data.evidence import (
    Count,
    Effect,
    MarkerSpec,
    Median,
    ModelSpec,
    Rate,
    Ratio,
    Readout,
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
    names = [n for n in (rows[0] if rows else ()) if any(_plain(r[n]) for r in rows)]
    for name in names:
        numeric = all(isinstance(r[name], int | float | None) for r in rows)
        made.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(_plain(row[name])) for name in names))
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
        _print_line(out, "crossover", _plain(figures))
    if trial.baseline is not None:
        columns = {"overall": trial.baseline.overall, **trial.baseline.by_arm}
        names = list(dict.fromkeys(k for values in columns.values() for k in values))
        rows = [{"baseline": n, **{c: v.get(n) for c, v in columns.items()}} for n in names]
        _print_table(out, "baseline", rows)
    cited = Citations()
    rows = [row for r in trial.readouts for row in _readout_rows(r, cited)]
    _print_table(out, "readouts", rows)
    for title, items in (("response", trial.response), ("safety", trial.safety)):
        rows = [
            {
                "population": item.population,
                "what": what.replace("_", " "),
                "arm": arm,
                "share": _share(value),
                "source": ref,
            }
            for item in items
            for ref in (cited(item.source),)
            for what, by_arm in item.rates.items()
            for arm, value in by_arm.items()
        ]
        rows += [
            {
                "population": item.population,
                "what": what.replace("_", " "),
                "arm": arm,
                "share": _plain(value),
                "source": ref,
            }
            for item in items
            for ref in (cited(item.source),)
            for block in (item.counts, item.values)
            for what, by_arm in block.items()
            for arm, value in by_arm.items()
        ]
        _print_table(out, title, rows)
    durations = [(r.population, r.median_duration, cited(r.source)) for r in trial.response]
    durations += [(d.population, d.median, cited(d.source)) for d in trial.duration_of_response]
    rows = [
        {"population": population, "arm": arm, "months": _median(median), "source": ref}
        for population, medians, ref in durations
        for arm, median in medians.items()
    ]
    _print_table(out, "duration of response", rows)
    for _, source in trial.sources():
        cited(source)
    cited.print(out)


def _readout_rows(readout: Readout, cited: Citations) -> Iterable[dict[str, Any]]:
    contrast = readout.contrast
    first = {
        "endpoint": readout.endpoint,
        "population": readout.population,
        "follow-up": f"{readout.follow_up.months:g} ({readout.follow_up.kind})" if readout.follow_up else "",
        "hazard ratio": _ratio(readout.hazard_ratio),
        "contrast": f"{contrast.kind}: {contrast.experimental} v {contrast.control}" if contrast else "",
        "source": cited(readout.source) + (" approximate" if readout.approximate else ""),
    }
    figures: list[tuple[str, SurvivalFigures | None]] = [*readout.arms.items(), *readout.groups.items()]
    for i, (arm, x) in enumerate(figures or [("", None)]):
        start: Mapping[str, Any] = first if i == 0 else dict.fromkeys(first, "")
        yield {**start, "arm": arm, **_figures(x)}


def _figures(x: SurvivalFigures | None) -> dict[str, str]:
    if x is None:
        return {"median": "", "rates": ""}
    rates = ", ".join(f"{landmark.months:g} m {_share(landmark)}" for landmark in x.landmarks)
    return {"median": _median(x.median), "rates": rates}


def _print_marker(out: Console, marker: MarkerSpec) -> None:
    _print_title(out, marker.id, f"{marker.name}, {marker.modality}")
    cited = Citations()
    _print_table(out, "effects", [_effect_row(e, cited) for e in marker.effects])
    rows: list[dict[str, Any]] = []
    for d in marker.distributions:
        skip = {"source", "population", "patients"}
        figures = _plain(d.model_dump(exclude_defaults=True, exclude=skip))
        rows.append(
            {"population": d.population, "n": d.patients, "figures": figures, "source": cited(d.source)}
        )
    _print_table(out, "distributions", rows)
    rows = []
    for c in marker.correlations:
        figures = _plain(
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
            out, "simulated as", _plain(marker.simulate.model_dump(mode="json", exclude_defaults=True))
        )
    cited.print(out)


def _effect_row(effect: Effect, cited: Citations) -> dict[str, Any]:
    figures = [
        f"{group} {_median(median)}{' months' * median.reached}" for group, median in effect.medians.items()
    ]
    for outcome, by_group in effect.rates.items():
        figures += [f"{outcome.replace('_', ' ')} {group} {_share(rate)}" for group, rate in by_group.items()]
    figures += [effect.direction] if effect.direction else []
    return {
        "endpoint": effect.endpoint.replace("_", " "),
        "kind": effect.kind.replace("_", " "),
        "under": effect.treatment or effect.comparison,
        "contrast": effect.contrast.text,
        "measure": (effect.measure or "").replace("_", " "),
        "estimate": _ratio(effect.ratio),
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
            rows.append({"kind": name, "figures": _plain(figures), "source": cited(item.source)})
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


def _interval(interval: tuple[float | None, float | None] | None, scale: float = 1) -> str:
    if interval is None:
        return ""
    low, high = ("–" if bound is None else f"{bound * scale:.4g}" for bound in interval)
    return f" ({low} to {high})"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    level = "" if ratio.level == 0.95 or ratio.interval is None else _level(ratio.level)
    return f"{ratio.estimate:g}{_interval(ratio.interval)}{level}"


def _level(level: float | None) -> str:
    return " level not stated" if level is None else f" {100 * level:g} %"


def _median(median: Median | None) -> str:
    if median is None:
        return ""
    months = "not reached" if median.months is None else f"{median.months:g}"
    return months + _interval(median.interval)


def _share(rate: Rate | float) -> str:
    if not isinstance(rate, Rate):
        return f"{100 * rate:.4g} %"
    return f"{100 * rate.rate:.4g} %{_interval(rate.interval, 100)}"


def _plain(value: Any) -> str:
    """Return any value of a spec as short text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Count):
        return f"{value.patients} of {value.of}" if value.of else str(value.patients)
    if isinstance(value, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(_plain(v) for v in value)}]"
    return str(value)
