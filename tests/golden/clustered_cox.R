# Cox model of several rows a patient, with the variance clustered by patient.
# Rscript tests/golden/clustered_cox.R > tests/golden/clustered_cox.json
library(survival)
library(jsonlite)
set.seed(11)
patients <- 60
rows <- rep(seq_len(patients), times = 1 + (seq_len(patients) %% 3))
frailty <- rnorm(patients, 0, 0.6)
x1 <- rnorm(length(rows)); x2 <- rbinom(length(rows), 1, 0.4)
event_at <- rexp(length(rows), 0.1 * exp(0.5 * x1 - 0.4 * x2 + frailty[rows]))
left_at <- runif(length(rows), 2, 20)
time <- round(pmin(event_at, left_at), 6)
event <- as.integer(event_at <= left_at)
stopifnot(!anyDuplicated(time))
fit <- coxph(Surv(time, event) ~ x1 + x2, cluster = rows)
cat(toJSON(list(
  patient = rows - 1, x = cbind(x1, x2), time = time, event = event,
  coefficients = unname(coef(fit)),
  information = unname(solve(fit$naive.var)),
  covariance = unname(fit$var),
  score_residuals = unname(as.matrix(residuals(fit, "score")))
), digits = 12), "\n")
