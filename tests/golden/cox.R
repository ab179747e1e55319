# Golden values of ridge Cox regression and the Kaplan-Meier curve. Writes cox.json beside this file, data
# included; needs survival and jsonlite. Run: Rscript tests/golden/cox.R
suppressMessages(library(survival))
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

set.seed(7)
n <- 160
x1 <- rnorm(n)
x2 <- rbinom(n, 1, 0.4)
x3 <- 0.6 * x1 + rnorm(n)
latent <- rexp(n) / (0.05 * exp(0.7 * x1 - 0.5 * x2))
follow_up <- runif(n, 5, 30)
time <- pmax(ceiling(pmin(latent, follow_up)), 1)            # months: many ties
event <- as.integer(latent <= follow_up)
z <- scale(cbind(x1, x2, x3))                                # sd with n - 1, as lifelines

golden <- list(time = time, event = event, x = cbind(x1, x2, x3), standardised = unclass(z)[, 1:3])
at <- c(3, 6, 12, 18)
golden$months <- at
plain <- coxph(Surv(time, event) ~ x1 + x2 + x3, ties = "efron")
golden$coefficients <- unname(coef(plain))
golden$log_likelihood <- plain$loglik
curve <- survfit(plain, newdata = data.frame(x1 = 1, x2 = 0, x3 = -0.5), stype = 2, ctype = 1)
golden$survival_breslow <- summary(curve, times = at)$surv   # Efron's coefficients, Breslow's hazard
theta <- 8                                                   # penalty theta / 2 * sum(beta^2)
control <- coxph.control(eps = 1e-12, iter.max = 100)
ridged <- coxph(Surv(time, event) ~ ridge(z[, 1], z[, 2], z[, 3], theta = theta, scale = FALSE),
                ties = "efron", control = control)
golden$theta <- theta
golden$ridge_coefficients <- unname(coef(ridged))
km <- survfit(Surv(time, event) ~ 1)
golden$km <- summary(km, times = at)$surv

writeLines(jsonlite::toJSON(golden, digits = 15, auto_unbox = TRUE), file.path(folder, "cox.json"))
