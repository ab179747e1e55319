"""The page of a comparison: whole without a network, with everything that was found."""

from __future__ import annotations

import pandas as pd

from experiments.realism_page import realism_page
from pipeline.figures import new_figure, save_figure


def test_the_page_holds_findings_figures_and_tables_and_asks_nobody(tmp_path) -> None:
    picture = save_figure(new_figure(2, 2), tmp_path / "margins")[0]
    table = pd.DataFrame({"label": ["<b>Age</b>"], "ks": [0.12345]})
    page = realism_page("Real & made", "A paper", ["9 of 10"], {"margins": table}, {"margins": picture})
    assert "Real &amp; made" in page
    assert "For research only" in page
    assert "<li>9 of 10</li>" in page
    assert "0.123" in page
    assert "&lt;b&gt;Age" in page  # text of a file is never markup
    assert "src='data:image/png;base64,iVBOR" in page
    assert "http" not in page
