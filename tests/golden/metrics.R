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

# Calibration at a horizon by a Cox model stopped there: slope, intercept (slope fixed at 1: Breslow's cumulative
# hazard), and the distance of predicted from smoothed observed risk
calibration <- function(data, p, h) {
  x <- log(-log(1 - p))
  stopped <- with(data, Surv(pmin(time, h), event * (time <= h)))
  basis <- Hmisc::rcspline.eval(x, knots = quantile(x, c(.05, .35, .65, .95)), inclx = TRUE, norm = 2)
  tight <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100)
  fit <- coxph(stopped ~ basis, ties = "breslow", control = tight)
  base <- tail(basehaz(fit, centered = FALSE)$hazard, 1)
  observed <- as.vector(1 - exp(-base * exp(basis %*% coef(fit))))
  at_risk <- sapply(stopped[stopped[, 2] == 1, 1], function(t) sum(exp(x[stopped[, 1] >= t])))
  offset_fit <- coxph(stopped ~ offset(x), ties = "breslow")  # basehaz takes the mean offset out
  intercept <- log(sum(1 / at_risk))
  stopifnot(all.equal(log(tail(basehaz(offset_fit)$hazard, 1)) - mean(x), intercept))
  error <- abs(observed - p)
  list(slope = unname(coef(coxph(stopped ~ x, ties = "breslow", control = tight))), intercept = intercept,
       ici = mean(error), e50 = unname(quantile(error, 0.5)), e90 = unname(quantile(error, 0.9)),
       basis = unclass(basis), observed = observed, x = x, stopped = stopped)
}
h <- 9
at_nine <- calibration(data, 1 - survival[, months == h], h)
golden$spline_basis <- at_nine$basis[1:5, ]
golden$observed_risk <- at_nine$observed[1:10]
weighted <- coxph(at_nine$stopped ~ at_nine$x, ties = "breslow", weights = weights, subset = weights > 0)
golden$calibration_slope_weighted <- unname(coef(weighted))
golden$fold <- rep_len(0:3, n)
by_fold <- coxph(at_nine$stopped ~ at_nine$x + strata(golden$fold), ties = "breslow", weights = weights,
                 subset = weights > 0, control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
golden$slope_within_folds_weighted <- unname(coef(by_fold))

# Kaplan-Meier risk in a group with its log-log interval
km <- summary(survfit(Surv(time, event) ~ 1, data, conf.type = "log-log"), times = h)
golden$km_risk <- 1 - c(km$surv, km$upper, km$lower)

# Concordance truncated at the last month: events from then on open no pair
uno <- function(data, until) {
  unname(concordance(Surv(time, event) ~ risk, data, reverse = TRUE, timewt = "n/G2", ymax = until - 1e-9)$concordance)
}

# Antolini's C: every pair counted; curves that cross, survival at the first month not before the event
crossing <- sapply(months, function(t) exp(-(0.12 * t)^exp(0.25 * risk)))
golden$crossing <- crossing
antolini <- function(data, survival, months) {
  concordant <- usable <- 0
  for (i in with(data, which(event == 1 & time < max(months)))) {
    m <- which(months >= data$time[i])[1]
    later <- with(data, time > time[i] | (time == time[i] & event == 0))
    usable <- usable + sum(later)
    concordant <- concordant + sum(later & survival[, m] > survival[i, m]) +
      0.5 * sum(later & survival[, m] == survival[i, m])
  }
  concordant / usable
}
golden$antolini_c_crossing <- antolini(data, crossing, months)

# Restricted means: survival:::survmean by print's rmean. A patient at the median counts half in either half, as a
# weight; predicted months are the area under each curve from 1 at month 0
rmst <- function(data, until, weights = rep(1, nrow(data))) {
  fit <- survfit(Surv(time, event) ~ 1, data[weights > 0, ], weights = weights[weights > 0])
  unname(summary(fit, rmean = until)$table["rmean"])
}
rmst_halves <- function(data, p, until) {
  lower <- sapply(p, function(one) min(max((nrow(data) / 2 - sum(p < one)) / sum(p == one), 0), 1))
  rmst(data, until, lower) - rmst(data, until, 1 - lower)
}
rmst_bias <- function(data, survival, months, until) {
  edges <- c(0, months[months <= until])
  curves <- cbind(1, survival[, months <= until])
  width <- rep(diff(edges), each = nrow(data))
  area <- rowSums((curves[, -1, drop = FALSE] + curves[, -ncol(curves), drop = FALSE]) / 2 * width)
  rmst(data, until) - mean(area)
}
golden$rmst <- rmst(data, 12)
distinct <- rank(-survival[, months == 12], ties.method = "first")
golden$distinct_risk <- distinct
golden$rmst_difference <- rmst_halves(data, distinct, 12)
stopifnot(all.equal(golden$rmst_difference, rmst(data[distinct <= n / 2, ], 12) - rmst(data[distinct > n / 2, ], 12)))

# Net benefit, by the formula of Vickers et al. 2008 with Kaplan-Meier risks
thresholds <- c(0.2, 0.4, 0.6)
golden$thresholds <- thresholds
net_benefit <- function(data, p, h) sapply(thresholds, function(pt) {
  acted <- p >= pt
  km <- 1 - summary(survfit(Surv(time, event) ~ 1, data[acted, ]), times = h)$surv
  mean(acted) * (km - (1 - km) * pt / (1 - pt))
})
golden$net_benefit <- net_benefit(data, 1 - survival[, months == 12], 12)

# D-calibration, by the definition of Haider et al. 2020, patient by patient
d_calibration <- function(data, survival, months) {
  bins <- numeric(10)
  for (i in seq_len(nrow(data))) {
    t <- min(data$time[i], max(months))
    s <- approx(c(0, months), c(1, survival[i, ]), t)$y
    b <- min(floor(10 * s), 9)
    if (data$event[i] == 1 && data$time[i] <= max(months)) {
      bins[b + 1] <- bins[b + 1] + 1
    } else {
      bins[b + 1] <- bins[b + 1] + (s - b / 10) / s
      if (b > 0) bins[1:b] <- bins[1:b] + 0.1 / s
    }
  }
  expected <- nrow(data) / 10
  sum((bins - expected)^2 / expected)
}

# Every metric of the registry at one horizon
every_metric <- function(data, survival, months, h) {
  judged <- Score(list(model = 1 - survival), Surv(time, event) ~ 1, data, times = months,
                  metrics = c("auc", "brier"), cens.model = "km", conf.int = FALSE, summary = c("ibs", "ipa"))
  areas <- judged$AUC$score[model == "model"]$AUC
  scores <- judged$Brier$score[model == "model"]
  at <- match(h, months)
  calibrated <- calibration(data, 1 - survival[, at], h)
  width <- diff(months)
  list(harrell_c = unname(concordance(Surv(time, event) ~ risk, data, reverse = TRUE)$concordance),
       uno_c = uno(data, max(months)), antolini_c = antolini(data, survival, months),
       auc = areas[at], median_auc = median(areas), brier = scores$Brier[at],
       # Score's own index starts at month 0; ours is the mean from the first month to the last, by trapezoids
       ibs = sum((head(scores$Brier, -1) + tail(scores$Brier, -1)) / 2 * width) / sum(width),
       scaled_brier = scores$IPA[at], calibration_intercept = calibrated$intercept,
       calibration_slope = calibrated$slope, ici = calibrated$ici, e50 = calibrated$e50, e90 = calibrated$e90,
       d_calibration = d_calibration(data, survival, months),
       rmst_difference = rmst_halves(data, 1 - survival[, at], h),
       rmst_bias = rmst_bias(data, survival, months, h))
}
golden$every <- every_metric(data, survival, months, 12)

# Heavy censoring: nine of ten patients, weekly follow-up, so that ties are the norm
set.seed(9)
m <- 240
heavy_risk <- rnorm(m)
heavy_latent <- rexp(m) / (0.02 * exp(heavy_risk))
heavy_end <- runif(m, 0.5, 14)
heavy <- data.frame(time = pmax(ceiling(pmin(heavy_latent, heavy_end) * 4.345) / 4.345, 1 / 4.345),
                    event = as.integer(heavy_latent <= heavy_end), risk = heavy_risk)
heavy_months <- c(3, 6, 9)
heavy_survival <- sapply(heavy_months, function(t) exp(-0.02 * t * exp(heavy_risk)))
golden$heavy <- list(time = heavy$time, event = heavy$event, risk = heavy_risk, months = heavy_months,
                     survival = heavy_survival, every = every_metric(heavy, heavy_survival, heavy_months, 6),
                     net_benefit = net_benefit(heavy, 1 - heavy_survival[, 2], 6))

# pec's Brier scores, with the censoring curve of these patients
errors <- pec::pec(list(model = cbind(1, survival)), Surv(time, event) ~ 1, data, times = c(0, months),
                   start = NULL, exact = FALSE, cens.model = "marginal", reference = FALSE, verbose = FALSE)
golden$brier_pec <- errors$AppErr$model[-1]

# pec integrates the score as steps, from month 0; on a fine grid that is the area under it
fine <- seq(3, 15, 0.01)
fine_survival <- sapply(fine, function(t) exp(-0.045 * t * exp(1.1 * risk)))
smooth <- pec::pec(list(model = fine_survival), Surv(time, event) ~ 1, data, times = fine, start = NULL,
                   exact = FALSE, cens.model = "marginal", reference = FALSE, verbose = FALSE)
golden$ibs_fine <- as.numeric(pec::crps(smooth, times = 15, start = 3))

# Percentile intervals: concordance in resamples of patients
set.seed(41)
drawn <- t(replicate(39, tabulate(sample(n, replace = TRUE), n)))
resampled <- apply(drawn, 1, function(k) {
  unname(concordance(Surv(time, event) ~ risk, data[rep(seq_len(n), k), ], reverse = TRUE)$concordance)
})
golden$bootstrap <- list(weights = drawn, harrell_c = resampled,
                         interval = unname(quantile(resampled, c(0.025, 0.975))))

# Holm's correction
golden$p <- c(0.03, 0.004, 0.2, 0.03, 0.011, 0.7)
golden$p_holm <- p.adjust(golden$p, "holm")

writeLines(jsonlite::toJSON(golden, digits = 15, auto_unbox = TRUE, pretty = FALSE),
           file.path(folder, "metrics.json"))
