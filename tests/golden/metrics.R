# Golden values of the metrics. Writes metrics.json beside this file, data included; needs survival,
# riskRegression, prodlim, Hmisc and jsonlite. Run: Rscript tests/golden/metrics.R
suppressMessages({library(survival); library(prodlim); library(riskRegression)})
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

set.seed(20261123)
n <- 180
risk <- round(rnorm(n), 1)                                   # equal risks occur
latent <- rexp(n) / (0.06 * exp(0.8 * risk))
follow_up <- runif(n, 4, 30)
time <- pmax(ceiling(2 * pmin(latent, follow_up)) / 2, 0.5)  # half months: events and censorings tie
event <- as.integer(latent <= follow_up)
months <- c(3, 6, 9, 12, 15)
survival <- sapply(months, function(t) exp(-0.045 * t * exp(1.1 * risk)))
data <- data.frame(time, event, risk)

golden <- list(time = time, event = event, risk = risk, months = months, survival = survival)
golden$harrell_c <- unname(concordance(Surv(time, event) ~ risk, data, reverse = TRUE)$concordance)
golden$uno_c_untruncated <-
  unname(concordance(Surv(time, event) ~ risk, data, reverse = TRUE, timewt = "n/G2")$concordance)
weights <- rep_len(c(0, 1, 2, 1, 3), n)
golden$weights <- weights
doubled <- data[rep(seq_len(n), weights), ]                  # a weight of two is a patient entered twice
golden$harrell_c_weighted <-
  unname(concordance(Surv(time, event) ~ risk, doubled, reverse = TRUE)$concordance)

scored <- Score(list(model = 1 - survival), Surv(time, event) ~ 1, data, times = months,
                metrics = c("auc", "brier"), cens.model = "km", conf.int = FALSE, summary = c("ibs", "ipa"))
golden$auc <- scored$AUC$score[model == "model"]$AUC
golden$brier <- scored$Brier$score[model == "model"]$Brier
golden$brier_null <- scored$Brier$score[model == "Null model"]$Brier

# G(T-) and G(h), events before censorings
reverse <- prodlim(Hist(time, event) ~ 1, data, reverse = TRUE)
golden$censoring_at <- predict(reverse, times = months, type = "surv")

# Calibration at 9 months by a Cox model stopped there
h <- 9
p <- 1 - survival[, months == h]
x <- log(-log(1 - p))
stopped <- Surv(pmin(time, h), event * (time <= h))
golden$calibration_slope <- unname(coef(coxph(stopped ~ x, ties = "breslow")))
knots <- quantile(x, c(.05, .35, .65, .95))
basis <- Hmisc::rcspline.eval(x, knots = knots, inclx = TRUE, norm = 2)
fit <- coxph(stopped ~ basis, ties = "breslow")
base <- basehaz(fit, centered = FALSE)
observed <- 1 - exp(-tail(base$hazard, 1) * exp(basis %*% coef(fit)))
golden$spline_basis <- unclass(basis)[1:5, ]
golden$ici <- mean(abs(observed - p))
golden$observed_risk <- as.vector(observed)[1:10]
weighted <- coxph(stopped ~ x, ties = "breslow", weights = weights, subset = weights > 0)
golden$calibration_slope_weighted <- unname(coef(weighted))

# Kaplan-Meier risk in a group with its log-log interval
km <- summary(survfit(Surv(time, event) ~ 1, data, conf.type = "log-log"), times = h)
golden$km_risk <- 1 - c(km$surv, km$upper, km$lower)

writeLines(jsonlite::toJSON(golden, digits = 15, auto_unbox = TRUE, pretty = FALSE),
           file.path(folder, "metrics.json"))
