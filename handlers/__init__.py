"""The code that runs in Lambda. Imports point one way: entries, http, use_cases, storage, aws, domain."""

import logging

# Lambda sets the function's log level on the root logger, and at DEBUG the SDK logs credentials, signed requests and
# secrets. Every entry is imported through this package, so that no entry can be without this.
for _name in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_name).setLevel(max(logging.INFO, logging.getLogger().level))
