"""chatschema audit: the trail of who did what, when and from where, its seals, and what they prove."""

import typer

from chatschema.cli.audit import anchor, archive, check_proof, key, prove, prove_key, report, seal, search, tail, verify

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The audit trail: read it, seal it, verify it and prove its entries."
)
app.command("tail")(tail.tail)
app.command("search")(search.search)
app.command("report")(report.report)
app.command("seal")(seal.seal)
app.command("verify")(verify.verify)
app.command("key")(key.key)
app.command("anchor")(anchor.anchor)
app.command("prove")(prove.prove)
app.command("prove-key")(prove_key.prove_key)
app.command("check-proof")(check_proof.check_proof)
app.command("archive")(archive.archive)
