"""A run folder as an executed notebook and one self-contained HTML page."""

from pipeline.report.render import (
    NOTEBOOK,
    PAGE,
    as_page,
    blank_notebook,
    execute,
    make_report,
    report_files,
)

__all__ = ["NOTEBOOK", "PAGE", "as_page", "blank_notebook", "execute", "make_report", "report_files"]
