"""The subcommands of `portage` for operators, who have AWS credentials."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..errors import WrongConfig, WrongUsage
from ..operators.aws import aws_client
from ..operators.redrive import DeadLetter, DeadLetters, NothingToRedrive
from .arguments import AVERAGE_MB, POLLS_PER_UPLOAD, Options
from .config import config_path, load_config
from .exit_codes import ExitCode
from .output import Output, time_text

_NOTED_EACH = 500
"""Uploads in parts between two lines of progress."""


def redrive(options: Options, output: Output) -> ExitCode:
    """Move messages of the dead-letter queue to the queue, or show them."""
    config, wanted, count = load_config(options.config), set(options.ids), 0
    if not config.queue_url or not config.dead_letter_queue_url:
        raise WrongConfig(
            "the configuration has no queueUrl or deadLetterQueueUrl: write it with "
            "`pulumi stack output --json > portage.json`"
        )
    found: set[str] = set()
    sqs = aws_client("sqs", config.region)
    with DeadLetters(sqs, queue_url=config.queue_url, dead_letter_queue_url=config.dead_letter_queue_url) as letters:
        for letter in letters:
            if options.ids and letter.upload_id not in wanted:
                continue
            found.add(letter.upload_id)
            if not options.dry_run:
                letters.move(letter)
            count += 1
            _show(letter, output, is_moved=not options.dry_run)
    if missing := sorted(wanted - found):
        raise NothingToRedrive(f"the dead-letter queue has no message of upload {', '.join(missing)}")
    if not output.as_json:
        what = "messages that would be moved" if options.dry_run else "messages moved"
        output.note(f"{what}: {count}" if found else "the dead-letter queue is empty")
    return ExitCode.DONE


def _show(letter: DeadLetter, output: Output, *, is_moved: bool) -> None:
    name = letter.upload_id or "a message that names no upload"
    what = "moved" if is_moved else "would be moved"
    output.fact(
        f"{name}  {letter.owner}  {time_text(letter.sent_at)}  {what}",
        {"upload_id": letter.upload_id, "owner": letter.owner, "sent_at": letter.sent_at, "moved": is_moved},
    )


def doctor(options: Options, output: Output) -> ExitCode:
    """Compare a stack with its account, and show what a load costs."""
    # Only this command needs them.
    from ..operators.doctor import account, cost, examine, prices, resources  # noqa: PLC0415

    if options.policy:
        output.fact(json.dumps(account.policy()), account.policy())
        return ExitCode.DONE
    if options.uploads_per_day is None:
        of_cost = ("average_size", "polls_per_upload", "prices")
        for name in (each for each in of_cost if getattr(options, each) is not None):
            raise WrongUsage(f"--{name.replace('_', '-')} changes only the cost, which needs --uploads-per-day")
    path = _subject(options)
    stack = resources.load(path) if path is not None else resources.Stack()
    region = options.region or stack.region
    if not region:
        raise WrongUsage(f"{path} does not name a region: give --region")
    load = None
    if options.uploads_per_day is not None:
        size, polls = options.average_size or AVERAGE_MB * 1e6, options.polls_per_upload or POLLS_PER_UPLOAD
        load = cost.Load(options.uploads_per_day, size, polls)
    deadline = time.monotonic() + options.timeout
    examination = examine.Examination(
        stack=stack,
        account=account.Account(region, aws_client),
        prices=prices.load(region, options.prices),
        now=datetime.now(UTC),
        has_time=lambda: time.monotonic() < deadline,
        load=load,
    )

    def note(count: int) -> None:
        if count % _NOTED_EACH == 0:
            output.note(f"{count} uploads in parts read")

    has_errors = False
    for row in examination.rows(note):
        has_errors |= row.is_error
        if row.fields or not output.as_json:
            output.fact(row.text, row.fields)
    return ExitCode.NO_RESULT if has_errors else ExitCode.DONE


def _subject(options: Options) -> Path | None:
    """Return the file to examine: the one given, or the stack's outputs. None: only the account of a region given."""
    if options.file is not None:
        return Path(options.file)
    try:
        return config_path(options.config)
    except WrongConfig:
        if options.region is None or options.config is not None:
            raise
        return None


COMMANDS: Mapping[str, Callable[[Options, Output], ExitCode]] = {"redrive": redrive, "doctor": doctor}
