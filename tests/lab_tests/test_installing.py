"""The cache and the installers' decisions, without any server."""

import threading
from pathlib import Path

import pytest

from tests.lab import commands, debian
from tests.lab.__main__ import main
from tests.lab.cache import cache_root, ensure_folder
from tests.lab.commands import InstallError, download, run
from tests.lab.ports import free_port, release_port


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAUST_CDC_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_built_once_by_parallel_callers() -> None:
    built: list[int] = []

    def build(folder: Path) -> None:
        built.append(1)
        (folder / "file").write_text("x")

    threads = [threading.Thread(target=ensure_folder, args=("thing-1", build)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert (cache_root() / "thing-1/file").read_text() == "x"


def test_a_failed_build_leaves_nothing_that_passes_for_whole() -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise InstallError("cut off")

    with pytest.raises(InstallError):
        ensure_folder("thing-1", fail)
    assert not (cache_root() / "thing-1").exists()
    folder = ensure_folder("thing-1", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_a_failing_command_is_shown_with_its_last_lines() -> None:
    with pytest.raises(InstallError, match=r"(?s)counting failed \(exit 3\).*\n40$") as caught:
        run(["sh", "-c", "seq 40; exit 3"], what="counting")
    assert "\n10\n" not in str(caught.value)


def test_a_download_is_tried_again_and_its_last_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PAUSE_S", 0.0)
    third = ["sh", "-c", "echo again >> tries; test $(wc -l < tries) -ge 3 && echo fetched"]
    assert download(third, what="fetching", cwd=tmp_path) == "fetched\n"
    with pytest.raises(InstallError, match=r"fetching failed \(exit 7\)"):
        download(["sh", "-c", "echo again >> more; exit 7"], what="fetching", cwd=tmp_path, attempts=2)
    assert (tmp_path / "more").read_text() == "again\n" * 2


def test_a_missing_program_is_named() -> None:
    with pytest.raises(InstallError, match="cannot run no-such-program"):
        run(["no-such-program"], what="running it")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://mirror.test/debian bookworm main\n", "http://mirror.test/debian"),
        (
            "# deb http://no.test/debian x y\ndeb [arch=amd64] https://m.test/debian/ sid main\n",
            "https://m.test/debian/",
        ),
        ("Types: deb\nURIs: http://s.test/debian-security http://m.test/debian\n", "http://m.test/debian"),
    ],
)
def test_the_mirror_is_the_machines_own(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(debian.MIRROR_VARIABLE, raising=False)
    (tmp_path / "sources.list").write_text(text)
    assert debian.debian_mirror(tmp_path) == expected


def test_without_a_debian_mirror_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(debian.MIRROR_VARIABLE, raising=False)
    (tmp_path / "sources.list").write_text("deb http://mirror.test/ubuntu noble main\n")
    with pytest.raises(InstallError, match=debian.MIRROR_VARIABLE):
        debian.debian_mirror(tmp_path)


def test_an_unknown_server_name_is_answered_with_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "oracle"]) == 2
    assert "unknown oracle; known: mariadb" in capsys.readouterr().err


def test_ports_are_not_given_twice() -> None:
    ports = [free_port() for _ in range(50)]
    try:
        assert len(set(ports)) == 50
    finally:
        for port in ports:
            release_port(port)
