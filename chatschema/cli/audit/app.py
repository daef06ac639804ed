"""chatschema audit: seals of the audit trail, and what they prove."""

import typer

from chatschema.cli.audit import anchor, archive, check_proof, key, prove, prove_key, seal, verify

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Seal the audit trail, verify it and prove its entries.")
app.command("seal")(seal.seal)
app.command("verify")(verify.verify)
app.command("key")(key.key)
app.command("anchor")(anchor.anchor)
app.command("prove")(prove.prove)
app.command("prove-key")(prove_key.prove_key)
app.command("check-proof")(check_proof.check_proof)
app.command("archive")(archive.archive)
