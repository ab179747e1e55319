"""Any cohort in, judged and explained survival models out."""
