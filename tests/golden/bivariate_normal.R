# Writes bivariate_normal.json: P(X > a, Y > b) of standard normals by mvtnorm::pmvnorm.
# Run from the repository's root: Rscript tests/golden/bivariate_normal.R
library(mvtnorm)
grid <- expand.grid(a = c(-1.5, 0, 0.7), b = c(-0.4, 1.2), rho = c(-0.95, -0.3, 0, 0.5, 0.9))
grid$both <- mapply(function(a, b, rho) {
  pmvnorm(lower = c(a, b), upper = Inf, corr = matrix(c(1, rho, rho, 1), 2), algorithm = TVPACK())
}, grid$a, grid$b, grid$rho)
jsonlite::write_json(grid, "tests/golden/bivariate_normal.json", digits = 12)
