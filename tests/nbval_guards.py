"""Close what nbval leaves open.

nbval looks only at what a cell prints and at error messages that belong to it. So these would pass, above all
in cells tagged nbval-ignore-output: an unknown magic, a failing shell line, an exception in a thread or in a
callback, a warning nobody wrote about. A kernel that dies is noticed only when the cell's time is up.
"""

import time
from queue import Empty

import nbval.plugin
import pytest
from nbval.kernel import RunningKernel

# Run after the last cell: what still runs in the background gets the chance to fail where it is seen.
LAST_WORDS = """
import gc, threading
for thread in threading.enumerate():
    if thread is not threading.current_thread() and not thread.daemon:
        thread.join(timeout=10)
gc.collect()
"""
SHELL_EXIT = "get_ipython().user_ns.get('_exit_code', 0)"  # IPython keeps the status of the last `!line` there


class KernelDied(Exception):
    """No reply can come any more."""


class GuardedKernel(RunningKernel):
    """nbval's kernel, which also remembers each cell's reply and everything written to stderr."""

    def __init__(self, *args, **kwargs):
        self.reply = {}
        self.stderr = []
        super().__init__(*args, **kwargs)

    def execute_cell_input(self, cell_input, allow_stdin=None):
        self.reply = {}
        return self.kc.execute(
            cell_input,
            store_history=False,
            allow_stdin=allow_stdin,
            stop_on_error=False,
            user_expressions={"shell_exit": SHELL_EXIT},
        )

    def await_reply(self, msg_id, timeout=None):
        deadline = time.monotonic() + (timeout or 60)
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.get_message("shell", timeout=min(1, left))
            except Empty:
                if not self.is_alive():
                    raise KernelDied from None
                continue
            if message["parent_header"].get("msg_id") == msg_id:
                self.reply = message["content"]
                return
        raise Empty

    def get_message(self, stream, timeout=None):
        message = super().get_message(stream, timeout)
        # Any cell's stderr: a thread writes under the cell that started it, long after that cell ended.
        if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
            self.stderr.append(message["content"]["text"])
        return message

    def take_stderr(self):
        text, self.stderr = "".join(self.stderr), []
        return text


def pytest_configure():
    nbval.plugin.RunningKernel = GuardedKernel


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not isinstance(item, nbval.plugin.IPyNbCell):
        return (yield)
    kernel = item.parent.kernel
    try:
        result = yield
    except KernelDied:
        item.parent.timed_out = True  # nbval then expects the cells below to fail: one report is enough
        item.raise_cell_error("The kernel died while it ran this cell")
    except Exception:
        kernel.take_stderr()  # belongs to this failure, not to the next cell
        raise
    check_cell(item, kernel)
    return result


def check_cell(item, kernel):
    status = kernel.reply.get("status")
    may_raise = item.options["check_exception"]
    if status == "error" and not may_raise:
        item.raise_cell_error(f"{kernel.reply['ename']}: {kernel.reply['evalue']}")
    if status == "ok" and may_raise:
        item.raise_cell_error("The cell is tagged raises-exception and raised nothing")
    shell_exit = kernel.reply.get("user_expressions", {}).get("shell_exit", {})
    text = shell_exit.get("data", {}).get("text/plain", "0")
    if text != "0":
        item.raise_cell_error(f"A shell line ended with exit status {text}")
    if stderr := kernel.take_stderr():
        item.raise_cell_error("The cell, or something it left running, wrote to stderr", stderr)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item, nextitem):
    is_cell = isinstance(item, nbval.plugin.IPyNbCell)
    is_last = is_cell and (nextitem is None or nextitem.parent is not item.parent)
    problem = last_words(item.parent.kernel) if is_last else ""
    result = yield
    if problem:
        pytest.fail(f"After the last cell of {item.parent.path.name}:\n{problem}", pytrace=False)
    return result


def last_words(kernel):
    """What went wrong in the background after the last cell, or the empty string."""
    if kernel is None or not kernel.is_alive():
        return "" if kernel is None or kernel.reply == {} else "the kernel died"
    message_id = kernel.execute_cell_input(LAST_WORDS)
    try:
        kernel.await_reply(message_id, timeout=30)
        kernel.await_idle(message_id, timeout=5)
    except KernelDied:
        return "the kernel died"
    except Empty:
        return "the kernel did not come to rest"
    return kernel.take_stderr()
