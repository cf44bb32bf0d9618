"""``image trust set``: what a registry's images must bring to be let in."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(_ctx: Context, opts: Options, args: list[str]) -> int:
    """Change the policy file."""
    from ...engine.trust_admin import set_trust

    set_trust(opts.signature_policy, args[0], opts.type, opts.pubkeysfile)
    return 0


COMMAND = Command(
    path="image trust set",
    summary="Set default trust policy or a new trust policy for a registry",
    usage="[options] REGISTRY",
    long="Sets the trust policy of a registry, a repository or an image, or, for the word default,\n"
    "  that of everything without a policy of its own. The file is created when it is not there.",
    flags=(
        Flag("pubkeysfile", "f", type="array", complete="files",
             usage="Path of a file with public keys, one of which must have signed; may be repeated: then one of each file"),
        Flag("signature-policy", type="string", complete="files", aliases=("policypath",),
             usage="Path of the policy.json to change"),
        Flag("type", "t", type="string", default="signedBy",
             complete="values:accept,reject,signedBy,sigstoreSigned",
             usage="Trust type: signedBy, sigstoreSigned, accept or reject"),
    ),
    examples=(
        "image trust set --signature-policy /etc/containers/policy.json --type reject default",
        "image trust set --signature-policy p.json -f key.gpg registry.example.com/team",
    ),
    min_args=1,
    max_args=1,
    run=run,
)  # fmt: skip
