"""The latent immune state behind a patient's markers: six scores, each a stated sum of marker scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from pipeline.schema import Floats
from synthetic_data.copula import GRID_MASS, correlation_of, spread
from synthetic_data.dependence import Dependence
from synthetic_data.margins import Margin
from synthetic_data.markers import MarkerDraw

# State -> marker column -> its part of the state for each patient, shape (n,).
StatePieces = Mapping[str, Mapping[str, Floats]]


class Loading(NamedTuple):
    """How much one marker says about a state, and why."""

    marker: str
    weight: float
    reason: str


# Weights are relative within a state and assumed; signs follow the findings named.
STATES: Final[Mapping[str, tuple[Loading, ...]]] = {
    "myeloid_inflammation": (
        Loading("nlr", 1.0, "neutrophils over lymphocytes: worse OS in 34 studies"),
        Loading("crp", 0.8, "acute-phase response: worse OS and PFS in 35 cohorts"),
        Loading("il6", 0.8, "drives the acute phase; high levels worse OS"),
        Loading("il8", 0.8, "recruits neutrophils; worse outcome under any treatment"),
        Loading("il1b_hscrp", 0.5, "upstream of IL-6 and the target of canakinumab"),
        Loading("albumin", -0.6, "falls with inflammation"),
        Loading("platelets", 0.3, "rise with IL-6"),
    ),
    "antigen_scarcity": (
        Loading("tmb_tissue", -1.0, "fewer mutations, fewer neoantigens: worse OS and PFS on inhibitors"),
        Loading("smoking", -0.5, "tobacco mutagenesis: TMB rises with smoking (0.39)"),
        Loading("egfr", 0.5, "few mutations, response 12 %"),
        Loading("alk", 0.4, "few mutations, no response in 23 patients"),
        Loading("stk11", 0.3, "immune-cold whatever the mutational burden"),
    ),
    "antigen_presentation_defect": (
        Loading("hla_loh", 1.0, "loss of a presenting haplotype: worse OS"),
        Loading("hed", -0.6, "a narrower peptide repertoire: worse OS on inhibitors, not on chemotherapy"),
        Loading("jak", 0.8, "interferon signalling lost: HLA class I not induced, no response"),
        Loading("cin", 0.4, "aneuploid tumours lose HLA (0.25) and respond less"),
        Loading("cdkn2a", 0.4, "9p loss takes interferon genes along: fewer responses"),
    ),
    "stromal_exclusion": (
        Loading("cxcl12_cxcr4", 1.0, "keeps T cells in the stroma: high serum levels, shorter OS"),
        Loading("vegf", 0.8, "abnormal vessels: high levels, shorter PFS"),
        Loading("cd8_density", -0.8, "T cells that have entered are not excluded"),
        Loading("tls", -0.5, "tertiary lymphoid structures mark entry"),
        Loading("ccl21", -0.3, "attracts T cells and dendritic cells to lymphoid structures"),
        Loading("keap1", 0.3, "metabolic suppression around altered tumours"),
    ),
    "t_cell_exhaustion": (
        Loading("pdl1_tps", 0.7, "induced by interferon-gamma and ligand of the exhausted cell's receptor"),
        Loading("ifng_gep", 0.7, "antigen seen for long: activation and exhaustion genes together"),
        Loading("cxcl9_cxcl10", 0.4, "interferon-induced"),
        Loading("cxcl10", 0.4, "interferon-induced; a rise on treatment went with poor PFS"),
        Loading("il10", 0.4, "suppressive; low levels went with longer PFS and OS"),
        Loading("tumor_burden", 0.3, "more antigen for longer"),
    ),
    "weak_nk_surveillance": (
        Loading("nk_cells", -1.0, "fewer NK cells; they rise in responders only"),
        Loading("il2", -0.3, "feeds NK cells"),
        Loading("il10", 0.3, "suppresses them"),
        Loading("body_composition", 0.3, "NK cells lower in sarcopenic patients"),
        Loading("hla_loh", -0.3, "missing self exposes the tumour to NK cells"),
    ),
}


@dataclass(frozen=True)
class ImmuneModel:
    """The six scores as sums of the markers that are drawn.

    Attributes
    ----------
    loadings : mapping
        State -> those of its loadings whose markers are drawn.
    units : mapping
        State -> standard deviation of the sum in the reference population.
    centres : mapping
        Marker -> mean and standard deviation of what is added up, there.
    """

    loadings: Mapping[str, tuple[Loading, ...]]
    units: Mapping[str, float]
    centres: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, dependence: Dependence) -> ImmuneModel:
        """Return the model of the markers in `dependence`."""
        margins = dependence.margins
        used = {name: tuple(x for x in parts if x.marker in margins) for name, parts in STATES.items()}
        wanted = list(dict.fromkeys(x.marker for parts in used.values() for x in parts))
        tables = {name: _measure(margins[name], margins[name].tabulated()) for name in wanted}
        centres = {name: (float(GRID_MASS @ table), spread(table)) for name, table in tables.items()}
        return cls(used, {name: _unit(parts, tables, dependence) for name, parts in used.items()}, centres)

    def states(self, draw: MarkerDraw) -> dict[str, Floats]:
        """Return six scores for each patient, each of shape (n,), from the true markers.

        Each marker is standardised in the reference population (ratio-scale ones as logarithms), and
        each state is the weighted sum in units of its standard deviation there: 0 is an average patient
        with advanced lung cancer, and a trial that selects patients moves the mean. Markers that were not
        drawn are left out of the sum and of its unit. The states are part of the truth; how they alter
        what treatment does is in `synthetic_data.benefit`.
        """
        return totals(self.pieces(draw), len(draw.values))

    def pieces(self, draw: MarkerDraw) -> StatePieces:
        """Return each marker's part of each state; their sum over markers is the state."""
        scores = {name: self._standardised(draw, name) for name in self.centres}
        columns = {name: draw.margins[name].simulation.column for name in self.centres}
        return {
            state: {
                columns[x.marker]: x.weight / (self.units[state] or 1.0) * scores[x.marker] for x in loadings
            }
            for state, loadings in self.loadings.items()
        }

    def _standardised(self, draw: MarkerDraw, name: str) -> Floats:
        margin, (centre, scale) = draw.margins[name], self.centres[name]
        if scale == 0:
            return np.zeros(len(draw.values))
        return (_measure(margin, draw.numbers(name)) - centre) / scale


def totals(pieces: StatePieces, patients: int) -> dict[str, Floats]:
    """Return the states that pieces add up to."""
    out = {}
    for name, parts in pieces.items():
        out[name] = np.zeros(patients)
        for part in parts.values():
            out[name] += part
    return out


def immune_state(draw: MarkerDraw) -> pd.DataFrame:
    """Return the states of a draw, shape (n, 6); see `ImmuneModel.states`."""
    return pd.DataFrame(ImmuneModel.of(draw.dependence).states(draw), index=draw.values.index)


def _measure(margin: Margin, numbers: Floats) -> Floats:
    """Put a marker on the scale that is added up: logarithms of ratio-scale numbers."""
    if not margin.simulation.positive:
        return numbers
    least = margin.simulation.low or 0.0
    return np.log(np.maximum(numbers, max(least, 1e-3)))


def _unit(loadings: Sequence[Loading], tables: Mapping[str, Floats], dependence: Dependence) -> float:
    variance = 0.0
    for a in loadings:
        for b in loadings:
            among = (
                1.0
                if a.marker == b.marker
                else correlation_of(
                    tables[a.marker], tables[b.marker], dependence.between(a.marker, b.marker)
                )
            )
            variance += a.weight * b.weight * among
    return float(np.sqrt(max(variance, 0.0)))
