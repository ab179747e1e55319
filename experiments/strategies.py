"""Which published strategies address a deficit: trials of the register, negative ones as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.mechanism import DEFICITS

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_data.evidence import Register


def strategies(register: Register) -> pd.DataFrame:
    """Return, for each deficit, trials with an arm of agents that are meant to address it.

    Returns
    -------
    DataFrame
        `deficit`, `trial`, `setting`, `agents` (classes that address it), `endpoint`, `hazard_ratio`, `low`,
        `high` (of that arm against one without those agents, whole trial, overall survival where published)
        and `reading`: "better", "worse" or "no difference shown" by the interval; "no control arm" where
        nothing was compared.
    """
    import pandas as pd

    rows = []
    for name, deficit in DEFICITS.items():
        wanted = set(deficit.classes)
        for trial in register.trials.values():
            with_agents = {
                a.id: sorted(wanted & set(a.classes)) for a in trial.arms if wanted & set(a.classes)
            }
            if not with_agents or not trial.lung:
                continue
            agents = ", ".join(sorted({c for classes in with_agents.values() for c in classes}))
            found = _contrast(trial, set(with_agents))
            rows.append((name, trial.id, trial.setting, agents, *found))
    names = ["deficit", "trial", "setting", "agents", "endpoint", "hazard_ratio", "low", "high", "reading"]
    return pd.DataFrame(rows, columns=names)


def _contrast(trial: object, arms: set[str]) -> tuple[str, float, float, float, str]:
    nan = float("nan")
    for endpoint in ("OS", "PFS", "EFS", "DFS"):
        for readout in reversed(trial.main_readouts(endpoint)):  # type: ignore[attr-defined]
            contrast, ratio = readout.contrast, readout.hazard_ratio
            if contrast is None or ratio is None or ratio.interval is None or contrast.kind != "treatment":
                continue
            if contrast.experimental in arms and contrast.control not in arms:
                low, high = ratio.interval
                reading = "better" if high < 1 else "worse" if low > 1 else "no difference shown"
                return endpoint, ratio.estimate, low, high, reading
    return "", nan, nan, nan, "no control arm"
