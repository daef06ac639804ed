"""Reports as CSV, Markdown, OpenMetrics and HTML."""

from collections.abc import Sequence

from chatschema.report.result import Coverage, Result


def text(form: str, results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return the answer in the form named: csv, markdown, openmetrics or html."""
    from chatschema.report.forms import html, markdown, openmetrics, separated

    writers = {"csv": separated.text, "markdown": markdown.text, "openmetrics": openmetrics.text, "html": html.text}
    return writers[form](results, coverage, is_overview=is_overview)
