"""A survival tree in plain Python, from the definitions: log-rank tables, every cut, no scores, no bins."""

import numpy as np


def log_rank_table(time, event):
    """Return event times, who is at risk at each and who has the event, (times, n)."""
    knots = np.unique(time[event])
    return knots, time >= knots[:, None], event & (time == knots[:, None])


def log_rank_numerator(time, event, left):
    """Observed less expected events on the left, summed over event times."""
    _, at_risk, happened = log_rank_table(time, event)
    expected = happened.sum(axis=1) * (at_risk & left).sum(axis=1) / at_risk.sum(axis=1)
    return ((happened & left).sum(axis=1) - expected).sum()


def nelson_aalen(time, event, at):
    """Cumulative hazard at each of `at`."""
    knots, at_risk, happened = log_rank_table(time, event)
    steps = happened.sum(axis=1) / at_risk.sum(axis=1)
    return (steps[:, None] * (knots[:, None] <= at)).sum(axis=0)


def split_statistic(time, event, left):
    """Squared observed less expected over expected events, summed over both sides (Peto and Pike 1973)."""
    expected = event[left].sum() - log_rank_numerator(time, event, left)
    both = np.array([expected, event.sum() - expected])
    return (log_rank_numerator(time, event, left) ** 2 / both).sum() if both.min() > 1e-6 else 0.0


def best_split(x, time, event, fewest):
    """Return (statistic, feature, left) of the best cut, missing tried on both sides; None without one."""
    found = None
    for feature in range(x.shape[1]):
        values = x[:, feature]
        absent = np.isnan(values)
        for cut in np.unique(values[~absent]):
            sides = [values <= cut]
            if absent.any():
                sides.append(sides[0] | absent)
            for left in sides:
                if min(left.sum(), (~left).sum()) < fewest:
                    continue
                statistic = split_statistic(time, event, left)
                if statistic > 0 and (found is None or statistic > found[0] * (1 + 1e-9)):
                    found = (statistic, feature, left)
    return found


def grow(x, time, event, fewest, rows=None):
    """Return the tree as nested (feature, left, right); a leaf is its rows."""
    rows = np.arange(len(x)) if rows is None else rows
    split = None
    if len(rows) >= 2 * fewest and event[rows].any():
        split = best_split(x[rows], time[rows], event[rows], fewest)
    if split is None:
        return tuple(rows.tolist())
    _, feature, left = split
    return (feature, grow(x, time, event, fewest, rows[left]), grow(x, time, event, fewest, rows[~left]))
