"""chatschema privacy list."""

from chatschema import units
from chatschema.cli import console, options, session


def list_requests(json: options.Json = False, url: options.Url = None) -> None:
    """List the requests to erase personal data, oldest first. Reads only."""
    from chatschema.privacy.erase import requests

    with session.connected(session.settings(url), writes=False) as (_, connection):
        requests.refuse_missing(connection)
        found = requests.listed(connection)
    if json:
        console.as_json({"requests": found})
        return
    rows = [
        (str(one.id), one.subject_type, str(one.subject_id), one.state, units.when(one.requested_at), units.when(one.finished_at),
         ", ".join(f"hold {hold}" for hold in one.holds))
        for one in found
    ]  # fmt: skip
    if rows:
        console.table(("request", "of", "id", "state", "requested (UTC)", "finished (UTC)", "prevented by"), rows, right=(0,))
    else:
        console.answer("no request was made")
