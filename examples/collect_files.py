"""Removes stored files whose message is gone. Run it from cron: python collect_files.py URL.

The bytes go first and the rows after them: after a kill the next run repeats it, and removing a file twice does no harm.
"""

import json
import subprocess
import sys
from pathlib import Path

# Where the files of the provider "disk" are.
FOLDER = Path("files")
BATCH = 1000


def remove(provider: str, key: str) -> None:
    """Remove the bytes of one file; one that is gone already is no error."""
    if provider == "disk":
        path = (FOLDER / key).resolve()
        if not path.is_relative_to(FOLDER.resolve()):
            raise ValueError(f"{key} is outside of {FOLDER}")
        path.unlink(missing_ok=True)
    elif provider == "s3":
        import boto3  # type: ignore[import-not-found]

        bucket, _, name = key.partition("/")
        boto3.client("s3").delete_object(Bucket=bucket, Key=name)
    else:
        raise ValueError(f"no rule for files of {provider}")


def main() -> int:
    """Remove all files that are due; return how many."""
    command = [sys.executable, "-m", "chatschema", "attachments"]
    url = ["--url", sys.argv[1]] if len(sys.argv) > 1 else []
    count = 0
    while True:
        listed = subprocess.run([*command, "due", "--json", "--limit", str(BATCH), *url], check=True, stdout=subprocess.PIPE)
        files = json.loads(listed.stdout)["files"]
        if not files:
            return count
        for file in files:
            remove(file["storage_provider"], file["storage_key"])
        ids = "\n".join(file["id"] for file in files)
        subprocess.run([*command, "done", "-", *url], check=True, input=ids.encode(), stdout=subprocess.DEVNULL)
        count += len(files)


if __name__ == "__main__":
    print(f"removed {main()} files")
