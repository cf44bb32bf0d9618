"""policy.json: what an image must bring to be accepted (containers-policy.json(5)).

This reads the file, strictly: whatever is unknown, double or of another type refuses the
whole file, with its path and the line, so that a typo never opens a door. Judging an
image stands in :mod:`polypod.registry.policy_check`.
"""

from __future__ import annotations

import os

from ..errors import ConfigError
from ..kit.atomic import read_bytes
from ..model.struct import Struct
from . import policy_scopes
from .policy_identity import SignedIdentity, read_identity
from .strict_json import Malformed, Node, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = ("keyPath", "keyPaths", "keyData", "keyDatas")
_REKOR = ("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas")
# Members of the certificates' objects, and of which groups one must be there.
_CERTIFICATES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "fulcio": (
        ("caPath", "caData", "oidcIssuer", "subjectEmail"),
        (("caPath", "caData"), ("oidcIssuer",), ("subjectEmail",)),
    ),
    "pki": (
        (
            "caRootsPath", "caRootsData", "caIntermediatesPath", "caIntermediatesData",
            "subjectEmail", "subjectHostname",
        ),
        (("caRootsPath", "caRootsData"), ("subjectEmail", "subjectHostname")),
    ),
}  # fmt: skip
_MEMBERS: dict[str, tuple[str, ...]] = {
    "insecureAcceptAnything": ("type",),
    "reject": ("type",),
    "signedBy": ("type", "keyType", *_KEYS[:3], "signedIdentity"),
    "sigstoreSigned": ("type", *_KEYS, "fulcio", "pki", *_REKOR, "signedIdentity"),
    "signedBaseLayer": ("type", "baseLayerIdentity"),
}
_KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")


class Keys(Struct):
    """Where public keys are: files, or the keys themselves. Empty: none are asked for."""

    paths: tuple[str, ...] = ()
    data: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.data)

    def read(self) -> list[tuple[str, bytes]]:
        """The keys' contents, each with the name that messages give it; raises ``ConfigError``."""
        found = [(f"key data {index}", data) for index, data in enumerate(self.data, 1)]
        for path in self.paths:
            try:
                with open(path, "rb") as file:
                    found.append((path, file.read(4 << 20)))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise ConfigError(f"reading public key: open {path}: {reason}") from None
        return found


class Requirement(Struct):
    """One requirement of policy.json, and the line on which it stands."""

    type: str
    line: int = 0
    key_type: str = ""
    keys: Keys = Keys()
    rekor: Keys = Keys()
    unsupported: str = ""  # "fulcio", "pki": known to the format, not to polypod
    identity: SignedIdentity = SignedIdentity()

    @property
    def needs_signatures(self) -> bool:
        """Whether the image's signatures have to be fetched."""
        return self.type in ("signedBy", "sigstoreSigned", "signedBaseLayer")


class Policy(Struct):
    """A whole policy.json; ``path`` is the file that messages name."""

    path: str
    default: tuple[Requirement, ...]
    transports: dict[str, dict[str, tuple[Requirement, ...]]] = {}

    def requirements(
        self, transport: str, scopes: list[str]
    ) -> tuple[str, tuple[Requirement, ...]]:
        """What applies to an image, and the scope that said so.

        ``scopes`` are the image's, the most specific first
        (:mod:`polypod.registry.policy_scopes`); only the first that the file has counts.
        """
        known = self.transports.get(transport)
        if known is not None:
            for scope in (*scopes, ""):
                if scope in known:
                    return f"{transport}:{scope}", known[scope]
        return "default", self.default


def find(path: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The policy file that counts: the given one, CONTAINERS_POLICY_JSON, the user's, the host's.

    Raises ``ConfigError`` in podman's words when there is none.
    """
    given = path or environ.get("CONTAINERS_POLICY_JSON", "")
    if given:
        return given
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME", "")
    places = [f"{config}/containers/policy.json"] if config else []
    places += [f"{home}/.config/containers/policy.json"] if home else []
    places += ["/etc/containers/policy.json", "/usr/share/containers/policy.json"]
    for place in places:
        if os.path.exists(place):
            return place
    listed = ", ".join(f'"{place}"' for place in places)
    raise ConfigError(
        f"no policy.json file found at any of the following: {listed}; "
        "see containers-policy.json(5) or install the package containers-common"
    )


def load(path: str = "", environ: Mapping[str, str] = os.environ) -> Policy:
    """Read the policy; raise ``ConfigError`` when it is absent or malformed: then nothing goes."""
    name = find(path, environ)
    try:
        data = read_bytes(name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"open {name}: {reason}") from None
    if data is None:
        raise ConfigError(f"open {name}: no such file or directory")
    return read(data, name)


def read(data: bytes, path: str) -> Policy:
    """Decode a policy; ``path`` is for messages. Raises ``ConfigError``."""
    try:
        members = parse(data).keys("the policy", ("default", "transports"))
        if "default" not in members:
            raise Malformed("the default policy is missing", 1)
        transports = members.get("transports")
        return Policy(
            path=path,
            default=_requirements(members["default"], "default"),
            transports=_transports(transports) if transports else {},
        )
    except Malformed as error:
        raise ConfigError(f'invalid policy in "{path}", line {error.line}: {error.reason}') from None


def _transports(node: Node) -> dict[str, dict[str, tuple[Requirement, ...]]]:
    found: dict[str, dict[str, tuple[Requirement, ...]]] = {}
    for transport, scopes in node.keys("transports").items():
        known = found.setdefault(transport, {})
        for scope, value in scopes.keys(f"transport {transport}").items():
            reason = policy_scopes.problem(transport, scope)
            if reason:
                raise Malformed(f'scope "{scope}" of {transport}: {reason}', scopes.lines[scope])
            known[scope] = _requirements(value, f'scope "{scope}" of {transport}')
    return found


def _requirements(node: Node, what: str) -> tuple[Requirement, ...]:
    found = node.items(what)
    if not found:
        raise Malformed(f"the list of requirements of {what} must not be empty", node.line)
    return tuple(map(_requirement, found))


def _requirement(node: Node) -> Requirement:
    kind = node.keys("a requirement").get("type")
    name = kind.text("type of a requirement") if kind else ""
    if kind is None or name not in _MEMBERS:
        raise Malformed(f'unknown policy requirement type "{name}"', kind.line if kind else node.line)
    members = node.keys(f"requirement {name}", _MEMBERS[name])
    if name == "signedBaseLayer":
        node.exactly(f"requirement {name}", _MEMBERS[name])
        read_identity(members["baseLayerIdentity"])
        return Requirement(type=name, line=node.line)
    if name in ("insecureAcceptAnything", "reject"):
        return Requirement(type=name, line=node.line)
    keys = _keys(node, _KEYS)
    unsupported = "" if name == "signedBy" else _certificates(node)
    if bool(unsupported) == bool(keys):
        raise Malformed(_one_of(name), node.line)
    rekor = Keys() if name == "signedBy" else _keys(node, _REKOR)
    if unsupported == "fulcio" and not rekor:
        raise Malformed("fulcio needs a rekorPublicKey", node.line)
    if unsupported == "pki" and rekor:
        raise Malformed("pki does not go with a rekorPublicKey", node.line)
    return Requirement(
        type=name,
        line=node.line,
        key_type=_key_type(node) if name == "signedBy" else "",
        keys=keys,
        rekor=rekor,
        unsupported=unsupported,
        identity=read_identity(members.get("signedIdentity")),
    )


def _one_of(name: str) -> str:
    if name == "signedBy":
        return "signedBy must have exactly one of keyPath, keyPaths and keyData"
    return (
        "sigstoreSigned must have exactly one of keyPath, keyPaths, keyData, keyDatas, "
        "fulcio and pki"
    )


def _key_type(node: Node) -> str:
    kind = node.value.get("keyType")
    name: str = kind.text("keyType") if kind else ""
    if name not in _KEY_TYPES:
        raise Malformed(f'unrecognized keyType "{name}"', kind.line if kind else node.line)
    return name


def _keys(node: Node, names: tuple[str, ...]) -> Keys:
    """The keys that are given by one of ``names``: a path, paths, data or several data."""
    given = [name for name in names if name in node.value]
    if len(given) > 1:
        raise Malformed(f"only one of {' and '.join(given)} may be given", node.lines[given[1]])
    if not given:
        return Keys()
    name = given[0]
    value: Node = node.value[name]
    values = value.items(name) if name.endswith("s") else [value]
    texts = [entry.text(name) for entry in values]
    if not texts or not all(texts):
        raise Malformed(f"{name} must not be empty", value.line)
    if "Path" in name:
        return Keys(paths=tuple(texts))
    return Keys(data=tuple(_base64(text, name, value.line) for text in texts))


def _base64(text: str, name: str, line: int) -> bytes:
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(text.encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        raise Malformed(f"{name} is not base64", line) from None


def _certificates(node: Node) -> str:
    """Which kind of certificate a sigstoreSigned requirement asks for, "" for keys alone."""
    given = [name for name in _CERTIFICATES if name in node.value]
    if len(given) > 1:
        raise Malformed(_one_of("sigstoreSigned"), node.lines[given[1]])
    for name in given:
        allowed, needed = _CERTIFICATES[name]
        members = node.value[name].keys(name, allowed)
        for key, value in members.items():
            value.text(key)
        for choice in needed:
            found = [key for key in choice if key in members]
            if not found or (len(found) > 1 and "Path" in choice[0]):
                which = " and ".join(choice)
                one = "exactly one of " if "Path" in choice[0] else ""
                raise Malformed(f"{name} must have {one}{which}", node.value[name].line)
    return given[0] if given else ""
