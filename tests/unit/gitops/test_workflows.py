"""The workflows that build the worker's image and update the stacks, and how a digest comes into Git."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.argo_cd import built
from tests.support.paths import OVERLAYS, PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
DIGEST, OTHER_DIGEST = f"sha256:{'0a' * 32}", f"sha256:{'1b' * 32}"


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROJECT / ".github/workflows" / f"{name}.yml").read_text(encoding="utf-8"))


def triggers(name: str) -> dict[str, Any]:
    """YAML 1.1 reads the key `on` as true."""
    untyped: dict[Any, Any] = workflow(name)
    return untyped[True]


def permissions(name: str) -> dict[str, dict[str, str]]:
    return {job: each["permissions"] for job, each in workflow(name)["jobs"].items()}


def runs_for(paths: list[str], changed: str) -> bool:
    return any(fnmatch(changed, path.replace("/**", "/*")) for path in paths)


class TestEachWorkflow:
    def test_has_its_actions_at_commits_each_of_one_version(self) -> None:
        uses = [
            line.partition("uses: ")[2]
            for path in WORKFLOWS
            for line in path.read_text(encoding="utf-8").splitlines()
            if "uses: " in line
        ]
        assert len(uses) > 10
        for each in uses:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each
        assert len({each.partition("@")[0] for each in uses}) == len(set(uses))

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
    def test_gives_no_permissions_but_those_of_a_job(self, path: Path) -> None:
        assert workflow(path.stem)["permissions"] == {}
        assert all("permissions" in job for job in workflow(path.stem)["jobs"].values())


class TestTheWorkersWorkflow:
    def test_runs_for_all_that_is_in_the_image(self) -> None:
        stages = re.split(r"^FROM ", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        copied = [
            source.rstrip("/")
            for stage in stages
            if not re.match(r".* AS function", stage)  # Lambda's image, which the workflow does not build
            for line in stage.splitlines()
            if line.startswith("COPY ") and "--from" not in line
            for source in line.split()[1:-1]
        ]
        paths = triggers("worker")["push"]["paths"]
        for each in ("Dockerfile", *(f"{name}/x.py" if (PROJECT / name).is_dir() else name for name in copied)):
            assert runs_for(paths, each), each

    def test_is_not_started_by_the_commit_that_it_makes(self) -> None:
        for name in ("worker", "infrastructure"):
            for overlay in OVERLAYS:
                assert not runs_for(triggers(name)["push"]["paths"], f"gitops/overlays/{overlay}/kustomization.yaml")

    def test_writes_to_the_repository_where_it_has_no_credentials_of_aws(self) -> None:
        assert permissions("worker") == {
            "test": {"contents": "read"},
            "image": {"contents": "read", "id-token": "write"},
            "deploy": {"contents": "write"},
        }

    def test_scans_both_architectures_before_it_has_credentials(self) -> None:
        steps = workflow("worker")["jobs"]["image"]["steps"]
        at = {each.get("name", each.get("uses", "").partition("@")[0]): index for index, each in enumerate(steps)}
        credentials = at["aws-actions/configure-aws-credentials"]
        for architecture in ("arm64", "amd64"):
            scan = steps[at[f"Scan {architecture}"]]["with"]
            assert at[f"Scan {architecture}"] < credentials < at["Push both"]
            assert (scan["image-ref"], scan["exit-code"]) == (f"worker:{architecture}", "1")
            assert scan["severity"] == "HIGH,CRITICAL"

    def test_pushes_one_image_for_both_with_its_origin_and_contents(self) -> None:
        (push,) = [each for each in workflow("worker")["jobs"]["image"]["steps"] if each.get("name") == "Push both"]
        assert push["with"]["platforms"] == "linux/arm64,linux/amd64"
        assert (push["with"]["provenance"], push["with"]["sbom"], push["with"]["push"]) == ("mode=max", True, True)

    def test_offers_the_environments_that_have_an_overlay(self) -> None:
        assert triggers("worker")["workflow_dispatch"]["inputs"]["environment"]["options"] == list(OVERLAYS)


class TestTheInfrastructuresWorkflow:
    def test_previews_what_it_would_update(self) -> None:
        found = triggers("infrastructure")
        assert found["pull_request"] == found["push"]
        for each in ("__main__.py", "Pulumi.prod.yaml", "components/eks/cluster.py", "handlers/__init__.py"):
            assert runs_for(found["push"]["paths"], each), each

    def test_previews_with_the_policies_and_updates_in_the_order_of_the_environments(self) -> None:
        jobs = workflow("infrastructure")["jobs"]
        for command, job in jobs.items():
            assert job["strategy"]["matrix"] == {"stack": list(OVERLAYS)}
            assert job["steps"][-1]["with"]["command"] == command
            assert job["steps"][-1]["with"]["policyPacks"] == "policy"
        assert jobs["up"]["strategy"]["max-parallel"] == 1
        assert jobs["up"]["environment"] == "${{ matrix.stack }}"
        assert jobs["preview"]["steps"][-1]["with"]["comment-on-pr"] is True

    def test_writes_nothing_to_the_repository(self) -> None:
        assert permissions("infrastructure") == {
            "preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
            "up": {"contents": "read", "id-token": "write"},
        }

    def test_has_the_cli_that_the_tests_have(self) -> None:
        pinned = re.search(r"pulumi/pkg/v3 v(\S+)", (PROJECT / "tests/engine/go.mod").read_text(encoding="utf-8"))
        assert pinned
        for job in workflow("infrastructure")["jobs"].values():
            assert job["steps"][-1]["with"]["pulumi-version"] == pinned[1]


class Repository:
    """A repository at a place that is pushed to, and a checkout of it that a workflow has."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.checkout = folder / "origin.git", folder / "checkout"
        self._environment = {
            "PATH": os.environ["PATH"],
            "CI": "true",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        self.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git(folder, "clone", "--quiet", str(self.origin), str(self.checkout))
        shutil.copytree(PROJECT / "gitops", self.checkout / "gitops")
        (self.checkout / ".ci").mkdir()
        shutil.copy(PROJECT / ".ci/deploy_digest", self.checkout / ".ci")
        self.push(self.checkout, "First")

    def git(self, folder: Path, *words: str) -> str:
        command = ["git", *words]
        done = subprocess.run(command, cwd=folder, env=self._environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def push(self, checkout: Path, subject: str) -> None:
        self.git(checkout, "add", "--all")
        self.git(checkout, "commit", "--quiet", "--message", subject)
        self.git(checkout, "push", "--quiet", "origin", "HEAD:main")

    def deploy(self, environment: str, digest: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / ".ci/deploy_digest", environment, digest],
            env={**self._environment, **variables},
            check=False,
            capture_output=True,
            text=True,
        )

    def reject(self, pushes: int) -> None:
        """Reject so many pushes from now on, as if somebody else had pushed first."""
        hook, left = self.origin / "hooks/update", self.origin / "left"
        left.write_text("x" * pushes, encoding="utf-8")
        hook.write_text(f"#!/bin/sh\n[ ! -s {left} ] || {{ truncate --size=-1 {left}; exit 1; }}\n", encoding="utf-8")
        hook.chmod(0o755)

    def subjects(self) -> list[str]:
        return self.git(self.origin, "log", "--format=%s", "main").splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


class TestTheDigest:
    @pytest.mark.parametrize("overlay", OVERLAYS)
    def test_comes_into_the_overlay_by_one_commit(self, repository: Repository, overlay: str) -> None:
        assert repository.deploy(overlay, DIGEST).returncode == 0
        assert repository.subjects() == [f"Deploy worker {DIGEST[7:19]} to {overlay}", "First"]
        assert repository.git(repository.origin, "show", "--name-only", "--format=", "main") == (
            f"gitops/overlays/{overlay}/kustomization.yaml"
        )
        (deployment,) = [
            each for each in built(repository.checkout / "gitops/overlays" / overlay) if each["kind"] == "Deployment"
        ]
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"@{DIGEST}")

    def test_that_is_there_already_makes_no_commit(self, repository: Repository) -> None:
        assert [repository.deploy("dev", DIGEST).returncode for _ in range(2)] == [0, 0]
        assert len(repository.subjects()) == 2

    def test_comes_on_top_of_what_others_have_pushed_since(self, repository: Repository, tmp_path: Path) -> None:
        other = tmp_path / "other"
        repository.git(tmp_path, "clone", "--quiet", str(repository.origin), str(other))
        (other / "README.md").write_text("More.", encoding="utf-8")
        repository.push(other, "Second")
        assert repository.deploy("dev", OTHER_DIGEST).returncode == 0
        assert repository.subjects() == [f"Deploy worker {OTHER_DIGEST[7:19]} to dev", "Second", "First"]

    @pytest.mark.parametrize(("rejected", "code"), [(1, 0), (4, 0), (5, 1)])
    def test_is_pushed_again_when_another_push_came_first(
        self, repository: Repository, rejected: int, code: int
    ) -> None:
        repository.reject(rejected)
        assert repository.deploy("dev", DIGEST).returncode == code
        assert len(repository.subjects()) == (2 if code == 0 else 1)

    @pytest.mark.parametrize(
        ("environment", "digest"), [("nowhere", DIGEST), ("dev", "latest"), ("dev", f"{DIGEST}/x"), ("../base", DIGEST)]
    )
    def test_of_another_form_or_place_is_refused(self, repository: Repository, environment: str, digest: str) -> None:
        assert repository.deploy(environment, digest).returncode == 2
        assert repository.subjects() == ["First"]

    def test_is_not_written_in_a_developer_s_checkout(self, repository: Repository) -> None:
        assert repository.deploy("dev", DIGEST, CI="").returncode == 2
        assert repository.subjects() == ["First"]
