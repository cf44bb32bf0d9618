"""What a pull may be told, by ``pull``, ``run`` and ``create`` alike."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..model.struct import Struct
from ..registry.access import Access

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

POLICIES = ("always", "missing", "never", "newer", "ifmissing", "ifnewer")


def check_policy(policy: str) -> str:
    """The pull policy in its canonical word; raises ``UsageError`` for one that does not exist."""
    if policy.lower() not in POLICIES:
        raise UsageError(f'unsupported pull policy "{policy}"')
    return policy.lower().removeprefix("if")


class PullOptions(Struct):
    """The options of podman-pull(1).

    ``arch``, ``os`` and ``variant`` choose from an image index; "" stands for the host's.
    ``choose`` asks the user at a terminal which of several full names a short one means.
    """

    policy: str = "always"
    access: Access = Access()
    arch: str = ""
    os: str = ""
    variant: str = ""
    all_tags: bool = False
    signature_policy: str = ""
    decryption_keys: tuple[str, ...] = ()
    choose: Callable[[list[str]], int] | None = None

    @property
    def custom_platform(self) -> bool:
        """Whether another platform than the host's may be meant."""
        return bool(self.arch or self.os or self.variant)


def check_options(options: PullOptions) -> PullOptions:
    """The options with a canonical policy; raises for what is malformed or not supported."""
    if options.decryption_keys:
        raise PolypodError(
            f"--decryption-key {options.decryption_keys[0]}: encrypted images are not supported;"
            " decrypt the image with skopeo copy --decryption-key first"
        )
    return options.evolve(policy=check_policy(options.policy))
