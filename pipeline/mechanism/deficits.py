"""Why checkpoint inhibition fails: the deficits that are told apart, and the markers that speak of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Deficit:
    """One reason of failure.

    Attributes
    ----------
    label : str
    markers : tuple of str
        Columns, and series of the visits, that speak of it; a column belongs to one deficit.
    classes : tuple of str
        Classes of agents in the evidence register that are meant to address it.
    """

    label: str
    markers: tuple[str, ...]
    classes: tuple[str, ...]


DEFICITS: Final[Mapping[str, Deficit]] = {
    "myeloid_inflammation": Deficit(
        "Myeloid dominance and inflammation",
        ("nlr", "dnlr", "crp_mg_per_l", "il6_pg_per_ml", "il8_pg_per_ml", "il1b_pg_per_ml",
         "platelets_per_nl", "tnf_alpha_pg_per_ml"),
        ("il1b", "il6", "il8", "csf1r"),
    ),
    "antigen_scarcity": Deficit(
        "Antigen scarcity",
        ("tmb_mutations_per_mb", "smoking", "egfr_mutant", "alk_rearranged", "hla_divergence"),
        ("dll3", "til", "car_t"),
    ),
    "antigen_presentation_lost": Deficit(
        "Defective antigen presentation", ("hla_loh", "ifn_pathway_loss", "copy_number_altered_fraction"),
        ("dll3", "nk_cells", "car_t"),
    ),
    "stromal_or_metabolic_exclusion": Deficit(
        "Exclusion and metabolic suppression",
        ("vegf_pg_per_ml", "cxcl12_pg_per_ml", "stk11_mutant", "keap1_mutant", "ldh_u_per_l",
         "cd8_cells_per_mm2", "t_cell_inflamed_score", "tertiary_lymphoid_structures"),
        ("antiangiogenic", "tgf_beta", "cd73", "tki"),
    ),
    "alternative_checkpoint": Deficit(
        "Exhaustion, other checkpoints",
        ("exhausted_cd8_percent", "activated_cd8_percent", "il10_pg_per_ml", "cxcl9_pg_per_ml",
         "cxcl10_pg_per_ml", "ifn_gamma_pg_per_ml", "cd8_blood_percent"),
        ("tigit", "ctla4", "nkg2a"),
    ),
    "weak_nk_surveillance": Deficit(
        "Weak NK surveillance",
        ("nk_cells_percent", "il2_pg_per_ml", "ccl21_pg_per_ml", "lymphocytes_per_nl"),
        ("nk_cells", "cik_cells", "il15", "kir"),
    ),
}  # fmt: skip


def deficit_of(column: str) -> str:
    """Return the deficit that a column or a feature ``<series>__<feature>`` speaks of; "" if none."""
    series = column.partition("__")[0]
    return next((name for name, d in DEFICITS.items() if series in d.markers), "")
