"""``image trust``: shows and changes policy.json."""

from __future__ import annotations

import os

from ..errors import ConfigError, PolypodError, UsageError
from ..kit.atomic import read_bytes
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry.lookaside import Lookaside
    from ..registry.policy import Requirement

TYPES = ("accept", "insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned")
_SHOWN = {"insecureAcceptAnything": "accept", "signedBy": "signed"}


class TrustRow(Struct):
    """One requirement as ``image trust show`` lists it; ``gpg_id`` names the keys' owners."""

    transport: str
    name: str
    repo_name: str
    type: str
    gpg_id: str = ""
    store: str = ""  # URL of the signatures


def set_trust(path: str, scope: str, type: str, keys: list[str]) -> None:
    """Make ``type`` the one policy of a scope (``default``, or a registry's) in the file ``path``.

    ``signedBy`` and ``sigstoreSigned`` ask for a signature by each of the key files. What
    else the file says stays, whether or not it is understood. Raises ``UsageError``, ``ConfigError``.
    """
    if type not in TYPES:
        raise UsageError(
            f"invalid choice: {type} (choose from 'accept', 'reject', 'signedBy', 'sigstoreSigned')"
        )
    if not path:
        raise UsageError("signature-policy path must be provided")
    _check_scope(scope)
    requirements = _requirements(type, keys)
    document = _document(path)
    if scope == "default":
        document = {"default": requirements, **{k: v for k, v in document.items() if k != "default"}}
    else:
        if not document.get("default"):
            raise ConfigError(
                f"default trust policy must be set: {path} has none; "
                "set one with 'image trust set --type accept|reject default'"
            )
        transports = document.setdefault("transports", {})
        owners = [known for known in transports.values() if scope in known]
        owner = owners[0] if owners else transports.setdefault("docker", {})
        owner[scope] = requirements
    _write(path, document)


def _requirements(type: str, keys: list[str]) -> list[dict[str, str]]:
    if type in ("accept", "insecureAcceptAnything", "reject"):
        if keys:
            raise UsageError(f"{len(keys)} public keys unexpectedly provided for trust type {type}")
        return [{"type": "reject" if type == "reject" else "insecureAcceptAnything"}]
    if not keys:
        raise UsageError(f"at least one public key must be defined for type '{type}'")
    kind = {"keyType": "GPGKeys"} if type == "signedBy" else {}
    return [{"type": type, **kind, "keyPath": os.path.abspath(key)} for key in keys]


def _check_scope(scope: str) -> None:
    host = scope.partition("/")[0].removeprefix("*.")
    plain = host.translate({ord(char): None for char in "-_.:"})
    if not (plain.isascii() and plain.isalnum()):
        raise UsageError(f"invalid image uri: {scope}")


def _document(path: str) -> dict[str, Any]:
    from ..registry.strict_json import Malformed, parse

    try:
        data = read_bytes(path)
    except OSError as error:
        raise ConfigError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    if data is None:
        return {}
    try:
        found = parse(data)
        transports = found.keys("the policy").get("transports")
        for name, scopes in (transports.keys("transports") if transports else {}).items():
            scopes.keys(f"transport {name}")
    except Malformed as error:
        raise ConfigError(
            f"could not read trust policies: {path}, line {error.line}: {error.reason}"
        ) from None
    document: dict[str, Any] = found.plain()
    return document


def _write(path: str, document: dict[str, Any]) -> None:
    from ..kit.atomic import write_atomic
    from ..kit.fastjson import dumps

    transports = document.get("transports")
    if transports:
        ordered = {name: dict(sorted(scopes.items())) for name, scopes in sorted(transports.items())}
        document = {**document, "transports": ordered}
    target = os.path.realpath(path)  # a link stays one
    try:
        write_atomic(target, dumps(document, indent=4).encode(), mode=0o644, durable=True)
    except OSError as error:
        raise PolypodError(f"writing {path}: {(error.strerror or str(error)).lower()}") from None


def raw(path: str) -> bytes:
    """The policy file as it is; "" for the one that counts. Raises ``ConfigError``."""
    from ..registry.policy import find

    name = find(path)
    try:
        data = read_bytes(name)
    except OSError as error:
        raise ConfigError(f"open {name}: {(error.strerror or str(error)).lower()}") from None
    if data is None:
        raise ConfigError(f"open {name}: no such file or directory")
    return data


def show(path: str = "", registries_dir: str = "") -> list[TrustRow]:
    """All requirements of the policy, the default's first. Raises ``ConfigError``."""
    from ..registry import lookaside, policy

    found = policy.load(path)
    stores = lookaside.load(registries_dir)
    template = TrustRow(transport="all", name="* (default)", repo_name="default", type="")
    rows = _rows(template, found.default, _store(stores, ""))
    for transport, scopes in sorted(found.transports.items()):
        shown = "repository" if transport == "docker" else transport
        for scope, requirements in sorted(scopes.items()):
            template = TrustRow(transport=shown, name=scope, repo_name=scope, type="")
            rows += _rows(template, requirements, _store(stores, scope))
    return rows


def _store(stores: Lookaside, scope: str) -> str:
    section = stores.configured(scope)
    return section.lookaside if section else ""


def _rows(template: TrustRow, requirements: tuple[Requirement, ...], store: str) -> list[TrustRow]:
    return [
        template.evolve(
            type=_SHOWN.get(requirement.type, requirement.type),
            gpg_id=_owners(requirement),
            store=store,
        )
        for requirement in requirements
    ]


def _owners(requirement: Requirement) -> str:
    """Whose keys they are; a key file that is missing is warned of, as the rest can be shown."""
    from ..kit import log
    from ..registry.gpg import key_names
    from ..registry.policy import Keys

    if requirement.type == "sigstoreSigned":
        return "N/A"
    names: list[str] = []
    if requirement.type == "signedBy":
        parts = [Keys(paths=(path,)) for path in requirement.keys.paths]
        for part in (*parts, Keys(data=requirement.keys.data)):
            try:
                for _, data in part.read():
                    names += key_names(data)
            except PolypodError as error:
                log.warning(f"getting key identity: {error}")
    return ", ".join(names)
