"""The subcommands of `portage`."""

import getpass
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from ..api.models import Upload
from ..auth.cognito import UserPool
from ..auth.credentials import Credentials
from ..errors import PROGRAM, NotFinished, NotSignedIn, PortageError
from ..portage import Portage
from ..transfer.config import OnProgress
from ..transfer.download import STANDARD_OUTPUT, descriptor
from .config import Config, load_config
from .exit_codes import ExitCode, exit_code_of_error, exit_code_of_upload
from .output import Output
from .progress import show, show_nothing
from .redrive import DeadLetters, NothingToRedrive
from .spool import discard, spool

Send = Callable[[OnProgress], Upload]


def login(options: Namespace, output: Output) -> ExitCode:
    """Sign in, and store the sign-in. Asks for the password, or reads it from standard input."""
    config = load_config(options.config)
    email = options.email or _answer(input, "E-mail")
    ask = _asked_on_standard_input if options.password_stdin else _asked_on_the_terminal
    with UserPool(config.user_pool_client_id, config.region, config.cognito_endpoint) as pool:
        session = pool.sign_in(email, _answer(ask, "Password"), lambda: _answer(ask, "New password"))
        _credentials(config).keep(session)
    output.fact(f"signed in to {config.api_url} as {email}", {"email": email, "api_url": config.api_url})
    return ExitCode.DONE


def put(options: Namespace, output: Output) -> ExitCode:
    """Upload files, one after the other."""
    with _portage(options) as portage:
        return _each(((name, partial(_put, portage, name, options, output)) for name in options.files), output)


def resume(options: Namespace, output: Output) -> ExitCode:
    """Continue the upload of one file, or all unfinished uploads of this machine."""
    with _portage(options) as portage:
        if options.file is not None:
            sends: list[tuple[str, Send]] = [(options.file, partial(portage.resume, options.file, options.id))]
        else:
            sends = [(str(each.source.path), partial(portage.go_on, each)) for each in portage.unfinished()]
        if not sends and not output.as_json:
            output.note("there are no unfinished uploads")
        return _each(((name, partial(_resume, portage, name, send, options, output)) for name, send in sends), output)


def status(options: Namespace, output: Output) -> ExitCode:
    """Show the state of an upload."""
    with _portage(options) as portage:
        upload = _awaited(portage, portage.get(options.id), options)
    output.upload(upload)
    return exit_code_of_upload(upload)


def list_uploads(options: Namespace, output: Output) -> ExitCode:
    """List the newest uploads."""
    with _portage(options) as portage:
        for upload in islice(portage.list(), options.limit):
            output.upload(upload)
    return ExitCode.DONE


def get(options: Namespace, output: Output) -> ExitCode:
    """Download a result to a file or standard output."""
    with _portage(options) as portage:
        target = Path(options.output) if options.output else None
        if options.output == "-" or (target is not None and descriptor(target) == STANDARD_OUTPUT):
            portage.download_into(options.id, sys.stdout.buffer)
        else:
            output.file(portage.download(options.id, target))
    return ExitCode.DONE


def abort(options: Namespace, output: Output) -> ExitCode:
    """Abort an upload."""
    with _portage(options) as portage:
        begun = [each for each in portage.unfinished() if each.upload_id == options.id]
        try:
            portage.abort(options.id)
        finally:
            if all(each.upload_id != options.id for each in portage.unfinished()):
                for each in begun:
                    discard(each.source.path)
    output.fact(f"upload {options.id} is aborted", {"upload_id": options.id, "status": "aborted"})
    return ExitCode.DONE


def redrive(options: Namespace, output: Output) -> ExitCode:
    """Move messages of the dead-letter queue to the queue, or show them."""
    wanted, moved = set(options.ids), 0
    found: set[str] = set()
    with DeadLetters(load_config(options.config)) as letters:
        for letter in letters:
            if options.ids and letter.upload_id not in wanted:
                continue
            found.add(letter.upload_id)
            if not options.dry_run:
                letters.move(letter)
                moved += 1
            output.dead_letter(letter, is_moved=not options.dry_run)
    if missing := sorted(wanted - found):
        raise NothingToRedrive(f"the dead-letter queue has no message of upload {', '.join(missing)}")
    if not output.as_json:
        output.note(f"{moved} messages were moved" if found else "the dead-letter queue is empty")
    return ExitCode.DONE


def _credentials(config: Config) -> Credentials:
    return Credentials(config.credentials_path, config.user_pool_client_id, config.api_url)


@contextmanager
def _portage(options: Namespace) -> Generator[Portage]:
    config = load_config(options.config)
    with UserPool(config.user_pool_client_id, config.region, config.cognito_endpoint) as pool:
        session = _credentials(config).sign_in(pool)
        with Portage(config.api_url, session) as portage:
            yield portage


def _each(actions: Iterable[tuple[str, Callable[[], ExitCode]]], output: Output) -> ExitCode:
    """Run the action of each file, also after errors. Returns the first exit code that is not 0."""
    codes: list[ExitCode] = []
    for name, action in actions:
        try:
            codes.append(action())
        except (PortageError, OSError) as error:
            output.error(error, name)
            codes.append(exit_code_of_error(error))
    return next((code for code in codes if code), ExitCode.DONE)


def _put(portage: Portage, name: str, options: Namespace, output: Output) -> ExitCode:
    is_standard_input = name == "-"
    path = spool(sys.stdin.buffer) if is_standard_input else Path(name)
    file_name = options.name or ("stdin" if is_standard_input else path.name)

    def send(on_progress: OnProgress) -> Upload:
        return portage.upload(
            path,
            options.type,
            on_progress,
            checksum=options.checksum,
            method=options.method,
            file_name=file_name,
        )

    try:
        upload = _sent(portage, file_name, send, options, output)
    finally:
        if is_standard_input and not any(each.source.path == path.resolve() for each in portage.unfinished()):
            discard(path)
    output.upload(upload, name)
    return exit_code_of_upload(upload)


def _resume(portage: Portage, name: str, send: Send, options: Namespace, output: Output) -> ExitCode:
    upload = _sent(portage, Path(name).name, send, options, output)
    discard(Path(name).resolve())
    output.upload(upload, name)
    return exit_code_of_upload(upload)


def _sent(portage: Portage, name: str, send: Send, options: Namespace, output: Output) -> Upload:
    with (show_nothing if output.as_json else show)(name) as on_progress:
        upload = send(on_progress)
    return _awaited(portage, upload, options)


def _awaited(portage: Portage, upload: Upload, options: Namespace) -> Upload:
    if not options.wait or upload.is_finished:
        return upload
    try:
        return portage.wait(upload.upload_id, options.timeout)
    except NotFinished as late:
        late.add_note(f"To wait longer: `{PROGRAM} status {upload.upload_id} --wait --timeout SECONDS`.")
        raise


def _answer(ask: Callable[[str], str], what: str) -> str:
    try:
        answer = ask(f"{what}: ")
    except EOFError:
        answer = ""
    if not answer:
        raise NotSignedIn(f"{what} is empty: type it at a terminal, or give --email, and --password-stdin with a line")
    return answer


def _asked_on_the_terminal(prompt: str) -> str:
    return getpass.getpass(prompt)


def _asked_on_standard_input(_: str) -> str:
    return sys.stdin.readline().rstrip("\r\n")


COMMANDS: Mapping[str, Callable[[Namespace, Output], ExitCode]] = {
    "login": login,
    "put": put,
    "resume": resume,
    "status": status,
    "list": list_uploads,
    "get": get,
    "abort": abort,
    "redrive": redrive,
}
