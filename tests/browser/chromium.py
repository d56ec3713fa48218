"""One person's browser: Debian's Chromium, without a window, with a profile that nobody shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

BROWSER = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
_PATIENCE = 90  # seconds for a page
_OPTIONS = (
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
)


class Chromium:
    """A browser, as who sits before it uses it.

    Args:
        profile: A folder for what it keeps: cookies, its own cache.

    Attributes:
        driver: Selenium's, for what isn't here.
    """

    def __init__(self, profile: Path) -> None:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service

        options = ChromeOptions()
        options.binary_location = str(BROWSER)
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses to be run by root otherwise
        for each in (*_OPTIONS, *sandbox, f"--user-data-dir={profile}"):
            options.add_argument(each)
        self.driver: Any = Chrome(options=options, service=Service(str(DRIVER)))
        self.driver.set_page_load_timeout(_PATIENCE)

    def go(self, url: str) -> None:
        """Type an address."""
        self.driver.get(url)

    def click(self, text: str) -> None:
        """Click a link or a button by its text; returns when the next page is there."""
        self._leave(self.driver.find_element("xpath", f"//a[.='{text}'] | //button[.='{text}']").click)

    def send(self, form: str = "main form", **fields: str) -> None:
        """Fill a form, and send it; returns when the next page is there."""
        found = self.driver.find_element("css selector", form)
        for name, value in fields.items():
            field = found.find_element("name", name)
            if field.tag_name != "select":
                field.clear()
            field.send_keys(value)
        self._leave(found.find_element("css selector", "button").click)

    @property
    def text(self) -> str:
        """What the page shows."""
        return str(self.driver.find_element("tag name", "body").text)

    @property
    def source(self) -> str:
        """The page's HTML."""
        return str(self.driver.page_source)

    def header(self, name: str) -> str | None:
        """A field of the answer that this browser gets if it asks for the page again."""
        script = (
            "const [name, done] = arguments;"
            "fetch(location.href).then(answer => done(answer.headers.get(name)))"
        )
        found = self.driver.execute_async_script(script, name)
        return None if found is None else str(found)

    def close(self) -> None:
        """Close it."""
        self.driver.quit()

    def _leave(self, how: Any) -> None:
        from selenium.webdriver.support.expected_conditions import staleness_of
        from selenium.webdriver.support.ui import WebDriverWait

        page = self.driver.find_element("tag name", "html")
        how()
        WebDriverWait(self.driver, _PATIENCE, 0.02).until(staleness_of(page))
