"""A function finds around it what AWS's runtime brings, and nothing of the emulator's own.

AWS: the Python runtime has the SDK beside the standard library; every other package comes with the archive or a
layer. Of variables there are the runtime's and the function's.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
MiniStack: functions also see every package and variable of the process that MiniStack runs in, so that a package
forgotten in the archive is only missed on AWS, and an unset LOG_LEVEL is the emulator's.
Here: the packages give way to a folder that links the SDK's, and the variables go.
"""

import importlib.util
import os
import site
from pathlib import Path

from local.emulator import patching

_SDK = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
# The AWS_ ones keep the SDK in a function from reading the files of whoever runs the emulator.
_KEPT = {
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE"),
}


def patch(data_dir: Path) -> None:
    """Clean up in Python workers before they load a function; the SDK's folder is made in the data folder."""
    packages = data_dir / "lambda-packages"
    packages.mkdir()
    for package in _SDK:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise patching.PatchError(f"Lambda's Python runtime has {package}, which is not installed here")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (packages / source.name).symlink_to(source)
    foreign_paths = [*site.getsitepackages(), site.getusersitepackages()]
    foreign_variables = sorted(set(os.environ) - _KEPT)
    prelude = f"""
import os, sys
sys.path[:] = [path for path in sys.path if os.path.normpath(path) not in {foreign_paths!r}]
sys.path.append({os.fspath(packages)!r})
for name in {foreign_variables!r}:
    os.environ.pop(name, None)
"""
    patching.replace("ministack.core.lambda_runtime", "_PYTHON_WORKER_SCRIPT", lambda script: prelude + script)
