"""The subcommands of `portage`."""

import getpass
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from rich.filesize import decimal

from ..api.models import Upload
from ..auth.cognito import UserPool
from ..auth.credentials import Credentials
from ..errors import PROGRAM, NotFinished, NotSignedIn, PortageError, WrongUsage, reason
from ..portage import Portage
from ..transfer.config import OnProgress
from ..transfer.download import STANDARD_OUTPUT, descriptor
from ..transfer.stream_queue import Readable
from .arguments import Options, is_folder
from .config import Config, load_config
from .exit_codes import ExitCode, exit_code_of_error, exit_code_of_upload
from .output import Output, show, show_nothing, standard

Send = Callable[[OnProgress], Upload]


def login(options: Options, output: Output) -> ExitCode:
    """Sign in, and store the sign-in. Asks for the password, or reads it from standard input."""
    config = load_config(options.config)
    email = options.email or _answer(input, "E-mail")
    with _user_pool(config, output) as pool:
        session = pool.sign_in(email, _password("Password", options), lambda: _password("New password", options))
        _credentials(config).keep(session)
    output.fact(f"signed in to {config.api_url} as {email}", {"email": email, "api_url": config.api_url})
    return ExitCode.DONE


def put(options: Options, output: Output) -> ExitCode:
    """Upload files, one after the other."""
    with _portage(options, output) as portage:
        return _each(
            ((name, partial(_put, portage, name, path, options, output)) for name, path in _files(options, output)),
            output,
        )


def resume(options: Options, output: Output) -> ExitCode:
    """Continue the upload of one file, or all unfinished uploads of this machine."""
    with _portage(options, output) as portage:
        if options.file is not None:
            sends: list[tuple[str, Send]] = [(options.file, partial(portage.resume, options.file, options.id or None))]
        else:
            sends = [(each.source.name, partial(portage.go_on, each)) for each in portage.unfinished()]
        if not sends and not output.as_json:
            output.note("there are no unfinished uploads")
        return _each(
            ((name, partial(_sent, portage, Path(name).name, send, options, output)) for name, send in sends), output
        )


def status(options: Options, output: Output) -> ExitCode:
    """Show the state of an upload."""
    with _portage(options, output) as portage:
        upload = _awaited(portage, portage.get(options.id), options)
    output.upload(upload)
    return exit_code_of_upload(upload)


def list_uploads(options: Options, output: Output) -> ExitCode:
    """List the newest uploads."""
    with _portage(options, output) as portage:
        for upload in islice(portage.list(), min(options.limit, sys.maxsize)):
            output.upload(upload)
            if output.failure is not None:
                break
    return ExitCode.DONE


def get(options: Options, output: Output) -> ExitCode:
    """Download a result to a file or standard output."""
    with _portage(options, output) as portage:
        target = Path(options.output) if options.output else None
        if options.output == "-" or (target is not None and descriptor(target) == STANDARD_OUTPUT):
            stream = standard("stdout").buffer
            try:
                portage.download_into(options.id, stream)
                stream.flush()
            except OSError as error:
                output.give_up(error)
        else:
            output.file(portage.download(options.id, target))
    return ExitCode.DONE


def abort(options: Options, output: Output) -> ExitCode:
    """Abort an upload."""
    with _portage(options, output) as portage:
        portage.abort(options.id)
    output.fact(f"upload {options.id} is aborted", {"upload_id": options.id, "status": "aborted"})
    return ExitCode.DONE


def verify(options: Options, output: Output) -> ExitCode:
    """Check a deployed stack, or list the cases."""
    from .verify import check_stack, list_cases  # noqa: PLC0415 - other commands need not wait for the suite

    if options.list_cases:
        return list_cases(options, output)
    config = load_config(options.config)
    with _user_pool(config, output) as pool:
        session, other = _credentials(config).sign_in(pool), None
        if options.other_email is not None:
            other = pool.sign_in(options.other_email, _password(f"Password of {options.other_email}", options))
        return check_stack(config, pool, (session, other), options, output)


def operate(options: Options, output: Output) -> ExitCode:
    """Run a command of operators."""
    from .operators import COMMANDS as OF_OPERATORS  # noqa: PLC0415 - other commands need not wait for it

    return OF_OPERATORS[options.command](options, output)


def _user_pool(config: Config, output: Output) -> UserPool:
    return UserPool(config.user_pool_client_id, config.region, config.cognito_endpoint, on_error=output.retried)


def _credentials(config: Config) -> Credentials:
    return Credentials(config.credentials_path, config.user_pool_client_id, config.api_url)


@contextmanager
def _portage(options: Options, output: Output) -> Generator[Portage]:
    config = load_config(options.config)
    with _user_pool(config, output) as pool:
        session = _credentials(config).sign_in(pool)
        with Portage(config.api_url, session, warn=output.note, on_error=output.retried) as portage:
            yield portage


@dataclass
class _Batch:
    """The result of several files."""

    uploads: list[Upload] = field(default_factory=list[Upload])
    codes: list[ExitCode] = field(default_factory=list[ExitCode])
    begun: float = field(default_factory=time.monotonic)

    def summarize(self, output: Output) -> None:
        seconds = time.monotonic() - self.begun
        size_bytes = sum(upload.size_bytes or 0 for upload in self.uploads)
        failed = sum(code is not ExitCode.DONE for code in self.codes)
        output.summary(
            f"{len(self.codes)} files: {len(self.uploads)} uploaded ({decimal(size_bytes)} in {seconds:.0f} s), "
            f"{failed} with errors",
            {
                "files": len(self.codes),
                "uploaded": len(self.uploads),
                "failed": failed,
                "size_bytes": size_bytes,
                "seconds": round(seconds, 1),
            },
        )


def _each(actions: Iterable[tuple[str, Callable[[], Upload]]], output: Output) -> ExitCode:
    """Run the action of each file, also after errors. Returns the first exit code that is not 0."""
    batch = _Batch()
    for name, action in actions:
        try:
            upload = action()
        except (PortageError, OSError) as error:
            output.error(error, name)
            batch.codes.append(exit_code_of_error(error))
        else:
            output.upload(upload, name)
            batch.uploads.append(upload)
            batch.codes.append(exit_code_of_upload(upload))
    if len(batch.codes) > 1:
        batch.summarize(output)
    return next((code for code in batch.codes if code), ExitCode.DONE)


def _files(options: Options, output: Output) -> Iterator[tuple[str, Path | OSError]]:
    """Yield each file with its name for messages. A folder stands for all files in it, but not behind links.

    Notes how much a folder has before its first file, because hidden files count too.
    """
    for name in options.files:
        if name == "-" or not is_folder(name):
            yield name, Path(name)
            continue
        errors: list[OSError] = []
        paths: list[Path] = []
        for folder, folders, files in os.walk(name, onerror=errors.append):
            folders.sort()
            paths += [Path(folder, file) for file in sorted(files)]
        if paths and not output.as_json:
            count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
            output.note(f"{name}: {count}, {decimal(sum(map(_size_bytes, paths)))}")
        for path in paths:
            yield str(path), path
        for error in errors:
            yield error.filename, error
        if not paths and not errors:
            yield name, OSError(f"The folder has no files: {name}")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # sending it reports the error
        return 0


def _put(portage: Portage, name: str, path: Path | OSError, options: Options, output: Output) -> Upload:
    if isinstance(path, OSError):
        raise path
    how = {"checksum": options.checksum, "method": options.method}
    if name == "-":
        file_name = options.name or "stdin"
        send = partial(portage.upload_stream, _bytes_of_standard_input(), file_name, options.type, **how)
    else:
        file_name = options.name or path.name
        send = partial(portage.upload, path, options.type, file_name=file_name, **how)
    return _sent(portage, file_name, send, options, output)


def _bytes_of_standard_input() -> Readable:
    try:
        buffered = standard("stdin").buffer
    except OSError as error:
        raise WrongUsage(f"{reason(error)}: give a file, or pipe into the command") from error
    # A thread that waits for a pipe would hold the buffer's lock, which Python needs when it exits.
    return getattr(buffered, "raw", buffered)


def _sent(portage: Portage, name: str, send: Send, options: Options, output: Output) -> Upload:
    with (show_nothing if output.as_json else show)(name) as on_progress:
        upload = send(on_progress)
    try:
        return _awaited(portage, upload, options)
    except NotFinished:
        raise
    except BaseException as error:  # the same command again would upload the file a second time
        error.add_note(f"Upload {upload.upload_id} is sent: `{PROGRAM} status {upload.upload_id} --wait` waits for it.")
        raise


def _awaited(portage: Portage, upload: Upload, options: Options) -> Upload:
    if not options.wait or upload.is_finished:
        return upload
    try:
        return portage.wait(upload.upload_id, options.timeout)
    except NotFinished as late:
        late.add_note(f"To wait longer: `{PROGRAM} status {upload.upload_id} --wait --timeout SECONDS`.")
        raise


def _answer(ask: Callable[[str], str], what: str) -> str:
    try:
        standard("stdin")
        answer = ask(f"{what}: ")
        answer.encode()  # Python may read bytes that it cannot decode as surrogates, which JSON cannot have
    except EOFError:
        answer = ""
    except OSError as error:
        raise WrongUsage(f"{reason(error)}: run the command at a terminal, or pipe the password into it") from error
    except UnicodeError as error:
        raise WrongUsage(f"{what} is not UTF-8: type or pipe it in this encoding") from error
    if not answer:
        raise NotSignedIn(f"{what} is empty: type it at a terminal, or give --email, and --password-stdin with a line")
    return answer


def _password(what: str, options: Options) -> str:
    return _answer(_line_of_standard_input if options.password_stdin else getpass.getpass, what)


def _line_of_standard_input(_: str) -> str:
    return sys.stdin.readline().rstrip("\r\n")


COMMANDS: Mapping[str, Callable[[Options, Output], ExitCode]] = {
    "login": login,
    "put": put,
    "resume": resume,
    "status": status,
    "list": list_uploads,
    "get": get,
    "abort": abort,
    "verify": verify,
    "doctor": operate,
    "redrive": operate,
}
