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

# Calibration intercept (slope fixed at 1), and quantiles of the calibration error
at_risk <- sapply(stopped[stopped[, 2] == 1, 1], function(t) sum(exp(x[stopped[, 1] >= t])))
golden$calibration_intercept <- log(sum(1 / at_risk))       # Breslow's cumulative hazard, slope fixed at 1
offset_fit <- coxph(stopped ~ offset(x), ties = "breslow")  # basehaz takes the mean offset out
stopifnot(all.equal(log(tail(basehaz(offset_fit)$hazard, 1)) - mean(x), golden$calibration_intercept))
golden$e50 <- unname(quantile(abs(observed - p), 0.5))
golden$e90 <- unname(quantile(abs(observed - p), 0.9))

# Concordance truncated at the last month: events from then on open no pair
cut <- concordance(Surv(time, event) ~ risk, data, reverse = TRUE, timewt = "n/G2", ymax = max(months) - 1e-9)
golden$uno_c <- unname(cut$concordance)

# Antolini's C: every pair counted; curves that cross, survival at the first month not before the event
crossing <- sapply(months, function(t) exp(-(0.12 * t)^exp(0.25 * risk)))
golden$crossing <- crossing
antolini <- function(survival) {
  concordant <- usable <- 0
  for (i in which(event == 1 & time < max(months))) {
    m <- which(months >= time[i])[1]
    later <- time > time[i] | (time == time[i] & event == 0)
    usable <- usable + sum(later)
    concordant <- concordant + sum(later & survival[, m] > survival[i, m]) +
      0.5 * sum(later & survival[, m] == survival[i, m])
  }
  concordant / usable
}
golden$antolini_c <- antolini(survival)
golden$antolini_c_crossing <- antolini(crossing)

# Restricted means at 12 months: survival:::survmean by print's rmean; halves without ties at the median
rmst <- function(rows) unname(summary(survfit(Surv(time, event) ~ 1, data[rows, ]), rmean = 12)$table["rmean"])
distinct <- rank(-survival[, months == 12], ties.method = "first")
golden$rmst <- rmst(seq_len(n))
golden$distinct_risk <- distinct
golden$rmst_difference <- rmst(which(distinct <= n / 2)) - rmst(which(distinct > n / 2))
edges <- c(0, months[months <= 12])
curves <- cbind(1, survival[, months <= 12])
area <- rowSums((curves[, -1] + curves[, -ncol(curves)]) / 2 * rep(diff(edges), each = n))
golden$rmst_bias <- golden$rmst - mean(area)

# Net benefit at 12 months, by the formula of Vickers et al. 2008 with Kaplan-Meier risks
thresholds <- c(0.2, 0.4, 0.6)
golden$thresholds <- thresholds
golden$net_benefit <- sapply(thresholds, function(pt) {
  acted <- 1 - survival[, months == 12] >= pt
  km12 <- 1 - summary(survfit(Surv(time, event) ~ 1, data[acted, ]), times = 12)$surv
  mean(acted) * (km12 - (1 - km12) * pt / (1 - pt))
})

# D-calibration, by the definition of Haider et al. 2020, patient by patient
bins <- numeric(10)
for (i in seq_len(n)) {
  t <- min(time[i], max(months))
  s <- approx(c(0, months), c(1, survival[i, ]), t)$y
  if (event[i] == 1 && time[i] <= max(months)) {
    b <- min(floor(10 * s), 9) + 1
    bins[b] <- bins[b] + 1
  } else {
    b <- min(floor(10 * s), 9)
    bins[b + 1] <- bins[b + 1] + (s - b / 10) / s
    if (b > 0) bins[1:b] <- bins[1:b] + 0.1 / s
  }
}
golden$d_calibration <- sum((bins - n / 10)^2 / (n / 10))

# Heavy censoring: nine of ten patients, weekly follow-up, so that ties are the norm
set.seed(9)
m <- 240
heavy_risk <- rnorm(m)
heavy_latent <- rexp(m) / (0.02 * exp(heavy_risk))
heavy_end <- runif(m, 0.5, 14)
heavy <- data.frame(time = pmax(ceiling(pmin(heavy_latent, heavy_end) * 4.345) / 4.345, 1 / 4.345),
                    event = as.integer(heavy_latent <= heavy_end), risk = heavy_risk)
heavy_survival <- exp(-0.02 * 9 * exp(heavy_risk))
judged <- Score(list(model = matrix(1 - heavy_survival)), Surv(time, event) ~ 1, heavy, times = 9,
                metrics = c("auc", "brier"), cens.model = "km", conf.int = FALSE)
golden$heavy <- list(
  time = heavy$time, event = heavy$event, risk = heavy_risk, survival = heavy_survival,
  harrell_c = unname(concordance(Surv(time, event) ~ risk, heavy, reverse = TRUE)$concordance),
  uno_c = unname(concordance(Surv(time, event) ~ risk, heavy, reverse = TRUE, timewt = "n/G2",
                             ymax = 9 - 1e-9)$concordance),
  auc = judged$AUC$score[model == "model"]$AUC,
  brier = judged$Brier$score[model == "model"]$Brier)

# pec's Brier scores, with the censoring curve of these patients
errors <- pec::pec(list(model = cbind(1, survival)), Surv(time, event) ~ 1, data, times = c(0, months),
                   start = NULL, exact = FALSE, cens.model = "marginal", reference = FALSE, verbose = FALSE)
golden$brier_pec <- errors$AppErr$model[-1]

# Holm's correction
golden$p <- c(0.03, 0.004, 0.2, 0.03, 0.011, 0.7)
golden$p_holm <- p.adjust(golden$p, "holm")

writeLines(jsonlite::toJSON(golden, digits = 15, auto_unbox = TRUE, pretty = FALSE),
           file.path(folder, "metrics.json"))
