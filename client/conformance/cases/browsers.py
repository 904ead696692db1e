"""Web pages of the allowed origins can use the API and send to S3, and pages of other origins cannot (CORS)."""

from collections.abc import Sequence

from ..answers import Answer
from ..context import Context
from ..verdict import Skipped, require

_OTHER = "https://not-allowed.example"


def api_preflight_allows_origins(check: Context) -> None:
    """The API allows each origin to call its operations with a token."""
    for origin in _origins(check):
        for path, method in (("/uploads", "POST"), (f"/uploads/{check.open_upload().upload_id}", "DELETE")):
            answer = check.call("OPTIONS", path, headers=_asking(origin, method, "authorization,content-type"))
            answer.require_status(200, 204)
            _allows(answer, origin)
            require(method in answer.headers.get("Access-Control-Allow-Methods", ""), f"{answer} without {method}")
            allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
            require("authorization" in allowed and "content-type" in allowed, f"{answer}, and allows only {allowed!r}")


def api_answers_allow_origins(check: Context) -> None:
    """Pages of each origin can read the API's answers and errors."""
    upload = f"/uploads/{check.open_upload().upload_id}"
    for origin in _origins(check):
        headers = {"Origin": origin}
        answers = {
            200: check.called("GET", upload, headers=headers),
            400: check.called("POST", "/uploads", {}, headers=headers),
            401: check.call("GET", "/uploads", headers=headers),
            404: check.called("GET", "/uploads/x", headers=headers),
        }
        for status, answer in answers.items():
            answer.require_status(status)
            _allows(answer, origin)


def bucket_allows_origins(check: Context) -> None:
    """Pages of each origin can send to S3: S3 answers preflights, and the PUT itself."""
    for origin in _origins(check):
        created = check.declare()
        names = ",".join(name.lower() for name in created.headers if name.lower() != "content-length")
        preflight = check.send(created.url, b"", _asking(origin, "PUT", names), "OPTIONS")
        preflight.require_status(200, 204)
        _allows(preflight, origin)
        stored = check.put(created, changed={"origin": origin})
        stored.require_status(200)
        _allows(stored, origin)
        exposed = stored.headers.get("Access-Control-Expose-Headers", "").lower()
        require("etag" in exposed, f"pages cannot read the ETag of a part, only {exposed!r}")


def other_origins_are_not_allowed(check: Context) -> None:
    """Neither the API nor S3 allows an origin that the stack does not name."""
    if "*" in (check.stack.allowed_origins or ()):
        raise Skipped("the stack allows all origins (*)")
    created = check.open_upload()
    answers = (
        check.call("OPTIONS", "/uploads", headers=_asking(_OTHER, "POST", "authorization")),
        check.called("GET", f"/uploads/{created.upload_id}", headers={"Origin": _OTHER}),
        check.send(created.url, b"", _asking(_OTHER, "PUT", "content-type"), "OPTIONS"),
    )
    for answer in answers:
        require(answer.allowed_origin is None, f"{answer}, and allows {answer.allowed_origin} to {_OTHER}")


def _origins(check: Context) -> Sequence[str]:
    origins = check.stack.allowed_origins
    if origins is None:
        raise Skipped("the configuration names no allowed origins (uploadRules): give them with --origin")
    if not origins:
        raise Skipped("the stack allows no origin (allowedOrigins)")
    return [each for each in origins if each != "*"] or ["https://any.example"]


def _asking(origin: str, method: str, names: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": names,
    }


def _allows(answer: Answer, origin: str) -> None:
    require(answer.allowed_origin in {origin, "*"}, f"{answer}, and allows {answer.allowed_origin}, not {origin}")
