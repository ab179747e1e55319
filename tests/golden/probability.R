# Golden values of scores of a predicted probability. Writes probability.json beside this file, data included; needs
# jsonlite. Run: Rscript tests/golden/probability.R
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

set.seed(20261126)
n <- 150
x <- round(rnorm(n), 2)
predicted <- round(plogis(-0.4 + 1.6 * x), 2)  # ties, and none of 0 or 1
predicted <- pmin(pmax(predicted, 0.02), 0.98)
happened <- rbinom(n, 1, plogis(-0.7 + 0.9 * x))
weight <- rpois(n, 1)
odds <- qlogis(predicted)
control <- glm.control(epsilon = 1e-14, maxit = 100)
fold <- rep_len(0:3, n)
fit <- function(formula, weights = rep(1, n)) {
  data <- data.frame(happened, odds, fold = factor(fold), w = weights)
  unname(coef(suppressWarnings(glm(formula, binomial, data, weights = w, control = control))))
}
pairs <- outer(predicted[happened == 1], predicted[happened == 0], "-")
golden <- list(
  predicted = predicted, happened = happened, weight = weight,
  recalibration = fit(happened ~ odds),
  recalibration_weighted = fit(happened ~ odds, weight),
  in_the_large = fit(happened ~ offset(odds)),
  in_the_large_weighted = fit(happened ~ offset(odds), weight),
  fold = fold,
  slope_within_folds = fit(happened ~ odds + fold)[2],
  slope_within_folds_weighted = fit(happened ~ odds + fold, weight)[2],
  auc = mean((pairs > 0) + 0.5 * (pairs == 0)),
  brier = mean((happened - predicted)^2),
  brier_weighted = sum(weight * (happened - predicted)^2) / sum(weight)
)
writeLines(jsonlite::toJSON(golden, digits = NA, auto_unbox = TRUE), file.path(folder, "probability.json"))
