"""Who benefits: what markers and the immune state add to the effect of a treatment, apart from prognosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats
from synthetic_data.contributions import Contributions, acts
from synthetic_data.immune_state import StatePieces, totals
from synthetic_data.treatments import Treatment

# State -> markers whose published effect on the benefit from a checkpoint inhibitor it explains, and how.
# A marker that is not here acts directly: what it does is known, but not by which of the six states.
MECHANISMS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "antigen_scarcity": (
        ("tmb_mutations_per_mb", "smoking", "egfr_mutant", "alk_rearranged"),
        "T cells that the inhibitor frees need neoantigens to see",
    ),
    "antigen_presentation_defect": (
        ("hla_loh", "hla_divergence", "cdkn2a_loss"),
        "freed T cells are blind where antigens are not presented",
    ),
    "stromal_exclusion": (
        ("cd8_cells_per_mm2", "tertiary_lymphoid_structures"),
        "freed T cells must reach the tumour",
    ),
    "t_cell_exhaustion": (
        ("pdl1_tps_percent", "t_cell_inflamed_score", "cxcl9_pg_per_ml"),
        "the inhibitor frees T cells that PD-1 holds, and only those",
    ),
}


@dataclass(frozen=True)
class LogHazard:
    """The log relative hazard of n patients, taken apart; every part has mean zero in the population.

    Attributes
    ----------
    prognostic : mapping
        Column -> what it adds in every arm, shape (n,).
    direct : mapping
        Column -> what it adds to the log ratio of the hazard with a checkpoint inhibitor to that without.
    through : mapping
        State -> what it adds to that ratio.
    states : mapping
        State -> itself, less its mean.
    pieces : mapping
        State -> column -> its part of the state.
    means : mapping
        State -> column -> mean of that part in the population.
    paths : mapping
        State -> log hazard ratio per unit.
    endpoint : {"os", "pfs"}
    """

    prognostic: Mapping[str, Floats]
    direct: Mapping[str, Floats]
    through: Mapping[str, Floats]
    states: Mapping[str, Floats]
    pieces: StatePieces
    means: Mapping[str, Mapping[str, float]]
    paths: Mapping[str, float]
    endpoint: str

    def total(self, treatment: Treatment) -> Floats:
        """Return the log relative hazard under a treatment, shape (n,)."""
        parts = [*self.prognostic.values()]
        if treatment.inhibitor:
            parts += [*self.direct.values(), *self.through.values()]
        parts += [getattr(m, self.endpoint) * self.states[m.state] for m in treatment.modifiers]
        return np.asarray(np.sum(parts, axis=0)) if parts else np.zeros(len(next(iter(self.states.values()))))

    def received(self, groups: Mapping[Treatment, NDArray[np.bool_]]) -> dict[str, Floats]:
        """Return it by marker column under the treatment each patient received.

        A state's part falls to the markers it is the sum of, so that what is returned adds up to
        `total`. `groups` says who received what.
        """
        inhibitor = np.zeros(len(next(iter(groups.values()))))
        slopes: dict[str, Any] = {}
        for treatment, members in groups.items():
            inhibitor[members] = treatment.inhibitor
            for m in treatment.modifiers:
                slopes.setdefault(m.state, np.zeros(len(members)))[members] += getattr(m, self.endpoint)
        for state, slope in self.paths.items():
            slopes[state] = slopes.get(state, 0.0) + slope * inhibitor
        out = dict(self.prognostic)
        for column, values in self.direct.items():
            felt = values * inhibitor
            out[column] = out[column] + felt if column in out else felt
        for state, slope in slopes.items():
            if not np.any(slope):
                continue
            for column, piece in self.pieces[state].items():
                felt = slope * (piece - self.means[state][column])
                out[column] = out[column] + felt if column in out else felt
        return out

    def modification(self) -> dict[str, Floats]:
        """Return, by column, what each effect modifier adds to the log hazard ratio of an inhibitor."""
        everybody = np.ones(len(next(iter(self.states.values()))), dtype=bool)
        inhibitor, without = (self.received({Treatment(i, ()): everybody}) for i in (True, False))
        added = {c: x - without[c] if c in without else x for c, x in inhibitor.items()}
        return {c: x for c, x in added.items() if np.any(x)}

    def benefit(self, treatments: Iterable[Treatment]) -> dict[str, Floats]:
        """Return what states and, directly, columns add to the log hazard ratio of an inhibitor.

        And what the state adds to the effect of each agent of `treatments` that a `Modifier` names.
        """
        modifiers = dict.fromkeys(m for t in treatments for m in t.modifiers)
        agents = {m.name: getattr(m, self.endpoint) * self.states[m.state] for m in modifiers}
        return dict(self.through) | dict(self.direct) | agents


@dataclass(frozen=True)
class BenefitModel:
    """How the published effects on benefit are divided between the immune state and direct effects.

    Attributes
    ----------
    endpoint : {"os", "pfs"}
    paths : mapping
        State -> log hazard ratio of a checkpoint inhibitor per unit of the state.
    direct : mapping
        Column -> the part of its published effect on benefit that acts directly, 0 to 1.
    means : mapping
        State -> column -> mean of its part of the state in the population.
    weight : float
        Times which everything the studies say about benefit is drawn.
    """

    endpoint: str
    paths: Mapping[str, float]
    direct: Mapping[str, float]
    means: Mapping[str, Mapping[str, float]]
    weight: float

    @classmethod
    def of(cls, endpoint: str, published: Contributions, pieces: StatePieces, weight: float) -> BenefitModel:
        """Divide the effects, on patients of the population.

        With B the published effect of a state's markers (MECHANISMS) on the log hazard ratio and S the
        state, the benefit drawn is ``γ S + Σ δ_m B_m``. δ is such that its projection on the B_m is their
        sum, so that what is published of each marker still holds; markers of the state that nothing is
        published of come to matter as far as they tell of it. γ is the regression of B on S, or less:
        no marker's path through the state may exceed its own published effect (δ_m ≥ 0).

        Parameters
        ----------
        endpoint : {"os", "pfs"}
        published : Contributions
            Of patients of the population, as the studies have them.
        pieces : mapping
            Of the same patients (`ImmuneModel.pieces`).
        weight : float
        """
        means = {s: {c: float(x.mean()) for c, x in parts.items()} for s, parts in pieces.items()}
        predictive = _predictive(published)
        direct = dict.fromkeys(predictive, 1.0)
        paths = {}
        for state, (columns, _) in MECHANISMS.items():
            known = [c for c in columns if c in predictive and np.ptp(predictive[c]) > 0]
            if not known or not pieces.get(state):
                continue
            level = totals(pieces, len(published))[state]
            level = level - level.mean()
            effects = np.stack([predictive[c] for c in known], axis=1)
            slope = float(level @ effects.sum(axis=1)) / float(level @ level)
            told, *_ = np.linalg.lstsq(effects, level, rcond=None)
            if told.max() * slope <= 0:
                continue  # the state would act against every effect it is to explain
            slope *= min(1.0, 1.0 / max(slope * told))
            paths[state] = slope
            left = np.round(1.0 - slope * told, 9)  # the one that limits the slope has none left
            direct |= dict(zip(known, left.tolist(), strict=True))
        return cls(endpoint, paths, direct, means, weight)

    def apart(self, published: Contributions, pieces: StatePieces) -> LogHazard:
        """Take the log hazard of patients apart."""
        prognostic = published.by_column(inhibitor=False)
        direct = {
            c: (self.weight * self.direct[c]) * x
            for c, x in _predictive(published).items()
            if self.direct[c] != 0
        }
        states = {
            s: level - sum(self.means[s].values()) for s, level in totals(pieces, len(published)).items()
        }
        paths = {s: self.weight * slope for s, slope in self.paths.items()}
        through = {s: slope * states[s] for s, slope in paths.items()}
        return LogHazard(prognostic, direct, through, states, pieces, self.means, paths, self.endpoint)

    @property
    def account(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "weight": round(self.weight, 4),
            "states": {
                s: {"hazard_ratio_per_sd": round(float(np.exp(self.weight * x)), 4), "why": MECHANISMS[s][1]}
                for s, x in self.paths.items()
            },
            "acts_directly": {c: round(x, 4) for c, x in self.direct.items()},
        }


def _predictive(published: Contributions) -> dict[str, Floats]:
    """By column, what is felt with a checkpoint inhibitor less what is felt without."""
    out: dict[str, Floats] = {}
    for part in published.parts:
        sign = float(acts(part.effect, True)) - float(acts(part.effect, False))
        if sign:
            out[part.column] = out.get(part.column, 0.0) + sign * part.values
    return out
