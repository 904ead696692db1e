"""The arguments of ProcessingPipeline."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pulumi

from components.arguments import limits
from components.arguments.architecture import ARM64, Architecture
from components.arguments.buckets import BucketArgs
from components.arguments.constraints import Choice, ProcessorRuleArgs, Range, SharedSpace, StatementArgs
from components.arguments.declaration import Argument, Arguments, argument
from components.arguments.eks_compute import EksComputeArgs
from components.arguments.events import EventArgs
from components.arguments.fargate import FargateArgs
from components.arguments.lambda_compute import LambdaComputeArgs
from components.arguments.network import NetworkArgs
from components.arguments.notifications import S3_NOTIFICATIONS
from components.arguments.shared import DELETION_PROTECTION, KMS_KEY_ARN, ProtectionArgs
from components.arguments.step_functions_compute import StepFunctionsComputeArgs
from components.compute.libraries import libraries_fault, requirements_files
from components.compute.processor_code import BUILT_IN, distributions_fault, processors_fault
from handlers.domain.delays import LONGEST_FUNCTION_SECONDS
from handlers.domain.slots import slots_of
from handlers.processors import JOB_VARIABLES, WORKER_VARIABLES
from handlers.processors.routing import Rule, shadowed

LAMBDA, STEP_FUNCTIONS, FARGATE, EKS = "lambda", "step-functions", "fargate", "eks"

DEFAULT_PROCESSOR = "handlers.processors.inspect.process"
"""The built-in processor: size, SHA-256 and sniffed type."""

PROCESSOR_POLICY_CHARACTERS = 8_000
"""The rest of IAM's 10,240 is for the policy of the job itself."""

_ENVIRONMENT = SharedSpace(
    ("allowed_content_types", "processors", "processor_environment"),
    3_000,
    per_item=0,
    space="a function's environment (4 KB, Lambda quotas), beside its other variables",
    fix="Use fewer, or keep long values in a secret or a parameter that the processor reads.",
)


_READ_BY: Mapping[str, tuple[type[Arguments], ...]] = {
    LAMBDA: (LambdaComputeArgs,),
    STEP_FUNCTIONS: (LambdaComputeArgs, StepFunctionsComputeArgs),
    FARGATE: (FargateArgs,),
    EKS: (EksComputeArgs, NetworkArgs),  # EksArgoDeploy has the same settings of the network
}
"""By compute: the arguments that it reads, beside those that the pipeline reads itself."""


class ProcessingPipelineArgs(
    BucketArgs, StepFunctionsComputeArgs, LambdaComputeArgs, FargateArgs, EksComputeArgs, EventArgs
):
    """Arguments of ProcessingPipeline."""

    kms_key_arn: pulumi.Input[str] | None = KMS_KEY_ARN
    """Customer managed KMS key that encrypts buckets, image repository and file system; if omitted, keys of AWS do."""
    deletion_protection: bool = DELETION_PROTECTION
    """Whether results, rejected objects, image repository and file system are protected from deletion.

    Switch it off only where data may be lost.
    """

    result_reader_role_name: pulumi.Input[str] | None = argument(limits.ROLE_NAME, default=None)
    """Name of UploadApi's role that reads results to hand them out; if omitted, nobody else may read them."""
    compute: str = argument(Choice((LAMBDA, STEP_FUNCTIONS, FARGATE, EKS), "where the processor runs"), default=LAMBDA)
    """Where jobs run: Lambda functions, a workflow of them, containers on ECS Fargate, or pods on EKS (EksArgoDeploy).

    Queues, buckets and records stay as they are when it changes.
    """
    image_repository: bool = argument(limits.BOOLEAN, default=False)
    """Whether an ECR repository for the worker's image is made. Make it before the compute that runs the image."""
    processor: str = argument(limits.HANDLER, default=DEFAULT_PROCESSOR)
    """Function that processes an object, as module.function; handlers/processors has its contract."""
    processors: list[ProcessorRuleArgs] = argument(limits.PROCESSORS, default=[])
    """Processors for some of the uploads, by declared content type and file name.

    The first item that matches an upload decides; `processor` gets the uploads that no item matches.
    """
    processor_code: pulumi.Archive | None = argument(limits.ARCHIVE, default=None)
    """Folder or zip file with the processor's module and all that it imports; omit it for a built-in processor."""
    processor_distributions: list[str] = argument(limits.DISTRIBUTIONS, default=[])
    """Installed Python distributions that are shipped for the processor, such as pypdf, with all that they require.

    They must be pure Python.
    """
    processor_requirements: str | None = argument(limits.FILE, default=None)
    """Path of a requirements file, with hashes, of libraries with native code for the processor, such as numpy.

    pip installs them for the functions' architecture and Python 3.13 on any machine, into a layer.
    """
    processor_environment: pulumi.Input[dict[str, pulumi.Input[str]]] = argument(limits.VARIABLES, default={})
    """Environment variables for the processor, such as the ARN of a secret that it reads."""
    processor_statements: pulumi.Input[list[pulumi.Input[StatementArgs]]] = argument(limits.STATEMENTS, default=[])
    """Additional permissions of the processor, such as reading a secret or invoking a model."""
    malware_scan: bool = argument(limits.BOOLEAN, default=False)
    """Whether GuardDuty scans objects for malware before they are processed. GuardDuty charges by GB and object."""
    unscannable_objects: str = argument(
        Choice(("reject", "process"), "what to do with what GuardDuty cannot look into"), default="reject"
    )
    """What happens to an object that GuardDuty cannot scan, over 100 GB for example."""
    max_attempts: int = argument(Range(1, 1_000, "SQS's limits for maxReceiveCount"), default=5)
    """Deliveries before an upload fails and its message goes to the dead-letter queue.

    A delivery that Lambda throttles counts as well, so fewer than 5 can use up all attempts without a single run
    (Lambda guide, "Using Lambda with Amazon SQS").
    """
    reconcile_minutes: int = argument(
        Range(5, 1_440, "a run takes up to 5 minutes; less than once a day, uploads would be stuck for too long"),
        default=15,
    )
    """Minutes between two searches for uploads that are open for long.

    They are requeued if their event was lost or their run was killed, and expire if no file came.
    """
    alarm_topic_arn: pulumi.Input[str] | None = argument(limits.TOPIC_ARN, default=None)
    """SNS topic that alarms notify; if omitted, one is made, with a KMS key. CloudWatch must be allowed to publish."""

    @property
    def malware_scan_mode(self) -> str:
        """What functions read as MALWARE_SCAN."""
        return "required" if self.malware_scan else "off"

    @property
    def jobs_at_once(self) -> int:
        """Objects that are processed at once, at most."""
        if self.compute == FARGATE:
            return self.fargate_max_tasks * slots_of(self.fargate_memory_mb, self.memory_mb)
        if self.compute == EKS:
            return self.eks_jobs_at_once
        return self.concurrency_limit

    @property
    def jobs_architecture(self) -> Architecture:
        """What the processor's native code must be for. Containers run on arm64."""
        return self.architecture if self.compute in {LAMBDA, STEP_FUNCTIONS} else ARM64

    @property
    def rules(self) -> list[Rule]:
        """The items of `processors`."""
        return [Rule(**each) for each in self.processors]

    @property
    def requirements_files(self) -> list[Path]:
        """The file of `processor_requirements`, and those of built-in processors."""
        processors = [self.processor, *(rule.processor for rule in self.rules), *self.step_functions_processors]
        processors += [self.step_functions_map_processor] if self.step_functions_map_processor else []
        return requirements_files(processors, self.processor_requirements)

    def warnings(self) -> list[str]:
        """The arguments that are given, but that only another compute reads."""
        read = _declared_by(*_READ_BY[self.compute], ProtectionArgs)
        others = _declared_by(*(shape for shapes in _READ_BY.values() for shape in shapes))
        return self.without_effect(f"With the compute {self.compute}", others.keys() - read.keys())

    def conflicts(self, spelled: Callable[[str], str] = str) -> list[str]:
        """A processor that its code does not have, a rule without effect, and the conflicts of the compute."""
        found = _rule_conflicts(self.rules, spelled("processors"), spelled("processor"))
        named = {spelled("processor"): self.processor}
        named |= {f"{spelled('processors')}[{n}].processor": rule.processor for n, rule in enumerate(self.rules)}
        steps = spelled("step_functions_processors")
        named |= {f"{steps}[{n}]": processor for n, processor in enumerate(self.step_functions_processors)}
        if self.step_functions_map_processor is not None:
            named[spelled("step_functions_map_processor")] = self.step_functions_map_processor
        found += self.code_conflicts(spelled)
        if conflict := self._code_conflict(named, spelled):
            found.append(conflict)
        elif fault := distributions_fault(self.processor_distributions, self.processor_code, self.jobs_architecture):
            found.append(f"{spelled('processor_distributions')} {fault}")
        elif fault := libraries_fault(
            self.requirements_files, self.processor_code, self.processor_distributions, self.jobs_architecture
        ):
            found.append(f"{spelled('processor_requirements')}: {fault}")
        if self.processor_code is None and not self.has_code_in_s3:
            found += [
                f"{spelled(name)} is given, but a built-in processor uses nothing of it; leave it out, or give the "
                f"code of a processor in {spelled('processor_code')}."
                for name in self.changed(
                    (
                        "processor_distributions",
                        "processor_environment",
                        "processor_requirements",
                        "processor_statements",
                    )
                )
            ]
        reserved = JOB_VARIABLES | WORKER_VARIABLES if self.compute in {FARGATE, EKS} else JOB_VARIABLES
        if taken := sorted(reserved & set(_known(self.processor_environment))):
            found.append(f"{spelled('processor_environment')} holds {taken[0]}, which Portage sets itself; rename it.")
        if (size := _policy_characters(self.processor_statements)) > PROCESSOR_POLICY_CHARACTERS:
            found.append(
                f"{spelled('processor_statements')} makes a policy of {size:,} characters, but at most "
                f"{PROCESSOR_POLICY_CHARACTERS:,} fit beside the job's own into a role's inline policies (10,240, IAM "
                "quotas). Use fewer or broader statements, or attach a managed policy to the role."
            )
        if conflict := _ENVIRONMENT.conflict(vars(self), spelled):
            found.append(conflict)
        if self.trigger == S3_NOTIFICATIONS:
            found += [
                f"{spelled(name)} is given, but is only for {spelled('trigger')} eventbridge, and it is "
                f"{S3_NOTIFICATIONS}; leave one of them out."
                for name in self.changed(("malware_scan", "event_targets", "archive_days"))
            ]
        return found + self.bucket_conflicts(spelled) + self.event_conflicts(spelled) + self._compute_conflicts(spelled)

    def _code_conflict(self, named: Mapping[str, str], spelled: Callable[[str], str]) -> str | None:
        """Return what is wrong with the processors and their code, if it is here; what is in S3 cannot be read yet."""
        code, bucket = spelled("processor_code"), spelled("processor_code_bucket")
        if self.has_code_in_s3:
            if self.processor_code is not None:
                return f"{code} and {bucket} are given, but a processor's code is in one place; leave one of them out."
            ours = {name: each for name, each in named.items() if each.startswith(BUILT_IN)}
            if len(ours) == len(named):
                return f"{bucket} is given, but all processors are built in; name the module.function in its zip file."
            named = ours
        fault = processors_fault(named, self.processor_code, self.jobs_architecture)
        return fault and f"{fault} See {code}."

    def _compute_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Settings of another compute stay where they are, so that one setting switches between computes."""
        if self.compute == FARGATE:
            return self.fargate_conflicts(spelled) + self.network_conflicts(spelled)
        if self.compute == EKS:
            missing = (
                f"{spelled('image_repository')} is false, but the compute eks runs an image that a workflow pushes to "
                "this repository; set it to true."
            )
            return [] if self.image_repository else [missing]
        found = self.lambda_conflicts(spelled) + self.function_conflicts(spelled, len(self.requirements_files))
        if self.timeout_seconds > LONGEST_FUNCTION_SECONDS:
            found.append(
                f"{spelled('timeout_seconds')} is {self.timeout_seconds}, but must be at most "
                f"{LONGEST_FUNCTION_SECONDS} with the compute {self.compute} (Lambda's limit). For longer jobs, set "
                f"{spelled('compute')} to {FARGATE} or {EKS}."
            )
        if self.compute == STEP_FUNCTIONS:
            found += self.step_functions_conflicts(spelled)
            if self.rules or self.processor != DEFAULT_PROCESSOR:
                found += [
                    f"{spelled(name)} names the processors of every upload, so {spelled('processor')} and "
                    f"{spelled('processors')} have no effect; leave them out."
                    for name in self.changed(("step_functions_processors", "step_functions_map_processor"))
                ]
        return found


def _declared_by(*shapes: type[Arguments]) -> dict[str, Argument]:
    return {name: each for shape in shapes for name, each in shape.declared.items()}


def _rule_conflicts(rules: Sequence[Rule], name: str, default: str) -> list[str]:
    conflicts = [
        f"{name}[{index}] has neither content_types nor file_names, so it matches all uploads; give it one of them, or "
        f"name its processor in {default}, which gets the uploads that no item matches."
        for index, rule in enumerate(rules)
        if not rule.content_types and not rule.file_names
    ]
    return conflicts or [
        f"{name}[{index}] can never match, because {' and '.join(f'{name}[{each}]' for each in earlier)} already match "
        "all its uploads; move it before them, or remove it."
        for index, earlier in shadowed(rules)
    ]


def _known(variables: pulumi.Input[dict[str, pulumi.Input[str]]]) -> dict[str, pulumi.Input[str]]:
    return variables if isinstance(variables, dict) else {}


def _policy_characters(statements: pulumi.Input[list[pulumi.Input[StatementArgs]]]) -> int:
    return len(json.dumps(statements, separators=(",", ":"))) if isinstance(statements, list) else 0
