"""Runs jobs on Step Functions: the queue starts an execution for each message, and each step is a function."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.lambda_compute import LambdaComputeArgs
from components.arguments.step_functions_compute import StepFunctionsComputeArgs
from components.arguments.workspace import EFS
from components.compute.code_archive import code_archive
from components.compute.lambda_compute import VISIBILITY_SECONDS
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs, Mount
from components.compute.processor_function import processor_function
from components.compute.protocol import Compute, Jobs, Permissions
from components.compute.records_map import RecordsMap
from components.compute.workflow import Workflow, WorkspaceSteps
from components.compute.workspace import Workspace
from handlers.domain.delays import LONGEST_FUNCTION_SECONDS
from handlers.domain.upload_ref import STEP_RESULT_PREFIX
from handlers.processors import WORKSPACE_VARIABLE

RECORD_SECONDS = 60
"""For the function that records: it reads and writes results of up to 16 MiB each."""

RECORD_MEMORY_MB = 512
"""Several times the largest result."""

FETCH_MEMORY_MB = 1_769
"""For the function that copies objects into the workspace: one CPU (Lambda guide), since less would be slower."""

CLEAN_UP_SECONDS = 300
"""For the function that deletes what an execution has in the workspace: each file is a request to the file system."""

_LOG_LEVELS = {"DEBUG": "ALL", "INFO": "ALL", "WARN": "ERROR", "ERROR": "ERROR", "FATAL": "FATAL"}
"""Step Functions' levels, by Lambda's."""


@dataclass(frozen=True)
class StepFunctionsCompute(Compute):
    """A compute for jobs of several steps, each of up to 15 minutes."""

    visibility_timeout_seconds = VISIBILITY_SECONDS

    args: LambdaComputeArgs
    """Of the functions."""
    steps: StepFunctionsComputeArgs
    max_attempts: int
    """Of each step."""

    @property
    def passing_prefixes(self) -> Sequence[str]:
        """What processors return, until the last step."""
        return (STEP_RESULT_PREFIX,)

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> aws.iam.Role:
        """Create the functions of the steps, the state machine, and the function that starts its executions."""
        mount = Workspace(f"{name}-workspace", self.steps, opts).mount if self.steps.workspace == EFS else None
        process = self._process(name, jobs, mount, opts)
        aliases: dict[str, pulumi.Input[str]] = {
            "verify": self._verify(name, jobs, opts).alias_arn,
            "process": process.alias_arn,
            "record": self._record(name, jobs, opts).alias_arn,
        }
        if mount:
            aliases["fetch"] = self._fetch(name, jobs, mount, opts).alias_arn
            aliases["clean_up"] = self._clean_up(name, jobs, mount, opts).alias_arn
        state_machine, permissions = self._state_machine(f"{name}-workflow", jobs, aliases, opts)
        self._start(name, jobs, state_machine.arn, opts, permissions)
        return process.role

    @property
    def _maps(self) -> bool:
        """Whether uploads are processed as records."""
        return self.steps.step_functions_map_processor is not None

    def _verify(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> LambdaFunction:
        may = jobs.permissions
        return self._function(
            f"{name}-verify",
            jobs,
            [may.read_object, *may.put_away, *may.change_upload, *may.use_key],
            opts,
            handler="handlers.entries.verify_step.handle",
        )

    def _fetch(self, name: str, jobs: Jobs, mount: Mount, opts: pulumi.ResourceOptions) -> LambdaFunction:
        may = jobs.permissions
        return self._function(
            f"{name}-fetch",
            jobs,
            [may.read_object, *may.change_upload[:1], *may.use_key],
            opts,
            handler="handlers.entries.fetch_step.handle",
            environment={**jobs.environment, WORKSPACE_VARIABLE: mount.path},
            memory_mb=FETCH_MEMORY_MB,
            mount=mount,
        )

    def _clean_up(self, name: str, jobs: Jobs, mount: Mount, opts: pulumi.ResourceOptions) -> LambdaFunction:
        return self._function(
            f"{name}-clean-up",
            jobs,
            [],
            opts,
            handler="handlers.entries.clean_up_step.handle",
            environment={WORKSPACE_VARIABLE: mount.path},
            timeout_seconds=CLEAN_UP_SECONDS,
            mount=mount,
        )

    def _process(self, name: str, jobs: Jobs, mount: Mount | None, opts: pulumi.ResourceOptions) -> LambdaFunction:
        """Its role changes the upload's record, because the lease and the progress of a job are there."""
        may = jobs.permissions
        return processor_function(
            name,
            f"{name}-process",
            self.args,
            jobs,
            opts,
            handler="handlers.entries.process_step.handle",
            statements=[
                may.read_object,
                *self._step_results(may),
                *may.change_upload[:1],
                *may.use_key,
            ],
            environment={**jobs.environment, **({WORKSPACE_VARIABLE: mount.path} if mount else {})},
            mount=mount,
        )

    def _step_results(self, may: Permissions) -> list[iam.Statement]:
        """Each processor stores its result. It reads those of others only where they run one after the other."""
        if self._maps:
            return []
        one_by_one = len(self.steps.step_functions_processors) > 1 and not self.steps.step_functions_parallel
        return [may.store_step_results, *([may.read_step_results] if one_by_one else [])]

    def _record(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> LambdaFunction:
        may = jobs.permissions
        read = may.read_results if self._maps else may.read_step_results
        return self._function(
            f"{name}-record",
            jobs,
            [read, may.store_result, *may.change_upload, *may.use_key],
            opts,
            handler="handlers.entries.record_step.handle",
            timeout_seconds=RECORD_SECONDS,
            memory_mb=RECORD_MEMORY_MB,
        )

    def _start(
        self,
        name: str,
        jobs: Jobs,
        state_machine_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
        after: Sequence[pulumi.Resource],
    ) -> None:
        may = jobs.permissions
        function = self._function(
            f"{name}-start",
            jobs,
            [may.receive, iam.start_executions(state_machine_arn), *may.change_upload[1:], *may.read_by_key],
            opts,
            handler="handlers.entries.start_workflow.handle",
            environment={
                **{name: jobs.environment[name] for name in ("QUEUE_URL", "UPLOADS_TABLE", "MAX_ATTEMPTS")},
                "STATE_MACHINE_ARN": state_machine_arn,
            },
            timeout_seconds=LONGEST_FUNCTION_SECONDS,  # it waits for the execution
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-queue-starts-workflows",
            event_source_arn=jobs.queue_arn,
            function_name=function.alias_arn,
            batch_size=1,  # the function waits for the execution
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": self.args.concurrency_limit},
            opts=pulumi.ResourceOptions(parent=opts.parent, depends_on=after),
        )

    def _function(
        self,
        name: str,
        jobs: Jobs,
        statements: list[iam.Statement],
        opts: pulumi.ResourceOptions,
        **more: Any,
    ) -> LambdaFunction:
        given: dict[str, Any] = {
            "code": code_archive(["filetype"]),
            "environment": jobs.environment,
            "timeout_seconds": self.args.timeout_seconds,
            "log_level": self.args.log_level,
            "log_retention_days": self.args.log_retention_days,
            **more,
        }
        return LambdaFunction(name, LambdaFunctionArgs(statements=statements, **given), opts)

    def _state_machine(
        self, name: str, jobs: Jobs, aliases: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
    ) -> tuple[aws.sfn.StateMachine, list[aws.iam.RolePolicy]]:
        """Create the state machine; returns it with the permissions that it gets later."""
        log_group = aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=self.args.log_retention_days, opts=opts)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust("states.amazonaws.com"), opts=opts)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-policy",
                *(iam.invoke(arn) for arn in aliases.values()),
                iam.send_messages(jobs.dead_letter_queue_arn),
                iam.deliver_logs(),
                iam.trace_workflows(),
            ),
            opts=opts,
        )
        state_machine = aws.sfn.StateMachine(
            name,
            definition=pulumi.Output.all(
                **aliases, url=jobs.dead_letter_queue_url, results=jobs.environment["RESULTS_BUCKET"]
            ).apply(self._definition),
            role_arn=role.arn,
            logging_configuration={
                "level": _LOG_LEVELS[self.args.log_level],
                # It would have file names, and what a processor returns or raises.
                "include_execution_data": False,
                "log_destination": pulumi.Output.concat(log_group.arn, ":*"),
            },
            tracing_configuration={"enabled": True},
            # Step Functions checks some permissions when a state machine is created.
            opts=pulumi.ResourceOptions(parent=opts.parent, depends_on=[policy]),
        )
        if not self._maps:
            return state_machine, []
        maps = aws.iam.RolePolicy(
            f"{name}-maps-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-maps-policy",
                *iam.run_maps(state_machine.arn),
                jobs.permissions.read_records,
                jobs.permissions.write_map_results,
                *jobs.permissions.use_key,
            ),
            opts=opts,
        )
        return state_machine, [maps]

    def _definition(self, known: Mapping[str, str]) -> str:
        workspace = None
        seconds = max(self.args.timeout_seconds, RECORD_SECONDS)
        if "fetch" in known:
            workspace = WorkspaceSteps(fetch_arn=known["fetch"], clean_up_arn=known["clean_up"])
            seconds = max(seconds, CLEAN_UP_SECONDS)
        workflow = Workflow(
            partition=known["verify"].split(":")[1],
            verify_arn=known["verify"],
            process_arn=known["process"],
            record_arn=known["record"],
            dead_letter_queue_url=known["url"],
            processors=self.steps.step_functions_processors,
            is_parallel=self.steps.step_functions_parallel,
            records_map=self._records_map(known["results"]),
            max_attempts=self.max_attempts,
            step_seconds=seconds,
            workspace=workspace,
        )
        return json.dumps(workflow.definition(), separators=(",", ":"))

    def _records_map(self, results_bucket: str) -> RecordsMap | None:
        if self.steps.step_functions_map_processor is None:
            return None
        return RecordsMap(
            processor=self.steps.step_functions_map_processor,
            batch_records=self.steps.step_functions_map_batch_records,
            concurrency=self.steps.step_functions_map_concurrency,
            csv_delimiter=self.steps.step_functions_map_csv_delimiter,
            tolerated_failure_percentage=self.steps.step_functions_map_tolerated_failure_percentage,
            results_bucket=results_bucket,
        )
