"""One survival tree, grown by log-rank scores of each node; compiled, without Python's lock."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.survival_forest.codes_present import BLOCK_BYTES, copy_block, insert, listed
from pipeline.survival_forest.one_cause import LEAST_DUE, best_cut_of_one_cause, between, sum_one_cause
from pipeline.survival_forest.random_draws import below, drawn_counts

SHRINKAGE = 1.0  # events as expected that are added to a node's ratio of observed to expected events


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def grow_tree(
    bins: NDArray[np.uint8],
    by_patient: NDArray[np.uint8],
    bin_counts: NDArray[np.int64],
    code: NDArray[np.uint16],
    weight: NDArray[np.float32],
    baseline: NDArray[np.float64],
    causes: int,
    seed: np.uint64,
    draws: int,
    replace: bool,
    features_tried: int,
    fewest_in_leaf: int,
    fewest_in_split: int,
    deepest: int,
    random_cuts: bool,
    monotone: NDArray[np.int8],
) -> Any:
    """Grow one tree on rows drawn by `seed`.

    In every node the patients' log-rank scores are computed from the node's own Nelson-Aalen estimate on
    the time grid: event minus cumulative hazard (Hothorn and Lausen, Comput Stat Data Anal 2003;43:121).
    The sum of scores on one side of a cut is the numerator U = O - E of the log-rank statistic. The split
    maximises U^2 / E summed over both sides (Peto and Pike, Biometrics 1973;29:579) and over causes: E adds
    up patient by patient, and unlike the permutation variance it follows who is still at risk, on which
    accuracy depends (`benchmarks/forest_accuracy.md`). Scores belong to their node, so every node counts its
    own. Only the codes that occur in a node are visited: most nodes have few patients. Once a node's patients
    fit the processor's cache, their bins are copied side by side, and the branch below grows on the copy.

    Parameters
    ----------
    bins : array of uint8, shape (p, n)
        Bin of each value; a feature's missing code is its entry of `bin_counts`.
    by_patient : array of uint8, shape (n, p) or (0, p)
        The same, patient by patient; empty where all of `bins` fits the cache.
    code : array of uint16, shape (n,)
        Rank (knots at which at risk) plus 256 times the cause of the event, 0 when censored.
    weight : array of float32, shape (n,)
    baseline : array, shape (knots + 1,)
        Cumulative hazard of all training patients by rank; node ratios are relative to it.
    monotone : array of int8, shape (p,) or (0,)
        1 where the hazard may not fall as the feature grows, -1 where it may not rise, else 0.

    Returns
    -------
    tuple
        left, right, feature, cut, missing_left, node_weight, leaf (a node each); ratio, entries (a leaf
        each); rank, leaving, events (an entry each): who leaves each leaf at which rank, with which event.
    """
    p, n = bins.shape
    ranks = len(baseline)
    state = np.array([seed], dtype=np.uint64)
    counts = drawn_counts(state, n, draws, replace)
    m = 0
    for i in range(n):
        if counts[i] > 0 and weight[i] > 0:
            m += 1
    rows, codes = np.empty(m, dtype=np.uint32), np.empty(m, dtype=np.uint16)
    weights = np.empty(m, dtype=np.float32)
    m = 0
    for i in range(n):
        if counts[i] > 0 and weight[i] > 0:
            rows[m], codes[m], weights[m] = i, code[i], counts[i] * weight[i]
            m += 1
    right_rows, right_codes = np.empty(m, dtype=np.uint32), np.empty(m, dtype=np.uint16)
    right_weights = np.empty(m, dtype=np.float32)
    score, due = np.empty((causes, m), dtype=np.float32), np.empty((causes, m), dtype=np.float32)

    most_nodes = 2 * max(1, m // max(1, fewest_in_leaf)) + 1
    left, right = np.full(most_nodes, -1, dtype=np.int32), np.full(most_nodes, -1, dtype=np.int32)
    feature, cut = np.full(most_nodes, -1, dtype=np.int32), np.zeros(most_nodes, dtype=np.int32)
    missing_left = np.zeros(most_nodes, dtype=np.bool_)
    node_weight, leaf = np.zeros(most_nodes), np.full(most_nodes, -1, dtype=np.int32)
    most_leaves = most_nodes // 2 + 1
    ratio, entries = np.ones(most_leaves, dtype=np.float32), np.zeros(most_leaves, dtype=np.int32)
    entry_rank, entry_leaving = np.empty(m, dtype=np.uint8), np.empty(m, dtype=np.float32)
    entry_events = np.empty((m, causes), dtype=np.float32)
    nodes, leaves, written = 1, 0, 0

    leaving, events = np.zeros(ranks), np.zeros((causes, ranks))
    hazard, happened = np.empty((causes, ranks)), np.empty(causes)
    stride = 2 * causes + 1  # of each cause the scores and the events due, and rows
    sums = np.zeros(256 * stride)
    ordered = np.zeros((256, 2))
    present = np.zeros(4, dtype=np.uint64)
    ranks_here, bins_here = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int64)
    rank_count = 0
    in_block = BLOCK_BYTES // p if len(by_patient) > 0 else 0
    block, block_end = np.empty((p, in_block), dtype=np.uint8), 0
    total_left = np.empty(stride)
    tried = np.arange(p)
    constrained = len(monotone) > 0
    stack = np.empty((most_nodes + 1, 4), dtype=np.int64)
    bounds = np.empty((most_nodes + 1, 2))
    stack[0] = (0, m, 0, 0)
    bounds[0] = (0.0, np.inf)
    height = 1
    while height > 0:
        height -= 1
        start, end, depth, node = stack[height]
        lowest, highest = bounds[height]
        size = end - start
        if end > block_end and size <= in_block:  # branches are finished from left to right
            copy_block(by_patient, rows, start, end, block)
            block_end = end
        view = block if end <= block_end else bins

        for k in range(rank_count):
            leaving[ranks_here[k]] = 0.0
            events[:, ranks_here[k]] = 0.0
        for i in range(start, end):
            r, cause = codes[i] & 255, codes[i] >> 8
            insert(present, r)
            leaving[r] += weights[i]
            if cause > 0:
                events[cause - 1, r] += weights[i]
        rank_count = listed(present, ranks_here)
        everyone, observed, expected = 0.0, 0.0, 0.0
        for k in range(rank_count):
            r = ranks_here[k]
            everyone += leaving[r]
            expected += leaving[r] * baseline[r]
        for c in range(causes):
            happened[c] = 0.0
            for k in range(rank_count):
                happened[c] += events[c, ranks_here[k]]
            observed += happened[c]
        node_weight[node] = everyone
        own_ratio = min(max((observed + SHRINKAGE) / (expected + SHRINKAGE), lowest), highest)

        best, best_feature, best_cut, best_missing = 0.0, -1, 0, False
        best_left_ratio, best_right_ratio = own_ratio, own_ratio
        if size >= fewest_in_split and size >= 2 * fewest_in_leaf and depth < deepest and observed > 0:
            at_risk = everyone - leaving[0]
            hazard[:, 0] = 0.0
            before = 0
            for k in range(1 if ranks_here[0] == 0 else 0, rank_count):
                r = ranks_here[k]
                for c in range(causes):
                    step = events[c, r] / at_risk if events[c, r] > 0 else 0.0
                    hazard[c, r] = hazard[c, before] + step
                at_risk -= leaving[r]
                before = r
            for c in range(causes):
                for i in range(start, end):
                    due[c, i] = weights[i] * hazard[c, codes[i] & 255]
                    score[c, i] = (weights[i] if codes[i] >> 8 == c + 1 else 0.0) - due[c, i]

            for j in range(p):
                if j >= features_tried and best_feature >= 0:
                    break
                k = j + below(state, p - j)
                f = tried[k]
                tried[k] = tried[j]
                tried[j] = f
                column, count = view[f], bin_counts[f]
                if causes == 1:
                    seen = sum_one_cause(
                        column, rows, start, end, score[0], due[0], count, sums, present, bins_here
                    )
                else:
                    for i in range(start, end):
                        insert(present, column[rows[i]])
                        at = column[rows[i]] * stride
                        for c in range(causes):
                            sums[at + c] += score[c, i]
                            sums[at + causes + c] += due[c, i]
                        sums[at + stride - 1] += 1.0
                    seen = listed(present, bins_here)
                direction = monotone[f] if constrained else 0
                if direction != 0:
                    ordered[: count + 1] = 0.0
                    for i in range(start, end):
                        b = column[rows[i]]
                        ordered[b, 0] += weights[i] if codes[i] >> 8 > 0 else 0.0
                        ordered[b, 1] += weights[i] * baseline[codes[i] & 255]
                missing = sums[count * stride + 2 * causes]
                known = seen - 1 if missing > 0 else seen
                first, last = (bins_here[0], bins_here[known - 1]) if known > 0 else (count, -1)
                only = -1
                sides = 2 if missing > 0 else 1 if known > 1 else 0
                if random_cuts and sides > 0:  # any cut from first to last value, or missing against known
                    only = first + below(state, last - first + sides - 1) if last >= 0 else first
                if causes == 1 and direction == 0 and only < 0:
                    for side in range(sides):
                        gain, k, in_left = best_cut_of_one_cause(
                            sums, bins_here, known, count, side == 1, happened[0], size, fewest_in_leaf, best
                        )
                        if k >= 0:
                            best, best_feature, best_cut = gain, f, between(bins_here, k, known, count)
                            best_missing = side == 1 if missing > 0 else 2 * in_left > size
                    sides = 0
                for side in range(sides):
                    left_observed, left_expected = 0.0, 0.0
                    for s in range(stride):
                        total_left[s] = sums[count * stride + s] if side == 1 else 0.0
                    if direction != 0 and side == 1:
                        left_observed, left_expected = ordered[count, 0], ordered[count, 1]
                    for k in range(known):
                        b = bins_here[k]
                        following = bins_here[k + 1] if k + 1 < known else count
                        for s in range(stride):
                            total_left[s] += sums[b * stride + s]
                        if direction != 0:
                            left_observed += ordered[b, 0]
                            left_expected += ordered[b, 1]
                        elsewhere = only >= 0 and not b <= only < following
                        if elsewhere or total_left[2 * causes] < fewest_in_leaf:
                            continue
                        if size - total_left[2 * causes] < fewest_in_leaf:
                            break
                        gain = 0.0
                        for c in range(causes):
                            product = total_left[causes + c] * (happened[c] - total_left[causes + c])
                            if product > LEAST_DUE * happened[c]:
                                gain += total_left[c] * total_left[c] * happened[c] / product
                        if gain <= best:
                            continue
                        left_ratio = (left_observed + SHRINKAGE) / (left_expected + SHRINKAGE)
                        right_ratio = (observed - left_observed + SHRINKAGE) / (
                            expected - left_expected + SHRINKAGE
                        )
                        if direction != 0:
                            left_ratio = min(max(left_ratio, lowest), highest)
                            right_ratio = min(max(right_ratio, lowest), highest)
                            if direction * (right_ratio - left_ratio) < 0:
                                continue
                        best, best_feature, best_missing = gain, f, side == 1
                        best_left_ratio, best_right_ratio = left_ratio, right_ratio
                        best_cut = only if only >= 0 else between(bins_here, k, known, count)
                        if missing == 0:
                            best_missing = 2 * total_left[2 * causes] > size
                for k in range(seen):
                    sums[bins_here[k] * stride : (bins_here[k] + 1) * stride] = 0.0

        if best_feature < 0:
            leaf[node] = leaves
            ratio[leaves] = own_ratio
            for k in range(rank_count):
                r = ranks_here[k]
                entry_rank[written], entry_leaving[written] = r, leaving[r]
                for c in range(causes):
                    entry_events[written, c] = events[c, r]
                written += 1
            entries[leaves] = rank_count
            leaves += 1
            continue

        column, absent = view[best_feature], bin_counts[best_feature]
        into, aside = start, 0
        for i in range(start, end):
            row, its_code, its_weight = rows[i], codes[i], weights[i]
            b = column[row]
            goes_left = best_missing if b == absent else b <= best_cut
            rows[into], codes[into], weights[into] = row, its_code, its_weight
            right_rows[aside], right_codes[aside], right_weights[aside] = row, its_code, its_weight
            into += goes_left  # a side is written in any case: cheaper than a branch that cannot be foreseen
            aside += not goes_left
        rows[into:end] = right_rows[:aside]
        codes[into:end] = right_codes[:aside]
        weights[into:end] = right_weights[:aside]

        feature[node], cut[node], missing_left[node] = best_feature, best_cut, best_missing
        left[node], right[node] = nodes, nodes + 1
        stack[height] = (into, end, depth + 1, nodes + 1)
        stack[height + 1] = (start, into, depth + 1, nodes)
        bounds[height], bounds[height + 1] = (lowest, highest), (lowest, highest)
        if constrained and monotone[best_feature] != 0:
            middle = (best_left_ratio + best_right_ratio) / 2
            if monotone[best_feature] > 0:
                bounds[height, 0], bounds[height + 1, 1] = middle, middle
            else:
                bounds[height, 1], bounds[height + 1, 0] = middle, middle
        height += 2
        nodes += 2

    return (
        left[:nodes].copy(), right[:nodes].copy(), feature[:nodes].copy(), cut[:nodes].copy(),
        missing_left[:nodes].copy(), node_weight[:nodes].copy(), leaf[:nodes].copy(),
        ratio[:leaves].copy(), entries[:leaves].copy(),
        entry_rank[:written].copy(), entry_leaving[:written].copy(), entry_events[:written].copy(),
    )  # fmt: skip
