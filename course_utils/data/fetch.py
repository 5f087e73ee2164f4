"""Download an archive: pinned sum, several mirrors, resumed where it stopped, no crawling if avoidable."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pooch
import requests
import urllib3
from tqdm.auto import tqdm

from .catalog import Archive

TIMEOUTS = (5, 15)  # seconds to connect, seconds without a byte
SLOWEST = 150_000  # bytes a second, over WINDOW seconds; slower mirrors are left for the next one
WINDOW = 8

pooch.get_logger().setLevel("WARNING")  # its lines about temporary names would tell a student nothing


class DownloadError(OSError):
    """No mirror delivered the archive; the message lists every mirror and why it failed."""


class _Refused(Exception):
    """A mirror that does not deliver this archive."""


class _Crawling(_Refused):
    """A mirror that works but is slower than SLOWEST."""

    def __init__(self, speed: float) -> None:
        super().__init__(f"only {speed / 1000:,.0f} kB/s")
        self.speed = speed


# What can go wrong with a mirror. A full disk (OSError) is not among it: the next mirror would not help.
MIRROR_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, _Refused)


def fetch(archive: Archive, folder: Path, *, patient: bool = True) -> Path:
    """Download `archive` into `folder`, from the first mirror that works and does not crawl.

    If all that work crawl, a `patient` fetch takes the fastest of them. What an interrupted fetch has
    received is kept and continued, also from another mirror. Raises DownloadError.
    """
    failures: dict[str, str] = {}
    crawling: dict[str, float] = {}
    for url in archive.urls:
        try:
            return _retrieve(archive, url, folder, slowest=SLOWEST)
        except _Crawling as error:
            crawling[url], failures[url] = error.speed, str(error)
        except MIRROR_ERRORS as error:
            failures[url] = _reason(error)
    if patient:
        for url in sorted(crawling, key=crawling.get, reverse=True):
            print(f"All mirrors of {archive.name} are slow now; going on with {url} ({failures[url]})")
            try:
                return _retrieve(archive, url, folder, slowest=0)
            except MIRROR_ERRORS as error:
                failures[url] = _reason(error)
    raise DownloadError(
        f"no mirror delivered {archive.name}:\n"
        + "\n".join(f"  {url}\n    {reason}" for url, reason in failures.items())
    )


def reachable(urls: tuple[str, ...], within: float = 3.0) -> bool:
    """Whether any of the servers answers at all `within` so many seconds.

    Asked in threads: looking up a name can hang for longer than any timeout when there is no network.
    """
    answered = threading.Event()

    def ask(url: str) -> None:
        try:
            requests.head(url, timeout=within)
        except requests.exceptions.SSLError:
            pass  # it did answer; what is wrong with its certificate, the download will say
        except requests.RequestException:
            return
        answered.set()

    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + within
    while not answered.is_set() and time.monotonic() < end and any(thread.is_alive() for thread in threads):
        answered.wait(0.05)
    return answered.is_set()


def _retrieve(archive: Archive, url: str, folder: Path, slowest: float) -> Path:
    # pooch checks the sum of what the downloader wrote and publishes it under its name by a rename
    download = _Resuming(archive, folder / f"{archive.name}.part", slowest)
    known = f"sha256:{archive.sha256}"
    try:
        return Path(pooch.retrieve(url, known, archive.name, folder, downloader=download))
    except ValueError:
        if not download.resumed:
            raise
    # The sum is wrong, but the first part came from elsewhere: this mirror deserves a fresh start.
    return Path(pooch.retrieve(url, known, archive.name, folder, downloader=download))


class _Resuming:
    """A pooch downloader that keeps what it has received in a .part file and continues it."""

    def __init__(self, archive: Archive, part: Path, slowest: float) -> None:
        self.archive, self.part, self.slowest = archive, part, slowest
        self.resumed = False

    def __call__(self, url: str, output_file: str, _: object) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        if have > self.archive.size:
            have = 0
        if have < self.archive.size:
            # "identity": the .gz itself is wanted, not what is inside
            headers = {"Accept-Encoding": "identity"}
            if have:
                headers["Range"] = f"bytes={have}-"
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS) as response:
                response.raise_for_status()
                begins = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
                if response.status_code != 206 or not begins:
                    have = 0  # this server sends the whole file
                self._receive(response, have)
        self.resumed = have > 0
        self.part.replace(output_file)

    def _receive(self, response: requests.Response, have: int) -> None:
        total = self.archive.size
        announced = response.headers.get("Content-Length")
        if announced is not None and int(announced) != total - have:
            raise _Refused(f"offers {int(announced) + have:,} bytes, the archive has {total:,}")
        with (
            self.part.open("r+b" if have else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=self.archive.name) as bar,
        ):
            file.seek(have)
            began, received = time.monotonic(), 0
            # read1 returns with whatever has arrived, so a trickle is noticed as well
            while chunk := response.raw.read1(2**16, decode_content=False):
                have += len(chunk)
                if have > total:
                    raise _Refused(f"sends more than the {total:,} bytes that the archive has")
                file.write(chunk)
                bar.update(len(chunk))
                received += len(chunk)
                seconds = time.monotonic() - began
                if seconds >= WINDOW:
                    if received / seconds < self.slowest:
                        raise _Crawling(received / seconds)
                    began, received = time.monotonic(), 0
        if have < total:
            raise _Refused(f"the connection closed after {have:,} of {total:,} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return f"no answer within {TIMEOUTS[0]} s (connecting) or {TIMEOUTS[1]} s (receiving)"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not accepted here: {error}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection broke off"
    if isinstance(error, requests.HTTPError):
        return f"answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, ValueError) and "does not match" in str(error):  # pooch's words
        return "its file has the wrong SHA-256 sum"
    return str(error) or type(error).__name__
