"""Runs and cohorts on disk: written whole or not at all, never overwritten."""

from pipeline.artifacts.cohort_folder import (
    RESEARCH_USE,
    column_from_json,
    describe_cohort,
    load_cohort,
    save_cohort,
    write_json,
)
from pipeline.artifacts.digests import file_digest, folder_digest, table_digest, value_digest
from pipeline.artifacts.folders import claim_folder, new_folder, plain_os_error, replace_file
from pipeline.artifacts.run_folder import (
    RunView,
    git_commit,
    library_versions,
    load_run,
    save_run,
    update_facts,
)

__all__ = [
    "RESEARCH_USE",
    "RunView",
    "claim_folder",
    "column_from_json",
    "describe_cohort",
    "file_digest",
    "folder_digest",
    "git_commit",
    "library_versions",
    "load_cohort",
    "load_run",
    "new_folder",
    "plain_os_error",
    "replace_file",
    "save_cohort",
    "save_run",
    "table_digest",
    "update_facts",
    "value_digest",
    "write_json",
]
