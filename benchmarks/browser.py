"""Headless Chromium for tests and screenshots: what a page asks for, says on its console and looks like."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 1280, 900


def missing_browser() -> str:
    """Return why no page can be opened here; empty when one can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed (it is part of the dev extra)"
    if shutil.which("chromedriver") is None or not any(map(shutil.which, ("chromium", "google-chrome"))):
        return "chromium and chromedriver are not installed (Debian: apt install chromium-driver)"
    return ""


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a WebDriver of the installed Chromium, which writes to a scratch folder and seeks no updates."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    with tempfile.TemporaryDirectory(prefix="lungio-browser-", ignore_cleanup_errors=True) as scratch:
        for flag in (
            "headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "no-first-run",
            "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars",
            "force-color-profile=srgb", f"window-size={WIDTH},{HEIGHT}", f"user-data-dir={scratch}",
        ):  # fmt: skip
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


def show(driver: Any, address: str, *, width: int = WIDTH, height: int = HEIGHT, dark: bool = False) -> None:
    """Open `address` in a window of `width` CSS pixels, in the light or the dark scheme."""
    resize(driver, width, height)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})
    for kind in ("browser", "performance"):
        driver.get_log(kind)  # what earlier pages said
    driver.get(address)


def resize(driver: Any, width: int, height: int) -> None:
    """Give the page a view of `width` by `height` CSS pixels; a window cannot be as narrow as a telephone."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def console_errors(driver: Any) -> list[str]:
    """Return what the console reported as severe since the page was opened."""
    return [str(entry["message"]) for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def requests(driver: Any) -> list[str]:
    """Return every address the page asked for since it was opened, its own included."""
    found = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(str(message["params"]["request"]["url"]))
    return found


def picture(driver: Any, file: Path, *, whole: bool = False) -> Path:
    """Write what is seen, or the `whole` page, as a PNG."""
    import base64

    settings: dict[str, Any] = {"format": "png"}
    if whole:
        size = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}
        settings |= {"captureBeyondViewport": True, "clip": clip}
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", settings)
    file.write_bytes(base64.b64decode(shot["data"]))
    return file
