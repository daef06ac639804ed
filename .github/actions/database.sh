#!/usr/bin/env bash
# Resets and migrates the database URL, or that of an embedded server; SEED=true adds demo data, POOL=true starts a pool for tests.
# Writes url and socket to GITHUB_OUTPUT, and DATABASE_URL to GITHUB_ENV for the steps that follow.
set -euo pipefail

url=${URL:-}
if [[ -z $url ]]; then
  chatschema server start
  url=$(chatschema server url)
else
  # The log of the job is not the place for a password.
  password=$(sed -nE 's|^[^:]+://[^:/@]*:([^@]*)@.*|\1|p' <<<"$url")
  [[ -z $password ]] || echo "::add-mask::$password"
fi
seed=()
[[ ${SEED:-} != true ]] || seed=(--seed)
chatschema reset --yes --wait 60 --url "$url" ${seed[@]+"${seed[@]}"}
chatschema status --check --url "$url"

socket=
if [[ ${POOL:-} == true ]]; then
  place=embedded
  [[ -z ${URL:-} ]] || place=$url
  socket=$(chatschema ci pool start --server "$place")
fi
{
  echo "url=$url"
  echo "socket=$socket"
} >>"$GITHUB_OUTPUT"
echo "DATABASE_URL=$url" >>"$GITHUB_ENV"
