"""The variables of a job (JobEnvironment), with the names of the simulated AWS."""

from tests.support.aws.moto_cloud import INGEST, QUARANTINE, RESULTS, TABLE


def job_variables(queue_url: str, *, max_attempts: int, processors: str = "[]") -> dict[str, str]:
    return {
        "UPLOADS_TABLE": TABLE,
        "INGEST_BUCKET": INGEST,
        "RESULTS_BUCKET": RESULTS,
        "QUARANTINE_BUCKET": QUARANTINE,
        "QUEUE_URL": queue_url,
        "PROCESSOR": "handlers.processors.inspect.process",
        "PROCESSORS": processors,
        "MAX_ATTEMPTS": str(max_attempts),
        "MALWARE_SCAN": "off",
        "UNSCANNABLE_OBJECTS": "reject",
        "ALLOWED_CONTENT_TYPES": "",
    }
