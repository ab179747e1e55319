"""The report in a real browser: silent, readable, narrow, by keyboard, sorted and printed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.browser import chromium, console_errors, missing_browser, picture, requests, resize, show

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_browser()), reason=missing_browser() or "there is a browser"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of selenium, about sockets it leaves to the end
]

# WCAG 2.2, success criterion 1.4.3 (level AA): 4.5 to 1, of large text 3 to 1.
CONTRAST = """
const parse = (c) => { const v = c.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
const lum = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (e) => { const layers = [];
  for (let at = e; at; at = at.parentElement) {
    const c = parse(getComputedStyle(at).backgroundColor); layers.push(c); if (c[3] === 1) break; }
  const root = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, c) => over(c, below), root); };
document.querySelectorAll("details").forEach((d) => { d.open = true; });
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bad = []; let seen = 0;
for (let node; (node = walk.nextNode());) {
  const e = node.parentElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  if (!node.textContent.trim() || !box.width || ["SCRIPT", "STYLE"].includes(e.tagName)) continue;
  const ground = behind(e), ink = over(parse(style.color), ground);
  const [a, b] = [lum(ink), lum(ground)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  seen += 1;
  if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${node.textContent.trim().slice(0, 40)}`);
}
return [seen, [...new Set(bad)]];
"""  # noqa: E501 - a script in another language
TOO_WIDE = """
const panes = ".scroll, .picture, pre";
const inside = (e) => e.closest(panes + ", svg") !== null && !e.matches(panes);
return [...document.body.querySelectorAll("*")].filter((e) => !inside(e) && !e.matches(".skip")
  && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => `${e.tagName}.${e.className}`);
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def address(reported: Path) -> str:
    return (reported / "report.html").as_uri()


def test_it_opens_in_silence_and_asks_no_host(browser: Any, address: str) -> None:
    show(browser, address)
    assert console_errors(browser) == []
    asked = requests(browser)
    assert asked[0] == address
    assert all(url.startswith("data:") for url in asked[1:])
    figures = browser.execute_script(
        "return [...document.images].map((i) => [i.alt, i.complete && i.naturalWidth > 200]);"
    )
    assert len(figures) >= 15
    assert all(alt and drawn for alt, drawn in figures)


def test_the_check_above_can_fail(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "loud.html"
    page.write_text(
        "<!doctype html><title>x</title><body><img src='http://127.0.0.1:9/x.png'>"
        "<p style='color:#999;background:#fff'>pale</p><div style='width:2000px'>wide</div>"
        "<script>console.error('a fault')</script>"
    )
    show(browser, page.as_uri(), width=400)
    assert any("a fault" in line for line in console_errors(browser))
    assert "http://127.0.0.1:9/x.png" in requests(browser)
    assert len(browser.execute_script(CONTRAST)[1]) == 1
    assert "DIV." in browser.execute_script(TOO_WIDE)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(browser: Any, address: str, dark: bool) -> None:
    show(browser, address, dark=dark)
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == dark  # the scheme asked for is the one shown
    seen, pale = browser.execute_script(CONTRAST)
    assert seen > 500
    assert pale == []


def test_nothing_sticks_out_at_400_pixels_and_wide_tables_scroll_inside(browser: Any, address: str) -> None:
    show(browser, address, width=400)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width == 400
    assert browser.execute_script(TOO_WIDE) == []
    scrolled = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
        ".map((e) => [e.tabIndex, getComputedStyle(e).overflowX]);"
    )
    assert scrolled
    assert all(pane == [0, "auto"] for pane in scrolled)  # and a keyboard reaches each
    size = browser.execute_script(
        "return parseFloat(getComputedStyle(document.querySelector('td')).fontSize)"
    )
    assert size >= 12


OVERLAPPING = """
return [...document.querySelectorAll('.scroll tr')].flatMap((row) => {
  const boxes = [...row.cells].filter((c) => c.offsetParent).map((c) => c.getBoundingClientRect());
  return boxes.slice(1).filter((b, k) => b.left < boxes[k].right - 1).map((b) => row.innerText.slice(0, 60));
});
"""


@pytest.mark.parametrize("width", [1280, 700, 400])
def test_no_column_of_a_table_covers_another(browser: Any, address: str, width: int) -> None:
    show(browser, address, width=width)
    assert browser.execute_script("return document.querySelectorAll('.scroll th.shaded').length")
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; });")
    assert browser.execute_script(OVERLAPPING) == []
    stuck = (
        "document.head.append(Object.assign(document.createElement('style'), {textContent: arguments[0]}))"
    )
    browser.execute_script(stuck, ".scroll .shaded { position: sticky; right: 0; }")  # the twin
    assert bool(browser.execute_script(OVERLAPPING)) == (width < 1280)


def test_a_keyboard_reaches_everything_and_sees_where_it_is(browser: Any, address: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show(browser, address)
    press = ActionChains(browser)
    press.send_keys(Keys.TAB).perform()
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert skip.rect["x"] >= 0  # it shows itself when reached
    skip.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.activeElement.tagName") == "MAIN"
    wanted = browser.execute_script(
        "return [...document.querySelectorAll('main button, main summary, main a[href]')]"
        ".filter((e) => e.checkVisibility()).length"
    )
    found, unseen = set(), []
    for _ in range(3 * wanted):
        press.send_keys(Keys.TAB).perform()
        name, outline, kind = browser.execute_script(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "window.order ??= new Map(); if (!window.order.has(e)) window.order.set(e, window.order.size);"
            "return [window.order.get(e), s.outlineStyle + ' ' + s.outlineWidth, e.tagName];"
        )
        if kind == "BODY" or name in found:
            break
        found.add(name)
        if "none" in outline or outline.endswith(" 0px"):
            unseen.append(kind)
    assert len(found) >= wanted > 20
    assert unseen == []


def test_a_table_is_sorted_by_key_both_ways_and_gaps_stay_last(browser: Any, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    show(browser, address)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    table = browser.execute_script(
        "return [...document.querySelectorAll('table.sortable')].find((t) => t.textContent.includes('Cox'))"
    )
    column = "return [...arguments[0].tBodies[0].rows].map((r) => r.cells[1].textContent)"

    def values() -> list[float]:
        return [float(x.split()[0][:5]) for x in browser.execute_script(column, table) if x not in ("", "–")]

    before = values()
    button = table.find_elements("css selector", "th button")[1]
    button.send_keys(Keys.ENTER)
    rising = values()
    state = "return arguments[0].tHead.rows[0].cells[1].getAttribute('aria-sort')"
    assert browser.execute_script(state, table) == "ascending"
    button.send_keys(Keys.ENTER)
    falling = values()
    assert browser.execute_script(state, table) == "descending"
    assert rising == sorted(before)
    assert falling == sorted(before, reverse=True)
    assert before not in (rising, falling)
    grouped = browser.execute_script(
        "return document.querySelectorAll('table:not(.sortable) tr.group').length"
    )
    assert grouped > 0  # table one keeps its sections


def test_it_prints_on_white_without_navigation_and_with_all_that_was_folded(
    browser: Any, address: str
) -> None:
    show(browser, address, dark=True)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    look = browser.execute_script(
        "return [getComputedStyle(document.body).backgroundColor,"
        "getComputedStyle(document.querySelector('nav')).display]"
    )
    assert look == ["rgb(255, 255, 255)", "none"]
    folded = "return document.querySelectorAll('details:not([open])').length"
    before = browser.execute_script(folded)
    assert before > 0
    browser.execute_script(
        "window.openWhilePrinting = null; addEventListener('beforeprint', () => {"
        "window.openWhilePrinting = document.querySelectorAll('details:not([open])').length; })"
    )
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
    assert browser.execute_script("return window.openWhilePrinting") == 0
    assert browser.execute_script(folded) == before


def test_a_picture_of_the_page_is_written(browser: Any, address: str, tmp_path: Path) -> None:
    show(browser, address)
    resize(browser, 800, 600)
    assert picture(browser, tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
