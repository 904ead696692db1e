"""A function can import what its archive holds and what AWS's runtime brings, and nothing else.

AWS: the Python runtime has the SDK beside the standard library; all else comes with the archive or a layer.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
MiniStack: functions also see every package of the environment that MiniStack runs in, so that one forgotten in
the archive is only missed on AWS.
Here: that environment's folder gives way to one that links the SDK's packages.
"""

import importlib.util
import os
import site
from pathlib import Path

from local.shim import gap

_SDK = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


def mend(data_dir: Path) -> None:
    """Make the folder of the SDK in the data folder, and have Python workers use it."""
    folder = data_dir / "lambda-packages"
    folder.mkdir()
    for package in _SDK:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise gap.GapError(f"Lambda's Python runtime has {package}, which is not installed here")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    hidden = [*site.getsitepackages(), site.getusersitepackages()]
    prelude = (
        "import os, sys\n"
        f"sys.path[:] = [p for p in sys.path if os.path.normpath(p) not in {hidden!r}] + [{os.fspath(folder)!r}]\n"
    )
    gap.replace("ministack.core.lambda_runtime", "_PYTHON_WORKER_SCRIPT", lambda script: prelude + script)
