"""The code that runs in Lambda, by layer: entries, http and use_cases, storage and processors, aws, domain.

Each layer imports only lower ones ([tool.importlinter] in pyproject.toml).
"""

import logging

# Lambda sets the function's log level on the root logger, and at DEBUG the SDK logs credentials, signed requests and
# secrets. Every entry is imported through this package, so that no entry can be without this.
for _name in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_name).setLevel(max(logging.INFO, logging.getLogger().level))
