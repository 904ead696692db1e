"""The building block of UploadApi's functions: one for each operation that Lambda performs."""

from collections.abc import Mapping

import pulumi

from components.api.operations import Backing, Function, Operation, functions
from components.compute.code_archive import code_archive
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs, joined

RESPONSE_SECONDS = 28
"""S3 takes a while to put thousands of parts together; API Gateway waits for 29 s."""


class UploadFunctions(pulumi.ComponentResource):
    """One Lambda function for each operation, with a role of its own."""

    functions: Mapping[str, LambdaFunction]
    """By operationId."""

    def __init__(self, name: str, backing: Backing, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the functions, which work with the resources in `backing`."""
        super().__init__("portage:index:UploadFunctions", name, {}, opts)
        self._name = name
        self._backing = backing
        self._code = code_archive()
        self.functions = {
            operation_id: self._function(operation, function)
            for operation_id, (operation, function) in functions().items()
        }
        self.register_outputs({})

    def _function(self, operation: Operation, function: Function) -> LambdaFunction:
        args = self._backing.args
        return LambdaFunction(
            f"{self._name}-{operation.purpose}",
            LambdaFunctionArgs(
                handler=function.entry,
                code=self._code,
                statements=function.statements(self._backing),
                environment={
                    "ALLOWED_ORIGINS": joined(args.allowed_origins),
                    **function.environment(self._backing),
                },
                timeout_seconds=RESPONSE_SECONDS,
                log_level=args.log_level,
                log_retention_days=args.log_retention_days,
            ),
            pulumi.ResourceOptions(parent=self),
        )
