# Writes one_coefficient.json: univariable Cox coefficients by R's survival, ties by Efron's method.
# Rscript tests/golden/one_coefficient.R
library(survival)
one <- function(formula, data) {
  fit <- coxph(formula, data = data, ties = "efron")
  list(coef = unname(coef(fit)), se = sqrt(diag(vcov(fit)))[[1]])
}
lung$dead <- lung$status == 2
kept <- lung[!is.na(lung$ph.ecog), ]
kept$month <- ceiling(kept$time / 30) # many ties
jsonlite::write_json(
  list(
    time = kept$time, month = kept$month, dead = kept$dead, age = kept$age, ecog = kept$ph.ecog,
    age_by_days = one(Surv(time, dead) ~ age, kept),
    ecog_by_days = one(Surv(time, dead) ~ ph.ecog, kept),
    age_by_months = one(Surv(month, dead) ~ age, kept),
    ecog_by_months = one(Surv(month, dead) ~ ph.ecog, kept)
  ),
  "tests/golden/one_coefficient.json", digits = 12, auto_unbox = TRUE
)
