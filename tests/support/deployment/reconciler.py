"""The reconciler of a deployment, as a test invokes it."""

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
