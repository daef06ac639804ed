#!/usr/bin/env bash
# Lints the files in FILES, or those below FOLDER/migrations that were added or changed since the commit BASE.
set -euo pipefail

files=()
if [[ -n ${FILES:-} ]]; then
  read -r -a files <<<"$FILES"
elif [[ -n ${BASE:-} ]] && git cat-file -e "$BASE^{commit}" 2>/dev/null; then
  while IFS= read -r -d '' file; do
    files+=("$file")
  done < <(git diff -z --name-only --diff-filter=AMR "$BASE"...HEAD -- "$FOLDER/migrations/*.sql")
  if [[ ${#files[@]} == 0 ]]; then
    echo "no migration was added or changed since $BASE"
    exit 0
  fi
else
  # Without the commit, in a shallow checkout, nobody can tell which files are new.
  echo "::warning::the commit ${BASE:-of the base} is not in the checkout, so all migrations are checked; use fetch-depth: 0"
fi
exec chatschema lint --offline --format github --level "$LEVEL" --sql-dir "$FOLDER" ${files[@]+"${files[@]}"}
