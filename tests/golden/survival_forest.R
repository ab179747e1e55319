# tests/golden/survival_forest.R: writes survival_forest.json (R 4.2, survival)
library(survival)
set.seed(7)
n <- 60
time <- ceiling(rexp(n, 0.1)); cause <- sample(0:2, n, TRUE, c(0.3, 0.45, 0.25)); group <- rep(0:1, each = n / 2)
d <- survdiff(Surv(time, cause > 0) ~ group)
s <- survfit(Surv(time, factor(cause, 0:2)) ~ 1)
na <- survfit(Surv(time, cause > 0) ~ 1, stype = 2, ctype = 1)
jsonlite::write_json(list(
  time = time, cause = cause, group = group,
  observed_minus_expected = unname((d$obs - d$exp)[2]),
  incidence_time = s$time, incidence = s$pstate[, 2:3],
  hazard_time = na$time, hazard = na$cumhaz), "survival_forest.json", digits = 14, auto_unbox = TRUE)
