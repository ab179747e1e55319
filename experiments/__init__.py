"""Where cohorts and analysis meet: the lungio command and its studies."""
