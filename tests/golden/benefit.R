# Golden values of what is said about benefit from treatment. Writes benefit.json beside this file, data included;
# needs survival, prodlim, Hmisc and jsonlite. Run: Rscript tests/golden/benefit.R
suppressMessages({library(survival); library(prodlim)})
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

set.seed(20261126)
n <- 160
treated <- as.integer(sample(n) <= 80)
score <- round(rnorm(n), 2)
latent <- rexp(n) / (0.06 * exp(0.4 * score - 0.3 * treated - 0.5 * treated * score))
follow_up <- runif(n, 4, 30)
time <- pmax(ceiling(2 * pmin(latent, follow_up)) / 2, 0.5)  # half months: events and censorings tie
event <- as.integer(latent <= follow_up)
data <- data.frame(time, event, treated, score)
golden <- list(time = time, event = event, treated = treated, score = score)
h <- 12

# Treatment-by-score interaction, per standard deviation (of these patients, n in its denominator)
data$z <- (score - mean(score)) / sqrt(mean((score - mean(score))^2))
cox <- coxph(Surv(time, event) ~ treated * z, data, ties = "efron", control = coxph.control(eps = 1e-11))
golden$interaction <- list(coefficients = unname(coef(cox)), limits = unname(exp(confint(cox))),
                           z = unname(summary(cox)$coefficients[3, "z"]),
                           p = unname(summary(cox)$coefficients[3, "Pr(>|z|)"]))

# Pseudo-observations within arms: prodlim's jackknife of survival; restricted means left one out by one
pseudo <- function(rows, quantity) {
  mine <- data[rows, ]
  if (quantity == "survival") {
    return(as.vector(jackknife(prodlim(Hist(time, event) ~ 1, mine), times = h)))
  }
  mean_months <- function(d) unname(summary(survfit(Surv(time, event) ~ 1, d), rmean = h)$table["rmean"])
  k <- nrow(mine)
  sapply(seq_len(k), function(i) k * mean_months(mine) - (k - 1) * mean_months(mine[-i, ]))
}
for (quantity in c("survival", "rmst")) {
  values <- numeric(n)
  for (side in 0:1) values[treated == side] <- pseudo(treated == side, quantity)
  golden[[paste0("pseudo_", quantity)]] <- values
}

# Ranks of a predicted benefit, the more the higher the score, a few of them tied
predicted <- round(score, 1)
rank01 <- (rank(predicted) - 0.5) / n
golden$predicted <- predicted
golden$rank <- rank01

# C-for-benefit of van Klaveren et al. 2018: patients of equal rank within their arms are pairs. Where observed
# benefits differ by one or not at all (no control patient is event-free here), it is Hmisc's concordance index.
free <- ifelse(treated == 1, as.numeric(time > 9), 0)
first <- which(treated == 1)[order(rank01[treated == 1])]
second <- which(treated == 0)[order(rank01[treated == 0])]
matched <- (rank01[first] + rank01[second]) / 2
golden$free <- free
golden$c_two_values <- unname(Hmisc::rcorr.cens(matched, free[first] - free[second])["C Index"])
# With values of any size a couple of pairs counts by how far it is apart; counted one by one
pairwise <- function(predicted, observed, weight = rep(1, length(observed))) {
  agree <- size <- 0
  for (i in seq_along(observed)) for (j in seq_along(observed)) {
    apart <- observed[i] - observed[j]
    both <- weight[i] * weight[j]
    size <- size + both * abs(apart)
    agree <- agree + both * (apart * (predicted[i] > predicted[j]) - apart * (predicted[i] < predicted[j]))
  }
  (1 + agree / size) / 2
}
values <- golden$pseudo_survival
observed <- values[first] - values[second]
golden$c_for_benefit <- pairwise(matched, observed)
# Its error by the infinitesimal jackknife: how it moves when one pair weighs a little more or less
moved <- function(i, by) pairwise(matched, observed, replace(rep(1, length(observed)), i, 1 + by))
slope <- sapply(seq_along(observed), function(i) (moved(i, 1e-4) - moved(i, -1e-4)) / 2e-4)
golden$c_error <- sqrt(sum(slope^2) * length(observed) / (length(observed) - 1))

# Qini: gains summed in the order of the ranks, less those of treating at random; and its error as a mean's
share <- mean(treated)
centre <- (1 - share) * mean(values[treated == 1]) + share * mean(values[treated == 0])
gain <- ifelse(treated == 1, 1 / share, -1 / (1 - share)) * (values - centre)
each <- (rank01 - mean(rank01)) * (gain - mean(gain))
golden$qini <- mean(each)
golden$qini_error <- sd(each) / sqrt(n)

# The effect in the half with the lower score: Kaplan-Meier at and up to the horizon, and Cox
half <- data[score < median(score), ]
at <- summary(survfit(Surv(time, event) ~ treated, half), times = h)$surv
months <- summary(survfit(Surv(time, event) ~ treated, half), rmean = h)$table[, "rmean"]
ratio <- coxph(Surv(time, event) ~ treated, half, ties = "efron", control = coxph.control(eps = 1e-11))
golden$half <- list(survival_difference = at[2] - at[1], rmst_difference = unname(months[2] - months[1]),
                    hazard_ratio = unname(exp(coef(ratio))), limits = as.vector(exp(confint(ratio))))

writeLines(jsonlite::toJSON(golden, digits = 15, auto_unbox = TRUE, pretty = FALSE), file.path(folder, "benefit.json"))
