# Writes nearest_correlation.json: nearest correlation matrices by Matrix::nearPD (Higham 2002).
# Run from the repository's root: Rscript tests/golden/nearest_correlation.R
library(Matrix)
cases <- list(
  higham = matrix(c(1, 1, 0, 1, 1, 1, 0, 1, 1), 3),
  four = matrix(c(
    1, 0.9, -0.8, 0.3,
    0.9, 1, 0.7, -0.6,
    -0.8, 0.7, 1, 0.5,
    0.3, -0.6, 0.5, 1
  ), 4),
  positive = matrix(c(1, 0.3, 0.1, 0.3, 1, -0.2, 0.1, -0.2, 1), 3)
)
out <- lapply(cases, function(x) {
  near <- nearPD(x, corr = TRUE, do2eigen = FALSE, conv.tol = 1e-12, maxit = 10000, eig.tol = 1e-12)
  list(target = x, nearest = as.matrix(near$mat))
})
jsonlite::write_json(out, "tests/golden/nearest_correlation.json", digits = 10, pretty = TRUE)
