"""Compares the table with the page of a stock JupyterLab, for when the pinned version moves.

jupyter lab --no-browser --expose-app-in-browser
python -m tests.contract.stock "http://127.0.0.1:8888/lab?token=..."
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass

from playwright.sync_api import sync_playwright

from plughost.testing import CHROMIUM_FLAGS, chromium

from .table import rows

STARTED = "() => window.jupyterapp?.restored.then(() => true)"

# The registry, not `info.availablePlugins`: that list is made before the
# plugin for mime documents is added.
PLUGINS = "() => window.jupyterapp.listPlugins()"

KEYS = "() => Object.keys(JSON.parse(document.getElementById('jupyter-config-data').textContent))"


@dataclass(frozen=True)
class StockPage:
    """What a stock page holds, as ids of the table."""

    plugins: list[str]
    page_config: list[str]


def open_stock_page(url: str) -> StockPage:
    """Start the page in a browser of its own and read it once its layout is restored."""
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=CHROMIUM_FLAGS
        )
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function(STARTED, timeout=60_000)
        stock = StockPage(page.evaluate(PLUGINS), page.evaluate(KEYS))
        browser.close()
        return stock


def differences(stock: StockPage) -> list[str]:
    """One line per id that the table lacks (+), and per plugin that the page lacks (-).

    A page-config key that the page lacks is no difference: many depend on the request.
    """
    plugins = {row.id for row in rows("plugins")}
    keys = {row.id for row in rows("page_config")}
    return [
        *(f"+ plugins.csv: {id_}" for id_ in sorted(set(stock.plugins) - plugins)),
        *(f"- plugins.csv: {id_}" for id_ in sorted(plugins - set(stock.plugins))),
        *(f"+ page_config.csv: {key}" for key in sorted(set(stock.page_config) - keys)),
    ]


if __name__ == "__main__":
    print("\n".join(differences(open_stock_page(sys.argv[1]))) or "No difference.")
