# Rscript forest_peers.R LIBRARY:RULE TRAIN.csv TEST.csv RISK.csv; columns x0, x1, ..., time, event.
# Prints the seconds of a fit; needs r-cran-ranger, or aorsf from CRAN under R 4.3 or later.
arguments <- commandArgs(TRUE)
method <- strsplit(arguments[1], ":")[[1]]
if (!requireNamespace(method[1], quietly = TRUE)) quit(status = 3)
suppressPackageStartupMessages(library(survival))
train <- read.csv(arguments[2]); test <- read.csv(arguments[3])
if (method[1] == "ranger") {
  fit <- function() ranger::ranger(Surv(time, event) ~ ., train, num.trees = 100, min.node.size = 15,
    splitrule = method[2], num.threads = 2, seed = 1, verbose = FALSE)
  risk <- function(forest) rowSums(predict(forest, test)$chf)
} else {
  fit <- function() aorsf::orsf(train, Surv(time, event) ~ ., n_tree = 100, leaf_min_obs = 15, n_thread = 2)
  risk <- function(forest) predict(forest, test, pred_type = "mort")[, 1]
}
start <- proc.time()[3]
forest <- fit()
cat(proc.time()[3] - start, "\n")
write.csv(data.frame(risk = risk(forest)), arguments[4], row.names = FALSE)
