"""``image trust show``: the trust policy as a table, as JSON or as it is."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.trust_admin import TrustRow
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, _args: list[str]) -> int:
    """Print the policy."""
    from ...engine.trust_admin import raw, show

    if opts.raw:
        ctx.out(raw(opts.signature_policy).decode("utf-8", "replace"))
        return 0
    rows = show(opts.signature_policy, opts.registrypath)
    if opts.json:
        from ...kit.fastjson import dumps

        ctx.out(dumps([_document(row) for row in rows], indent=2))
        return 0
    from ..tabs import table

    lines = [] if opts.noheading else [["TRANSPORT", "NAME", "TYPE", "ID", "STORE"]]
    lines += [[row.transport, row.repo_name, row.type, row.gpg_id, row.store] for row in rows]
    ctx.out(table(lines), end="")
    return 0


def _document(row: TrustRow) -> dict[str, str]:
    document = {
        "transport": row.transport,
        "name": row.name,
        "repo_name": row.repo_name,
        "sigstore": row.store,
        "type": row.type,
        "gpg_id": row.gpg_id,
    }
    return {key: value for key, value in document.items() if value or key in ("transport", "type")}


COMMAND = Command(
    path="image trust show",
    summary="Display trust policy for the system",
    usage="[options] [REGISTRY]",
    long="Displays what policy.json asks of images, by transport and registry, with the owners of\n"
    "  the keys and the places of the signatures.",
    flags=(
        Flag("json", "j", usage="Output as JSON"),
        Flag("noheading", "n", usage="Do not print column headings"),
        Flag("raw", usage="Output the policy file as it is"),
        Flag("registrypath", type="string", hidden=True, complete="dirs"),
        Flag("signature-policy", type="string", complete="files", aliases=("policypath",),
             usage="Path of the policy.json to show"),
    ),
    examples=("image trust show", "image trust show --json"),
    max_args=1,
    run=run,
)  # fmt: skip
