# Golden values of competing-risk scores (riskRegression) and of Aalen-Johansen curves (survival).
# Run from the repository's root: Rscript tests/golden/competing_risks.R
suppressMessages({library(survival); library(riskRegression); library(prodlim)})
set.seed(4)
n <- 150
x <- round(rnorm(n), 3)
event_at <- rexp(n, 0.05 * exp(0.8 * x)); rival_at <- rexp(n, 0.06); left_at <- runif(n, 4, 30)
time <- round(pmin(event_at, rival_at, left_at), 4)
cause <- ifelse(time == round(event_at, 4), 1, ifelse(time == round(rival_at, 4), 2, 0))
d <- data.frame(time, cause, x)
predicted <- round(plogis(-0.5 + 0.9 * x), 6)
horizons <- c(4, 8, 12)
s <- Score(list(m = matrix(rep(predicted, 3), ncol = 3)), formula = Hist(time, cause) ~ 1, data = d, cause = 1,
           times = horizons, metrics = c("AUC", "Brier"), se.fit = FALSE, null.model = TRUE)
auc <- s$AUC$score[model == "m"]$AUC
brier <- s$Brier$score[model == "m"]$Brier
aj <- survfit(Surv(time, factor(cause, 0:2)) ~ 1, data = d)
at <- summary(aj, times = horizons)
csc <- coxph(Surv(time, cause == 1) ~ x, ties = "efron", data = d)
jsonlite::write_json(list(
  time = time, cause = cause, x = x, predicted = predicted, horizons = horizons, auc = auc, brier = brier,
  null_brier = s$Brier$score[model == "Null model"]$Brier,
  incidence = at$pstate[, 2], competing = at$pstate[, 3]
), "tests/golden/competing_risks.json", digits = 12, auto_unbox = FALSE)
