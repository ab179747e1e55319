# Writes table_one.json: a made-up trial, and what R says about it.
# Run in this folder: Rscript table_one.R
suppressMessages({library(survival); library(jsonlite)})
set.seed(20180806)
n <- 120
arm <- rep(c("control", "drug"), each = n / 2)
age <- round(rnorm(n, 62 + 2 * (arm == "drug"), 9), 1)
smoking <- sample(c("current", "former", "never"), n, replace = TRUE, prob = c(.2, .6, .2))
male <- rbinom(n, 1, .6)
death <- rexp(n, log(2) / ifelse(arm == "drug", 15, 9))
cut <- runif(n, 8, 30)
months <- round(pmin(death, cut), 4)
died <- as.integer(death <= cut)

medians <- function(rows) {
  fit <- survfit(Surv(months[rows], died[rows]) ~ 1, conf.type = "log-log")
  unname(summary(fit)$table[c("median", "0.95LCL", "0.95UCL")])
}
follow_up <- function(rows) {
  unname(summary(survfit(Surv(months[rows], 1 - died[rows]) ~ 1))$table["median"])
}
of <- function(x, g) split(x, arm)[[g]]
smd_number <- function(x) {
  a <- of(x, "control"); b <- of(x, "drug")
  abs(mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2)
}
smd_levels <- function(x) {
  levels <- sort(unique(x))
  share <- function(g) as.numeric(table(factor(of(x, g), levels)) / sum(arm == g))
  p <- share("control")[-1]; q <- share("drug")[-1]
  covariance <- function(p) diag(p, length(p)) - p %o% p
  sqrt(drop(t(p - q) %*% solve((covariance(p) + covariance(q)) / 2) %*% (p - q)))
}
groups <- list(overall = rep(TRUE, n), control = arm == "control", drug = arm == "drug")
write_json(list(
  r = R.version.string, survival = as.character(packageVersion("survival")),
  data = list(arm = arm, age = age, smoking = smoking, male = male, months = months, died = died),
  median = lapply(groups, medians),
  follow_up = lapply(groups, follow_up),
  quartiles_age = lapply(groups, function(g) unname(quantile(age[g], c(.25, .5, .75)))),
  smd = list(age = smd_number(age), smoking = smd_levels(smoking), male = smd_levels(male)),
  concordance_age = unname(concordance(Surv(months, died) ~ age, reverse = TRUE)$concordance)
), "table_one.json", digits = 12, auto_unbox = TRUE)
