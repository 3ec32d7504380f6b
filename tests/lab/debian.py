"""Debian packages: installed with apt when we are root, or unpacked from sid into a folder of their own.

Unpacking: apt resolves the dependencies against an empty status file (so it fetches the C library too), and the
archives are unpacked side by side. Such a folder runs on an older Debian through its own dynamic loader, and touches
nothing of the machine.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.cache import locked, say
from tests.lab.commands import InstallError, download, run

MIRROR_VARIABLE = "FAUST_CDC_DEBIAN_MIRROR"
APT_FOLDER = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_state = {"updated": False}


def apt_install(packages: Sequence[str]) -> None:
    """Install packages as root, or say what to install."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise InstallError(f"please install (Debian's names): {names}")
    if os.geteuid() != 0:
        raise InstallError(f"not root, so please run: sudo apt-get install {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with locked("apt"):
        _apt_update()
        say(f"apt-get install {names}")
        download(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qy", "install", "--no-install-recommends", *packages],
            what=f"installing {names}",
            env=environment,
        )


def _apt_update() -> None:
    if not _state["updated"]:
        download(["apt-get", "-q", "update"], what="refreshing the package lists")
        _state["updated"] = True


def first_known(patterns: Sequence[str]) -> list[str]:
    """The newest package matching the first pattern that matches any; older releases put the version in the name."""
    if shutil.which("apt-cache") is None or os.geteuid() != 0:
        return [patterns[0]]
    with locked("apt"):
        _apt_update()
    for pattern in patterns:
        text = run(["apt-cache", "search", "--names-only", f"^{pattern}$"], what=f"looking for {pattern}")
        names = sorted(line.split(" ", 1)[0] for line in text.splitlines() if line)
        if names:
            return [names[-1]]
    raise InstallError(f"apt knows none of: {', '.join(patterns)}")


def debian_mirror(apt_folder: Path = APT_FOLDER) -> str:
    """The mirror of Debian's main archive, from the machine's own apt sources."""
    explicit = os.environ.get(MIRROR_VARIABLE)
    if explicit:
        return explicit
    for uri in _configured_uris(apt_folder):
        if re.search(r"/debian/?$", uri):
            return uri
    raise InstallError(
        f"no Debian mirror among the apt sources; set {MIRROR_VARIABLE} to the URL of one (it ends in /debian)"
    )


def _configured_uris(folder: Path) -> list[str]:
    uris: list[str] = []
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]:
        if not path.is_file():
            continue
        for line in path.read_text(errors="replace").splitlines():
            deb822 = re.match(r"URIs:\s*(.+)", line, re.IGNORECASE)
            one_line = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)", line)
            if deb822:
                uris.extend(deb822.group(1).split())
            elif one_line:
                uris.append(one_line.group(1))
    return uris


def unpack_from_sid(folder: Path, packages: Sequence[str], check: str, version: str) -> None:
    """Unpack `packages` and all they depend on into `folder`; package `check` must have version `version`.*."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise InstallError(f"{tool} is needed to fetch {check} {version}; this is not a Debian or Ubuntu")
    apt = folder / "apt"
    options = _private_apt(apt, "sid")
    download(["apt-get", *options, "-q", "update"], what="reading the package list of Debian sid")
    policy = run(["apt-cache", *options, "policy", check], what=f"looking for {check}")
    match = re.search(r"Candidate: (?:\d+:)?(\S+)", policy)
    if match is None or not match.group(1).startswith(version + "."):
        found = match.group(1) if match else "none"
        raise InstallError(f"Debian sid has {check} {found}, this project is tested with {version}")
    _download_and_unpack(folder, apt, options, packages, f"downloading {check} {version}")


def unpack_i386(folder: Path, packages: Sequence[str]) -> None:
    """Unpack 32-bit libraries of Debian 12 and all they depend on into `folder`, for programs of that time."""
    apt = folder / "apt"
    options = [*_private_apt(apt, "bookworm"), "-o", "APT::Architecture=i386", "-o", "APT::Architectures=i386"]
    download(["apt-get", *options, "-q", "update"], what="reading the package list of Debian 12 for i386")
    _download_and_unpack(folder, apt, options, packages, f"downloading {', '.join(packages)} for i386")


def _download_and_unpack(folder: Path, apt: Path, options: list[str], packages: Sequence[str], what: str) -> None:
    install = ["-q", "-y", "--download-only", "--no-install-recommends", "install", *packages]
    download(["apt-get", *options, *install], what=what)
    archives = sorted((apt / "cache/archives").glob("*.deb"))
    # libc and usr-merge links first: packages that put files below lib/ must find the link, not make a folder
    archives.sort(key=lambda path: not path.name.startswith(("base-files_", "usrmerge_")))
    for archive in archives:
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True, stdin=subprocess.DEVNULL)
    (folder / "PACKAGES").write_text("".join(path.name + "\n" for path in archives))
    shutil.rmtree(apt)


def unpack(folder: Path, package: str) -> None:
    """Unpack a package of the machine's own release into `folder`, without what it depends on."""
    download(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package],
        what=f"downloading {package}",
        cwd=folder,
    )
    for archive in folder.glob("*.deb"):
        run(["dpkg", "-x", str(archive), str(folder)], what=f"unpacking {archive.name}")
        archive.unlink()


def _private_apt(apt: Path, suite: str) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    signed = f" [signed-by={KEYRING}]" if KEYRING.is_file() else ""
    (apt / "sources.list").write_text(f"deb{signed} {debian_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Debug::NoLocking": "true",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
