"""The closed vocabularies of the evidence files."""

from __future__ import annotations

from typing import Literal

Setting = Literal[
    "metastatic_1L",
    "metastatic_2L",
    "mixed_1L_2L",
    "stage3_consolidation",
    "stage3_concurrent_crt",
    "resectable_neoadjuvant",
    "resectable_perioperative",
    "resectable_adjuvant",
    "es_sclc_1L",
    "es_sclc_1L_maintenance",
    "sclc_2L",
    "ls_sclc_consolidation",
    "ls_sclc_concurrent_crt",
    "cytokine",
    "cellular",
]
Histology = Literal[
    "nsclc",
    "nonsquamous",
    "squamous",
    "sclc",
    "solid_tumours",
    "lung_cancer_incidence",
    "melanoma_reference",
    "melanoma_rcc_reference",
    "rcc_reference",
    "urothelial_reference",
    "lbcl_reference",
    "ball_reference",
    "cll_reference",
    "aml_reference",
    "car_t_crs_reference",
]
Phase = Literal[
    "1", "1/2", "1/2a", "1b", "1b/2", "2", "2b", "2/3", "3", "pilot", "observational", "retrospective",
    "real_world", "pooled",
]  # fmt: skip
TrialEndpoint = Literal[
    "OS",
    "PFS",
    "PFS2",
    "EFS",
    "DFS",
    "RFS",
    "LFS",
    "DMFS",
    "TTDM",
    "CNS_PFS",
    "rwPFS",
    "cancer_specific_DFS",
    "recurrence",
    "incident_lung_cancer",
    "lung_cancer_mortality",
]
TreatmentClass = Literal[
    "pd1",
    "pdl1",
    "ctla4",
    "tigit",
    "cd73",
    "nkg2a",
    "kir",
    "csf1r",
    "tgf_beta",
    "chemotherapy",
    "antiangiogenic",
    "tki",
    "radiotherapy",
    "surgery",
    "il1b",
    "il2",
    "il6",
    "il8",
    "il10",
    "il15",
    "nk_cells",
    "cik_cells",
    "til",
    "car_t",
    "dll3",
    "placebo",
    "best_supportive_care",
    "observation",
    "other",
]
MarkerEndpoint = Literal[
    "OS",
    "PFS",
    "DFS",
    "RFS",
    "EFS",
    "OS_or_PFS",
    "alive_at_12_months",
    "death_within_12_weeks",
    "objective_response",
    "response",
    "disease_control",
    "durable_clinical_benefit",
    "progressive_disease",
    "early_progression",
    "hyperprogression",
    "pathological_complete_response",
    "immune_adverse_event",
    "severe_immune_adverse_event",
    "pneumonitis",
    "symptomatic_pneumonitis",
    "severe_pneumonitis",
    "radiation_pneumonitis_grade2plus",
    "hospitalisation_within_90_days",
]
Treatment = Literal[
    "ici", "ici_any", "ici_chemo", "ici_ici", "surgery_ici", "crt_ici", "chemo", "tki", "mixed", "none"
]  # fmt: skip
Measure = Literal[
    "hazard_ratio", "odds_ratio", "risk_ratio", "relative_response_ratio", "ratio_of_hazard_ratios", "fold"
]
CorrelationMethod = Literal[
    "spearman",
    "pearson",
    "pearson_or_spearman",
    "odds_ratio",
    "rate",
    "group_shares",
    "group_medians",
    "association",
    "no_association",
]
