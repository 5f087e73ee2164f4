"""Start a real JupyterLab and drive it in Chromium: its token on, this computer only, nobody's settings."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import nbformat
from playwright.sync_api import ConsoleMessage, Locator, Page

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KERNEL_READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""
RUN_ALL = """() => {
    window.courseRanAll = false;
    window.jupyterapp.commands.execute("notebook:run-all-cells").finally(() => { window.courseRanAll = true; });
}"""
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
SET_SOURCE = """code => {
    window.jupyterapp.shell.currentWidget.content.model.cells.get(0).sharedModel.setSource(code);
}"""
EXECUTE = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    let printed = "";
    future.onIOPub = message => {
        if (message.header.msg_type === "stream") printed += message.content.text;
        if (message.header.msg_type === "error") printed += message.content.traceback.join("\\n");
    };
    await future.done;
    return printed;
}"""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"  # a dialog that asks to fetch news


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def chromium_args() -> list[str]:
    args = ["--disable-background-networking"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        args.append("--no-sandbox")  # Chromium's sandbox refuses to run as root, as in many containers
    return args


@contextmanager
def running_lab(root: Path, home: Path, environment: dict[str, str] | None = None):
    """JupyterLab with `root` as its top folder; yields the address that opens it, token included."""
    config = home / "config"
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={root}"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        "--LabApp.expose_app_in_browser=True",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    settings = {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(home / "ipython"),
        **(environment or {}),
    }
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=os.environ | settings, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield f"http://127.0.0.1:{port}/lab?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


class Notebook:
    """One notebook open in one page."""

    def __init__(self, page: Page, lab: str, path: str):
        self.page = page
        self.console: list[str] = []
        page.set_default_timeout(200_000)  # for a computer that has other things to do too
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error.stack or error}"))
        page.goto(lab.replace("/lab?", "/lab/tree/" + path + "?reset&"))
        self._opened()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _opened(self) -> None:
        """Wait until the notebook can be worked with."""
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self.page.wait_for_function(KERNEL_READY)  # cells run before that are dropped in silence
        self._splash_gone()

    def _splash_gone(self) -> None:
        """Wait until the loading screen is gone: shown again before that, JupyterLab takes it away twice and fails."""
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def run_all(self) -> None:
        """Run every cell and wait for the last one, or for the first that fails: see errors() and not_run()."""
        self.page.evaluate(RUN_ALL)
        self.wait()

    def wait(self) -> None:
        """Wait until the cells that were started have ended."""
        self.page.wait_for_function("() => window.courseRanAll")
        # The indicator has no size while idle: ask whether it is there, not whether it is visible.
        self.page.wait_for_selector(IDLE, state="attached")

    def cells(self) -> list[dict]:
        """Every cell's id, execution count and outputs, as the page holds them."""
        return self.page.evaluate(
            "() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells, cell => cell.toJSON())"
        )

    def content(self) -> nbformat.NotebookNode:
        """The notebook as the page holds it."""
        return nbformat.from_dict({"cells": self.cells(), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    def errors(self) -> list[str]:
        """Cells that ended in an error, by id."""
        return [
            f"{cell['id']}: {output['ename']}: {output['evalue']}"
            for cell in self.cells()
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]

    def not_run(self) -> list[str]:
        """Code cells that have something in them and were not run, by id."""
        return [
            cell["id"]
            for cell in self.cells()
            if cell["cell_type"] == "code"
            and "".join(cell["source"]).strip()
            and cell["execution_count"] is None
        ]

    def show(self, code: str) -> Locator:
        """Run `code` in the first cell; return its output area once the cell has ended."""
        self.begin(code)
        self.wait()
        assert self.errors() == [], self.errors()
        return self.page.locator(".jp-Notebook .jp-Cell").first.locator(".jp-Cell-outputArea")

    def seconds_to_show(self, code: str, selector: str) -> float:
        """How long until `selector` is seen after the cell was started; the least of three, since others work too."""
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            self.show(code).locator(selector).wait_for()
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    def begin(self, code: str) -> None:
        """Start `code` in the first cell and do not wait for its end."""
        self.page.evaluate(SET_SOURCE, code)
        self.page.evaluate(RUN_ALL)

    def reload(self) -> None:
        """Save the notebook and load the page again; the kernel lives on."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        self.page.reload()
        self._opened()

    def python(self, code: str) -> str:
        """Run `code` in the notebook's kernel, beside the cells, and return what it printed."""
        return self.page.evaluate(EXECUTE, code)

    def theme(self, dark: bool) -> None:
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name
        )
        self.page.wait_for_selector(f"body[data-jp-theme-light={'false' if dark else 'true'}]", state="attached")
        self._splash_gone()

    def serious_faults(self, selector: str) -> list[str]:
        """What axe-core finds serious or critical for people with disabilities inside `selector`."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("selector => window.axe.run(selector)", selector)
        return [
            f"{fault['id']}: {node['html']}: {node['failureSummary']}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def close(self) -> None:
        """Shut the kernel down: the next notebook gets the memory and the cores."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.context.close()
