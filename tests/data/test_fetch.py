"""Downloads from mirrors on this machine that are slow, broken, wrong or cut off."""

import hashlib
import socket
import time

import numpy as np
import pytest

from course_utils.data import fetch
from course_utils.data.catalog import Archive

CONTENT = np.random.RandomState(0).bytes(60_000)


@pytest.fixture
def archive(mirrors):
    mirrors.files["images.gz"] = CONTENT

    def with_mirrors(*ways: str) -> Archive:
        urls = mirrors.urls("images.gz", *ways)
        return Archive("images.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), urls)

    return with_mirrors


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(fetch, "WINDOW", 0.3)
    monkeypatch.setattr(fetch, "TIMEOUTS", (1, 0.5))


def arrived(folder) -> bool:
    """The archive is there, whole, under its name, and nothing else is."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} == {"images.gz": CONTENT}


def test_the_first_mirror_that_works_is_enough(archive, mirrors, tmp_path):
    assert fetch.fetch(archive("good", "wrong"), tmp_path / "new") == tmp_path / "new" / "images.gz"
    assert arrived(tmp_path / "new") and mirrors.ways == ["good"]


def test_an_archive_that_is_there_is_not_fetched_again(archive, mirrors, tmp_path):
    (tmp_path / "images.gz").write_bytes(CONTENT)
    fetch.fetch(archive("good"), tmp_path)
    assert mirrors.ways == []
    (tmp_path / "images.gz").write_bytes(b"something else")
    fetch.fetch(archive("good"), tmp_path)
    assert arrived(tmp_path) and mirrors.ways == ["good"]


@pytest.mark.parametrize("way", ["error", "wrong", "html", "short", "stalls"])
def test_after_a_broken_mirror_comes_the_next(archive, mirrors, tmp_path, way):
    fetch.fetch(archive(way, "good"), tmp_path)
    assert arrived(tmp_path) and mirrors.ways == [way, "good"]


@pytest.mark.parametrize("way", ["chunked", "gzip", "norange"])
def test_servers_have_their_ways(archive, mirrors, tmp_path, way):
    fetch.fetch(archive(way), tmp_path)
    assert arrived(tmp_path)


def test_a_host_that_does_not_listen_is_passed_over(archive, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    working = archive("good")
    urls = (f"http://127.0.0.1:{port}/images.gz", *working.urls)
    fetch.fetch(Archive(working.name, working.sha256, working.size, urls), tmp_path)
    assert arrived(tmp_path)


def test_a_crawling_mirror_is_left_and_what_it_sent_is_kept(archive, mirrors, tmp_path):
    start = time.monotonic()
    fetch.fetch(archive("slow", "good"), tmp_path)
    assert time.monotonic() - start < 2  # the slow one alone takes three seconds
    assert arrived(tmp_path) and mirrors.ways == ["slow", "good"]
    asked = mirrors.log[1][1]
    assert asked and int(asked[6:-1]) >= 4000  # it went on where the slow one was


def test_when_all_mirrors_crawl_the_fastest_is_used_or_none(archive, mirrors, tmp_path, capsys):
    with pytest.raises(fetch.DownloadError, match=r"only \d+ kB/s"):
        fetch.fetch(archive("slow", "error"), tmp_path, patient=False)
    assert mirrors.ways == ["slow", "error"]
    fetch.fetch(archive("slow", "error"), tmp_path, patient=True)
    assert arrived(tmp_path)
    assert mirrors.ways == ["slow", "error", "slow", "error", "slow"]
    assert "All mirrors of images.gz are slow now; going on with http://127.0.0.1" in capsys.readouterr().out


def test_what_was_received_before_an_interruption_is_continued(archive, mirrors, tmp_path, monkeypatch):
    part = tmp_path / "images.gz.part"

    def interrupted(self, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch.tqdm, "update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch.fetch(archive("good"), tmp_path)
    have = part.stat().st_size
    assert 0 < have <= len(CONTENT)
    part.write_bytes(CONTENT[:25_000])
    fetch.fetch(archive("good"), tmp_path)
    assert arrived(tmp_path) and mirrors.log[-1] == ("good", "bytes=25000-")


@pytest.mark.parametrize("have", [25_000, 60_000, 70_000])
def test_a_wrong_first_part_costs_a_second_try_and_no_mirror(archive, mirrors, tmp_path, have):
    (tmp_path / "images.gz.part").write_bytes(bytes(have))
    fetch.fetch(archive("good"), tmp_path)
    assert arrived(tmp_path) and mirrors.log[-1] == ("good", None)


def test_a_server_that_cannot_continue_starts_over(archive, mirrors, tmp_path):
    (tmp_path / "images.gz.part").write_bytes(CONTENT[:25_000])
    fetch.fetch(archive("norange"), tmp_path)
    assert arrived(tmp_path) and mirrors.log == [("norange", "bytes=25000-")]


def test_if_every_mirror_fails_each_is_listed_with_its_reason(archive, mirrors, tmp_path):
    ways = ("error", "wrong", "html", "stalls", "short")
    with pytest.raises(fetch.DownloadError) as caught:
        fetch.fetch(archive(*ways), tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "no mirror delivered images.gz:"
    assert [line.strip() for line in lines[1::2]] == list(mirrors.urls("images.gz", *ways))
    reasons = [line.strip() for line in lines[2::2]]
    assert reasons[0] == "answers 503 Service Unavailable"
    assert reasons[1] == "its file has the wrong SHA-256 sum"
    assert reasons[2] == "offers 26 bytes, the archive has 60,000"
    assert reasons[3].startswith("no answer within")
    assert reasons[4] == "the connection broke off"
    assert not (tmp_path / "images.gz").exists()


def test_a_full_disk_stops_at_once(archive, mirrors, tmp_path, monkeypatch):
    def full(self, count):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch.tqdm, "update", full)  # as the file's write would
    with pytest.raises(OSError, match="No space left") as caught:
        fetch.fetch(archive("good", "good"), tmp_path)
    assert not isinstance(caught.value, fetch.DownloadError) and len(mirrors.log) == 1


def test_reachable(mirrors):
    assert fetch.reachable(("http://127.0.0.1:9/x", f"{mirrors.address}/good/x"))


def test_unreachable_is_known_soon_even_when_looking_up_a_name_hangs(monkeypatch):
    released = time.monotonic() + 2

    def hang(*_, **__):
        time.sleep(max(0, released - time.monotonic()))
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    assert not fetch.reachable(("http://mirror.invalid/x",), within=0.3)
    assert time.monotonic() - start < 1
