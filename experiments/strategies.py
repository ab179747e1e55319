"""Which published strategies address a deficit: trials of the register, negative ones as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pipeline.immune_mechanisms import deficits

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_data.evidence import Register

TRIAL_COLUMNS: Final = (
    "trial", "setting", "agents", "endpoint", "hazard_ratio", "low", "high", "reading",
)  # fmt: skip


def strategies(register: Register) -> pd.DataFrame:
    """Return, for each deficit, trials with an arm of agents that are meant to address it.

    Returns
    -------
    DataFrame
        `deficit`, `trial`, `setting`, `agents` (classes that address it), `endpoint`, `hazard_ratio`, `low`,
        `high` (of that arm against one without those agents, whole trial, overall survival where published)
        and `reading`: "better", "worse" or "no difference shown" by the interval; "no control arm" or
        "no hazard ratio published" where nothing can be read.
    """
    import pandas as pd

    rows = [
        (name, *row)
        for name, deficit in deficits().items()
        for row in trials_of(register, set(deficit.classes))
    ]
    return pd.DataFrame(rows, columns=["deficit", *TRIAL_COLUMNS])


def trials_of(
    register: Register, wanted: set[str]
) -> Iterator[tuple[str, str, str, str, float, float, float, str]]:
    """Yield, as TRIAL_COLUMNS, every trial of lung cancer with an arm of agents of the classes `wanted`."""
    for trial in register.trials.values():
        with_agents = {a.id: sorted(wanted & set(a.classes)) for a in trial.arms if wanted & set(a.classes)}
        if not with_agents or not trial.lung:
            continue
        agents = ", ".join(sorted({c for classes in with_agents.values() for c in classes}))
        found = _contrast(trial, set(with_agents))
        if found is None:
            nan, alone = float("nan"), len(with_agents) == len(trial.arms)
            found = "", nan, nan, nan, "no control arm" if alone else "no hazard ratio published"
        yield trial.id, trial.setting, agents, *found


def _contrast(trial: object, arms: set[str]) -> tuple[str, float, float, float, str] | None:
    for endpoint in ("OS", "PFS", "EFS", "DFS"):
        for readout in reversed(trial.main_readouts(endpoint)):  # type: ignore[attr-defined]
            contrast, ratio = readout.contrast, readout.hazard_ratio
            if contrast is None or ratio is None or ratio.interval is None or contrast.kind != "treatment":
                continue
            if contrast.experimental in arms and contrast.control not in arms:
                low, high = ratio.interval
                reading = "better" if high < 1 else "worse" if low > 1 else "no difference shown"
                return endpoint, ratio.estimate, low, high, reading
    return None
