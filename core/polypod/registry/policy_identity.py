"""Which identity a signature must claim: ``signedIdentity`` of containers-policy.json(5)."""

from __future__ import annotations

from ..errors import UsageError
from ..model.struct import Struct
from ..oci.reference import Reference, parse, with_docker_defaults
from .strict_json import Malformed, Node

_EXTRA = {
    "matchExact": (),
    "matchRepoDigestOrExact": (),
    "matchRepository": (),
    "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",),
    "remapIdentity": ("prefix", "signedPrefix"),
}


class SignedIdentity(Struct):
    """The rule: its ``type``, and the values that some types have."""

    type: str = "matchRepoDigestOrExact"
    reference: str = ""  # exactReference, exactRepository
    prefix: str = ""  # remapIdentity
    signed_prefix: str = ""

    def accepts(self, image: Reference | None, claimed: str) -> bool:
        """Whether a signature that claims an identity may stand for an image.

        ``image`` is the full name under which the image is asked for, ``None`` where the
        transport has no such name (``dir:``, ``oci:``); then only the ``exact`` types match.
        """
        signed = _full(claimed)
        if signed is None:
            return False
        if self.type in ("exactReference", "exactRepository"):
            image = _full(self.reference)
        if image is None:
            return False
        if self.type in ("matchRepository", "exactRepository"):
            return signed.name == image.name
        if not (signed.tag or signed.digest):
            return False
        if self.type == "remapIdentity":
            image = self._remapped(image)
        if image is None:
            return False
        if self.type in ("matchRepoDigestOrExact", "remapIdentity") and not image.tag:
            # By digest: the manifest's digest is compared elsewhere, with both.
            return bool(image.digest) and signed.name == image.name
        return bool(image.tag or image.digest) and str(signed) == str(image)

    def _remapped(self, image: Reference) -> Reference | None:
        name = image.name
        if name != self.prefix and not name.startswith(self.prefix + "/"):
            return image
        text = self.signed_prefix + str(image)[len(self.prefix) :]
        found = _full(text)
        # Nothing is completed here: a prefix that is no full name leads nowhere.
        return found if found is not None and str(found) == text else None

    def describe(self) -> str:
        """The rule in a few words, for messages."""
        if self.type == "remapIdentity":
            return f"remapIdentity {self.prefix} to {self.signed_prefix}"
        return f"{self.type} {self.reference}".rstrip()


def _full(text: str) -> Reference | None:
    try:
        return with_docker_defaults(parse(text))
    except UsageError:
        return None


def read_identity(node: Node | None) -> SignedIdentity:
    """The rule of a requirement; raise :class:`Malformed` for a bad one."""
    if node is None:
        return SignedIdentity()
    members = node.keys("signedIdentity")
    kind = members.get("type")
    name = kind.text("type of signedIdentity") if kind else ""
    if kind is None or name not in _EXTRA:
        raise Malformed(f'unknown type "{name}" of signedIdentity', kind.line if kind else node.line)
    node.exactly(f"signedIdentity {name}", ("type", *_EXTRA[name]))
    values = {key: members[key].text(key) for key in _EXTRA[name]}
    if name == "remapIdentity":
        for key, value in values.items():
            if not _is_prefix(value):
                raise Malformed(f'invalid {key} "{value}"', members[key].line)
        return SignedIdentity(
            type=name, prefix=values["prefix"], signed_prefix=values["signedPrefix"]
        )
    for key, value in values.items():
        parsed = _full(value)
        if parsed is None:
            raise Malformed(f'invalid {key} "{value}"', members[key].line)
        if name == "exactReference" and not (parsed.tag or parsed.digest):
            raise Malformed(f'{key} "{value}" has neither a tag nor a digest', members[key].line)
    return SignedIdentity(type=name, reference=next(iter(values.values()), ""))


def _is_prefix(value: str) -> bool:
    """A registry's host, or a name that starts with one: a name space or a repository."""
    try:
        if "/" not in value:
            return parse(f"{value}/x").domain == value
        parsed = parse(value)
        return bool(parsed.domain) and not (parsed.tag or parsed.digest)
    except UsageError:
        return False
