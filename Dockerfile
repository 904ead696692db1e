# syntax=docker/dockerfile:1
# The container worker, handlers/entries/worker.py, and the function of a processor, each with a team's processor.
# docs/processing.md has the commands.

# A team's processor takes the place of this stage, by: docker build --build-context processor=FOLDER
FROM scratch AS processor

# The digest names the list of all architectures. Debian's fixes come with a new one, which Dependabot proposes each week.
FROM python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8 AS base

FROM base AS libraries
WORKDIR /libraries
COPY requirements-worker.txt handlers/processors/requirements/*.txt ./
COPY --from=processor / ./processor/
# Like the Lambda layers: wheels alone, each with the hash that was reviewed. A team's file is optional.
RUN set -eu; for file in ./*.txt ./processor/requirements.txt; do \
      if [ -f "$file" ]; then \
        pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: --target=/libraries/installed -r "$file"; \
      fi; \
    done

FROM libraries AS function-libraries
COPY requirements-function.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: --target=/libraries/installed -r requirements-function.txt

# What Lambda runs with functionImage: docker build --target function. Lambda sets the user, and the handler as command.
FROM base AS function
WORKDIR /app
COPY --from=function-libraries /libraries/installed ./libraries/
COPY handlers/ ./handlers/
COPY --from=processor / ./processor/
RUN python -m compileall -q .
ENV PYTHONPATH=/app/libraries PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python", "-m", "awslambdaric"]

FROM base
RUN useradd --system --no-create-home --uid 10001 --shell /usr/sbin/nologin worker
WORKDIR /app
COPY --from=libraries /libraries/installed ./libraries/
COPY handlers/ ./handlers/
COPY --from=processor / ./processor/
# The root file system is read-only when the worker runs, so its bytecode is compiled here.
RUN python -m compileall -q .
ENV PYTHONPATH=/app/libraries PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# By number, so that an orchestrator can see that it is not root.
USER 10001
# Workspaces of jobs, and the signs of life for the health check. The volume has the permissions of this folder.
VOLUME /tmp
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-m", "handlers.entries.worker_health"]
ENTRYPOINT ["python", "-m", "handlers.entries.worker"]
