# Spread of the log hazard between institutions in advanced lung cancer: writes
# site_frailty.json beside this file; needs survival and jsonlite. Run: Rscript tests/golden/site_frailty.R
# Data: NCCTG trial of R's survival package (Loprinzi et al., J Clin Oncol 1994;12:601).
suppressMessages(library(survival))
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
patients <- lung[complete.cases(lung[, c("inst", "age", "sex", "ph.ecog")]), ]
fit <- coxph(Surv(time, status) ~ age + sex + ph.ecog + frailty(inst, distribution = "gaussian"), patients)
variance <- fit$history[[1]]$theta
out <- list(
  patients = nrow(patients), institutions = length(unique(patients$inst)),
  variance = variance, sd = sqrt(variance)
)
jsonlite::write_json(out, file.path(folder, "site_frailty.json"), digits = 10, auto_unbox = TRUE)
