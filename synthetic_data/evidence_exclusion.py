"""Evidence without the figures of some patients: those that a model will be tested on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipeline.schema import InputError
from synthetic_data.evidence import MarkerSpec, Register
from synthetic_data.evidence.marker_figures import Association, MarkerEffect
from synthetic_data.evidence.simulation import Simulation
from synthetic_data.evidence.values import Source


@dataclass(frozen=True)
class SamePatients:
    """How figures of certain patients are told: by the publications of them, or by what they are called.

    Attributes
    ----------
    citations : frozenset of str
        DOIs and PubMed numbers whose every figure is taken to be theirs.
    names : tuple of str
        Whole words; a figure whose population or stated reason holds one is taken to be theirs.
    """

    citations: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, citation: str, names: Iterable[str] = ()) -> SamePatients:
        """Return the patients that `citation` (any text with DOIs in it) is of."""
        found = re.findall(r"10\.\d{4,9}/[^\s,;()]+", citation)
        return cls(frozenset(doi.rstrip(".").lower() for doi in found), tuple(names))

    def cited(self, source: Source) -> bool:
        """Whether a source is a publication of them."""
        return bool({(source.doi or "").lower(), source.pmid or ""} & self.citations)

    def named(self, *texts: str | None) -> bool:
        """Whether one of `texts` names them."""
        return any(
            re.search(rf"\b{re.escape(name)}\b", text or "", re.IGNORECASE)
            for name in self.names
            for text in texts
        )


@dataclass(frozen=True)
class Used:
    """One figure that patients are drawn from, or one that was put aside.

    Attributes
    ----------
    marker, what : str
        `what` is ``margin``, ``effect on os`` and so on, or ``association with`` another marker.
    value, source : str
    use : {"used", "excluded", "substitute"}
    """

    marker: str
    what: str
    value: str
    source: str
    use: str


def without_patients(register: Register, patients: SamePatients) -> tuple[Register, list[Used]]:
    """Return the register as it is drawn from when the figures of `patients` are put aside.

    Effects on an endpoint, and margins, give way to what the marker's file names as their substitute.
    Without one, the effect is left out, and a marker without a margin is not drawn. Associations that
    are put aside leave what the shared factors imply. Only what is drawn changes: the published figures
    stay where they are.

    Returns
    -------
    register : Register
    used : list of Used
        Every figure about markers that is drawn from, and every one put aside.

    Raises
    ------
    InputError
        A substitute that is itself a figure of `patients`.
    """
    markers: dict[str, MarkerSpec] = {}
    used: list[Used] = []
    for name, marker in register.markers.items():
        simulation = marker.simulate
        if simulation is None:
            markers[name] = marker
            continue
        simulation, account = _without(register, name, simulation, patients)
        used += account
        markers[name] = marker.model_copy(update={"simulate": simulation})
    drawn = {name for name, m in markers.items() if m.simulate is not None}
    for name, marker in markers.items():
        if marker.simulate is not None:
            kept = tuple(a for a in marker.simulate.correlations if a.marker in drawn)
            block = marker.simulate.model_copy(update={"correlations": kept})
            markers[name] = marker.model_copy(update={"simulate": block})
    there = [u for u in used if u.use == "excluded" or (u.what.partition(" with ")[2] or u.marker) in drawn]
    return replace(register, markers=markers), there


def _without(
    register: Register, name: str, simulation: Simulation, patients: SamePatients
) -> tuple[Simulation | None, list[Used]]:
    account: list[Used] = []
    update: dict[str, object] = {}
    substitute = simulation.substitute
    if patients.named(simulation.reason):
        account.append(Used(name, "margin", simulation.family, simulation.reason, "excluded"))
        if substitute.margin is None:
            return None, account
        if patients.named(substitute.margin.reason):
            raise InputError(f"marker {name!r}: the substitute of its margin is of the same patients")
        update = {
            "parameters": {**simulation.parameters, **substitute.margin.parameters},
            "quantiles": substitute.margin.quantiles or simulation.quantiles,
            "levels": substitute.margin.levels or simulation.levels,
            "reason": substitute.margin.reason,
        }
        account.append(Used(name, "margin", simulation.family, substitute.margin.reason, "substitute"))
    else:
        account.append(Used(name, "margin", simulation.family, simulation.reason, "used"))
    update["overrides"] = tuple(o for o in simulation.overrides if not patients.named(o.reason))
    effects: list[MarkerEffect] = []
    gone: set[str] = set()
    for effect in simulation.effects:
        theirs = _effect_is_of(register, name, effect, patients)
        if theirs:
            gone.add(effect.endpoint)
        else:
            effects.append(effect)
        account.append(_used(register, name, effect, "excluded" if theirs else "used"))
    for effect in substitute.effects:
        if effect.endpoint in gone:
            if _effect_is_of(register, name, effect, patients):
                raise InputError(
                    f"marker {name!r}: the substitute of its effect on {effect.endpoint} is theirs too"
                )
            effects.append(effect)
            account.append(_used(register, name, effect, "substitute"))
    update["effects"] = tuple(effects)
    associations: list[Association] = []
    for pair in simulation.correlations:
        source = ""
        theirs = patients.named(pair.reason)
        if pair.published is not None:
            figure = register.markers[name].correlations[pair.published]
            theirs |= patients.cited(figure.source) or patients.named(figure.population)
            source = figure.source.cite()
        if not theirs:
            associations.append(pair)
        account.append(Used(name, f"association with {pair.marker}", f"{pair.measure} {pair.value:g}",
                            source or pair.reason, "excluded" if theirs else "used"))  # fmt: skip
    update["correlations"] = tuple(associations)
    return simulation.model_copy(update=update), account


def _effect_is_of(register: Register, name: str, effect: MarkerEffect, patients: SamePatients) -> bool:
    if patients.named(effect.reason):
        return True
    if effect.published is None:
        return any(_mentioned(register, name, effect.reason, patients))
    figure = register.markers[effect.published_marker or name].effects[effect.published]
    return patients.cited(figure.source) or patients.named(figure.population)


def _mentioned(register: Register, name: str, reason: str, patients: SamePatients) -> Iterator[bool]:
    """Whether each figure that a derived value names ("effects 9 and 10") is of `patients`."""
    effects = register.markers[name].effects
    for numbers in re.findall(r"effects? (\d+(?:(?:, | and )\d+)*)", reason):
        for number in map(int, re.findall(r"\d+", numbers)):
            if number < len(effects):
                yield patients.cited(effects[number].source) or patients.named(effects[number].population)


def _used(register: Register, name: str, effect: MarkerEffect, use: str) -> Used:
    source = effect.reason
    if effect.published is not None:
        owner = register.markers[effect.published_marker or name]
        source = owner.effects[effect.published].source.cite()
    at = {"at_least": f" from {effect.threshold}", "level": f" if {effect.level}"}.get(effect.transform, "")
    value = f"ratio {effect.ratio:g} {effect.transform.replace('_', ' ')}{at}"
    return Used(name, f"effect on {effect.endpoint}", value, source, use)
