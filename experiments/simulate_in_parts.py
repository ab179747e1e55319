"""lungio simulate --chunk: a cohort of any size, written block by block while it is drawn."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.cohorts import resolve_simulated
from experiments.output import show
from experiments.progress import StageProgress
from pipeline.artifacts import claim_folder, value_digest
from pipeline.artifacts.cohort_folder import RESEARCH_USE, block_digests, column_as_json, write_json
from pipeline.artifacts.folders import new_folder
from pipeline.artifacts.parts import PartWriter
from pipeline.run.streams import stage_generator
from pipeline.schema import check_table

if TYPE_CHECKING:
    from rich.console import Console

    from synthetic_data.patients import Block


def simulate_in_parts(config: str, n: int, chunk: int, out: Path, seed: int, console: Console) -> None:
    """Draw `n` patients into a new folder whose tables are folders of Parquet files of `chunk` rows.

    Needs memory for a few blocks and one file a table, however many patients there are. The patients
    are those of ``lungio simulate`` without chunks, whatever the size of these.
    """
    from synthetic_data.cohort import draw_blocks, observed_columns, population_of
    from synthetic_data.cohort_manifest import manifest
    from synthetic_data.cohort_memory import check_disk, check_memory
    from synthetic_data.patients import BLOCK

    claim_folder(out)
    source = resolve_simulated(config, n)
    rng = stage_generator(np.random.default_rng(seed), "cohort train")
    population = population_of(source.spec, rng=rng)
    check_memory(population, min(n, chunk), "choose a smaller --chunk")
    check_disk(population, n, out)
    columns = observed_columns(population)
    arms: Counter[str] = Counter()
    with StageProgress(console) as progress, new_folder(out) as partial:
        writers = _Writers(partial, chunk)
        with closing(draw_blocks(population, n, rng, source.name)) as blocks:
            for done, block in enumerate(blocks, start=1):
                check_table(block.observed, columns, source.name)
                writers.add(block)
                arms.update(map(str, block.observed["arm"]))
                progress("draw and write", done, -(-n // BLOCK))
        rows = writers.finish()
        population.hazards.to_parquet(partial / "truth" / "hazards.parquet")
        write_json(partial / "columns.json", [column_as_json(c) for c in columns])
        facts: dict[str, Any] = {
            "research_use": RESEARCH_USE,
            "patients_are": "simulated",
            "name": source.name,
            "simulated": True,
            "patients": rows["observed"],
            "rows": rows,
            "rows_per_file": chunk,
            "arms": dict(arms),
            "control_arm": population.plan.control_arm,
            "blocks": writers.digests,
            "blocks_sha256": value_digest(writers.digests["observed"]),
            "manifest": manifest(population, n) | writers.visit_account | {"seed": seed},
        }
        write_json(partial / "manifest.json", facts)

    def draw() -> None:
        console.print(f"cohort  {out}", highlight=False, soft_wrap=True)
        for table, count in rows.items():
            console.print(f"{count:>14,} rows in {table}/", highlight=False, soft_wrap=True)
        console.print(f"sha256 of blocks  {facts['blocks_sha256']}", highlight=False, soft_wrap=True)

    told = ("simulated", "patients", "rows", "rows_per_file", "arms", "blocks_sha256")
    show(console, {"cohort": source.name, "folder": out, "seed": seed} | {k: facts[k] for k in told}, draw)


class _Writers:
    """One writer a table; a table appears with its first block."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder, self._rows = folder, rows
        self._writers: dict[str, PartWriter] = {}
        self.visit_account: dict[str, Any] = {}
        self.digests: dict[str, list[list[Any]]] = {}

    def add(self, block: Block) -> None:
        tables = {"observed": block.observed, "truth/patients": block.truth}
        if block.visits is not None:
            own = block.visits.account
            self.visit_account = {"visits": {k: v for k, v in own.items() if not k.startswith("rows")}}
            tables |= {"visits": block.visits.observed, "truth/visits": block.visits.true}
        if block.events is not None:
            tables["events"] = block.events
        for name, table in tables.items():
            if name not in self._writers:
                self._writers[name] = PartWriter(self._folder / name, self._rows)
            self._writers[name].add(table)
            if not name.startswith("truth/"):
                self.digests.setdefault(name, []).extend(block_digests(table, [len(table)]))

    def finish(self) -> dict[str, int]:
        """Write what is left and return the rows of each table."""
        for writer in self._writers.values():
            writer.finish()
        return {name: writer.written for name, writer in self._writers.items()}
