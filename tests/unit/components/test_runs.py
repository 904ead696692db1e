"""Components of one run know of each other where AWS has one of a thing, and those of another run do not."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components import runs
from components.arguments import ArgumentError
from tests.support.components.examples import PROCESSING_PIPELINE, REST_API
from tests.support.components.recording import Recording, record


def two_apis(*providers: str, **args: Any) -> Recording:
    """Each by the provider of that name; by the default provider where there is no name."""

    def program() -> None:
        made = {name: aws.Provider(name, region=f"{name}-1") for name in set(providers) if name}
        for api, name in zip(("first", "second"), providers, strict=True):
            opts = pulumi.ResourceOptions(provider=made[name]) if name else None
            REST_API.create(api, {**REST_API.required, **args}, opts)

    return record(program)


def accounts(recording: Recording) -> list[str]:
    return [each.name for each in recording.all(aws.apigateway.Account)]


class TestTheSettingOfAnAccountAndRegion:
    @pytest.mark.parametrize("provider", ["", "north"])
    def test_is_made_once_for_all_apis_of_a_provider(self, provider: str) -> None:
        assert accounts(two_apis(provider, provider)) == ["first-account"]

    def test_is_there_before_each_stage_that_logs(self) -> None:
        recording = two_apis("north", "north")
        account = recording.only(aws.apigateway.Account)

        for name in ("first", "second"):
            assert account.urn in recording.only(aws.apigateway.Stage, f"{name}-stage").options.depends_on

    def test_is_made_for_each_provider(self) -> None:
        assert sorted(accounts(two_apis("north", "south"))) == ["first-account", "second-account"]

    def test_is_made_in_each_run(self) -> None:
        assert accounts(two_apis("", "")) == accounts(two_apis("", "")) == ["first-account"]

    def test_is_not_made_where_no_api_is_to_make_it(self) -> None:
        assert accounts(two_apis("", "", manage_account_logging=False)) == []


def pipelines(*bucket_names: Callable[[], Any]) -> Recording:
    def program() -> None:
        for name, bucket_name in zip(("one", "two"), bucket_names, strict=True):
            PROCESSING_PIPELINE.make(name, bucket_name=bucket_name())

    return record(program)


class TestABucketHasOnePipeline:
    def test_the_same_text_is_refused_at_once(self) -> None:
        assert self.refused_at_once(lambda: "the-bucket")

    def test_the_same_output_is_refused_at_once(self) -> None:
        known: list[pulumi.Output[str]] = []

        def bucket_name() -> pulumi.Output[str]:
            known.extend([] if known else [pulumi.Output.from_input("the-bucket")])
            return known[0]

        assert self.refused_at_once(bucket_name)

    @pytest.mark.parametrize("first", [lambda: "the-bucket", lambda: pulumi.Output.from_input("the-bucket")])
    def test_another_output_of_the_same_name_is_refused_when_it_is_known(self, first: Callable[[], Any]) -> None:
        with pytest.raises(ArgumentError, match=r"'two' has the bucket of 'one'|'one' has the bucket of 'two'"):
            pipelines(first, lambda: pulumi.Output.from_input("the-bucket"))

    def test_two_buckets_may_have_one_each(self) -> None:
        recording = pipelines(lambda: "one-bucket", lambda: pulumi.Output.from_input("another-bucket"))

        assert len(recording.all(aws.cloudwatch.EventRule)) == 2

    def test_another_run_may_have_another_pipeline(self) -> None:
        for name in ("one", "two"):
            record(lambda name=name: PROCESSING_PIPELINE.make(name) and None)

    @staticmethod
    def refused_at_once(bucket_name: Callable[[], Any]) -> bool:
        faults: list[str] = []

        def program() -> None:
            PROCESSING_PIPELINE.make("one", bucket_name=bucket_name())
            try:
                PROCESSING_PIPELINE.make("two", bucket_name=bucket_name())
            except ArgumentError as fault:
                faults.append(str(fault))

        recording = record(program)
        assert not [each.name for each in recording.registrations if each.name.startswith("two")]
        return len(faults) == 1 and "'one'" in faults[0]


class TestAComponentHost:
    """It has no stack, but one event loop for its one run."""

    def test_shares_what_its_components_know_and_nothing_with_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs, "get_root_resource", lambda: None)

        async def put(value: str) -> dict[str, str]:
            runs.shared("test").setdefault("key", value)
            return await asyncio.create_task(self.get())

        assert asyncio.run(put("one")) == {"key": "one"}
        assert asyncio.run(put("two")) == {"key": "two"}

    @staticmethod
    async def get() -> dict[str, str]:
        return dict(runs.shared("test"))


def test_what_a_run_shares_ends_with_it_though_it_refers_back_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def remember() -> None:
        runs.shared("what")["run"] = asyncio.get_running_loop()

    monkeypatch.setattr("components.runs.get_root_resource", lambda: None)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(remember())
    loop.close()
    ended = weakref.ref(loop)
    del loop
    gc.collect()

    assert ended() is None
