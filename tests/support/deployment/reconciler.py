"""The reconciler of a deployment, as a test invokes it."""

from datetime import datetime

from handlers.domain.times import iso
from tests.support.deployment.system import System


def reconciler_of(system: System) -> str:
    """Return the function's name."""
    return system.resource_id("Function", "processing-reconcile")


def change_newest_version(system: System, **variables: str) -> None:
    """Change variables of the newest version, such as GRACE_SECONDS. The schedule invokes the live alias's version."""
    functions, name = system.emulator.client("lambda"), reconciler_of(system)
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})


def reconcile(system: System) -> None:
    """Invoke the newest version, and wait for its end."""
    answer = system.emulator.client("lambda").invoke(FunctionName=reconciler_of(system), Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()


def change_record(system: System, upload_id: str, **times: datetime) -> None:
    """Write other times into an upload's record."""
    database, table = system.emulator.client("dynamodb"), system.outputs["uploadsTable"]
    (item,) = database.scan(
        TableName=table,
        FilterExpression="upload_id = :upload_id",
        ExpressionAttributeValues={":upload_id": {"S": upload_id}},
        ConsistentRead=True,
    )["Items"]
    database.put_item(TableName=table, Item={**item, **{name: {"S": iso(time)} for name, time in times.items()}})
