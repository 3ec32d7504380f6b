"""The chart, seen by real helm and by Kubernetes' own schemas."""

import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from faust_cdc.config.worker import load_worker_config
from tests.lab.install import install_helm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]  # helm is compiled on the first run

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/faust-cdc"
KUBERNETES_VERSION = "1.33.1"
BOOTSTRAP = ("--set-string", r"worker.bootstrap\.servers=kafka:9092")
VARIANTS = {
    "defaults": (),
    "one worker, a secret, no extras": (
        *("--set", "replicaCount=1", "--set", "existingSecret=kafka-login"),
        *("--set", "podDisruptionBudget.enabled=false", "--set", "serviceAccount.create=false"),
    ),
    "everything set": (
        *("--set", "image.tag=1.2.3", "--set", "image.pullSecrets[0].name=registry"),
        *("--set", "extraEnv[0].name=TZ", "--set-string", "extraEnv[0].value=UTC"),
        *("--set", "service.port=8084", "--set", "service.annotations.a=b"),
        *("--set", "podLabels.team=data", "--set", "podAnnotations.a=b", "--set", "nodeSelector.disk=ssd"),
        *("--set", "tolerations[0].operator=Exists", "--set", r"worker.session\.timeout\.ms=10000000"),
    ),
}


@pytest.fixture(scope="module")
def helm() -> str:
    return str(install_helm())


def render(helm: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [helm, "template", "shop", str(CHART), "--kube-version", KUBERNETES_VERSION, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def manifests(helm: str, *options: str) -> dict[str, dict[str, Any]]:
    done = render(helm, *BOOTSTRAP, *options)
    assert done.returncode == 0, done.stderr
    return {f"{m['kind']}/{m['metadata']['name']}": m for m in yaml.safe_load_all(done.stdout) if m}


def test_lint(helm: str) -> None:
    done = subprocess.run(
        [helm, "lint", "--strict", str(CHART), *BOOTSTRAP], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_kubernetes_accepts_every_manifest(helm: str, options: tuple[str, ...]) -> None:
    found = manifests(helm, *options)
    assert "StatefulSet/shop-faust-cdc" in found
    for manifest in found.values():
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)


def test_a_wrong_manifest_would_be_noticed(helm: str) -> None:
    service = manifests(helm)["Service/shop-faust-cdc"]
    service["spec"]["portz"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES_VERSION, strict=True)


def test_without_a_broker_it_says_what_to_set(helm: str) -> None:
    done = render(helm)
    assert done.returncode != 0
    assert "bootstrap" in done.stderr
    assert "required" in done.stderr


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_worker_accepts_the_rendered_properties(helm: str, options: tuple[str, ...], tmp_path: Path) -> None:
    found = manifests(helm, *options)
    path = tmp_path / "worker.properties"
    path.write_text(found["ConfigMap/shop-faust-cdc"]["data"]["worker.properties"])
    container = found["StatefulSet/shop-faust-cdc"]["spec"]["template"]["spec"]["containers"][0]
    environment = {variable["name"]: variable.get("value", "pod") for variable in container["env"]}
    config = load_worker_config(path, environment)
    assert config.bootstrap_servers == "kafka:9092"
    assert config.rest_port == container["ports"][0]["containerPort"]
    assert "shop-faust-cdc-workers" in config.rest_advertised_host


def test_runs_unprivileged_on_a_read_only_root(helm: str) -> None:
    pod = manifests(helm)["StatefulSet/shop-faust-cdc"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert {probe["httpGet"]["path"] for probe in (container["readinessProbe"], container["livenessProbe"])} == {
        "/health",
        "/",
    }
