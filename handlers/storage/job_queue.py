"""The queue of created objects: the only code that speaks to SQS."""

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

LONGEST_DELAY_SECONDS = 900


def retry_delay_seconds(attempt: int, max_attempts: int) -> int:
    """5, 30, 180 and then 900 seconds; none after the last try, so that the dead letter is seen at once."""
    return 0 if attempt >= max_attempts else min(5 * 6 ** min(attempt - 1, 3), LONGEST_DELAY_SECONDS)


class JobQueue:
    """Decides when a message that failed comes again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def deliver_again(self, record: dict[str, Any], *, after_seconds: int) -> None:
        """Bring a failed message back soon: the queue's visibility timeout, made for the longest job, takes hours."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=after_seconds
            )
        except (ClientError, BotoCoreError):
            # It comes all the same, only later; failing here would fail the rest of the batch with it.
            log.exception("The next delivery could not be brought forward.", extra={"message_id": record["messageId"]})
