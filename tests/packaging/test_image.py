"""The image and the compose file, as far as they can be checked without Docker."""

import re
import subprocess
from pathlib import Path

import yaml

from faust_cdc.config.worker import load_worker_config
from tests.lab.install import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == kept
    assert all((ROOT / source).exists() for source in copied)


def test_the_constraints_name_every_locked_package() -> None:
    found = re.search(r"sed -nE '(.+)' requirements\.lock", DOCKERFILE)
    assert found is not None
    command = ["sed", "-nE", found.group(1), "requirements.lock"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    locked = re.findall(r"^([\w.-]+==[^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert [line.split(" ")[0] for line in lines] == locked
    assert not [line for line in lines if "--hash" in line or "\\" in line]


def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_compose_starts_the_tested_broker_and_a_worker_that_starts() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    config = load_worker_config(None, services["faust-cdc"]["environment"])
    assert config.bootstrap_servers == "kafka:29092"
    assert {"--log-bin=binlog", "--binlog-format=ROW"} <= set(services["mariadb"]["command"])
