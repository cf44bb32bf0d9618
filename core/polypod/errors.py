"""Every error that polypod raises on purpose.

The tree, one sentence each::

    PolypodError                 something went wrong; the message is for the user, exit code 125
      UsageError                 the command line or a request is malformed
      ConfigError                a configuration file or flag has a bad key or value
      CompositionError           the chosen plugins cannot be put together
        DriverUnavailable        a driver is installed but cannot work on this host
      NotFound                   the named object does not exist
        NoSuchContainer, NoSuchVolume, NoSuchNetwork, NoSuchPod, NoSuchArtifact, NoSuchStore
        NoSuchImage
          ImageDetached          its image store is known and not there now
      AlreadyExists              the name or ID is taken
      InUse                      the object is needed by another one
      InvalidState               the object's state does not allow the operation
      Conflict                   a conditional write lost a race; read again and retry
      StateError                 the state backend failed
        CorruptRecord            one record cannot be read; others are fine
      StorageError               the image or container store failed
        HostileLayer             a layer tries to leave its root or harm the host
        ImageInUse
        StoreAbsent              an image store that is needed is detached or gone
      RuntimeFailure             the OCI runtime or the monitor reported a failure
        CommandNotFound          the container's command does not exist, exit code 127
        CommandNotExecutable     the container's command cannot be invoked, exit code 126
      NetworkError               network setup or teardown failed
        PortInUse                a host port to publish is taken, exit code 126
      RegistryError              a registry cannot be reached, or answers what it must not
        RegistryDenied           the registry wants other credentials (401, 403)
        RegistryNotFound         the registry has no such manifest, blob or repository (404)
        ManifestRefused          the registry does not take manifests of this type
      PolicyRejected             policy.json does not allow the image
      Timeout                    something did not happen in the time allowed

Messages are lowercase, name the object and the remedy, and fit on one line.
This module imports nothing, so that everything may import it.
"""

from __future__ import annotations


class PolypodError(Exception):
    """Base of all errors meant for the user.

    ``exit_code`` is what the CLI exits with, as in podman-run(1): 125 for an
    error of the engine itself, 126 and 127 for the container's command.
    """

    exit_code = 125


class UsageError(PolypodError):
    """The command line or the request is malformed."""


class ConfigError(PolypodError):
    """A configuration file or flag has a bad key or value."""


class CompositionError(PolypodError):
    """The chosen plugins cannot be put together."""


class DriverUnavailable(CompositionError):
    """A driver is installed but cannot work on this host; ``str()`` is the reason."""


class NotFound(PolypodError):
    """The named object does not exist."""


class NoSuchContainer(NotFound):
    """No container has that name or ID."""


class NoSuchImage(NotFound):
    """No image has that name or ID."""


class ImageDetached(NoSuchImage):
    """The image is known, but the image store that holds it is not there now."""


class NoSuchVolume(NotFound):
    """No volume has that name."""


class NoSuchNetwork(NotFound):
    """No network has that name or ID."""


class NoSuchPod(NotFound):
    """No pod has that name or ID."""


class NoSuchArtifact(NotFound):
    """No artifact has that name or digest."""


class NoSuchStore(NotFound):
    """No image store has that name."""


class AlreadyExists(PolypodError):
    """The name or ID is taken."""


class InUse(PolypodError):
    """The object is needed by another one."""

    exit_code = 2


class InvalidState(PolypodError):
    """The object's state does not allow the operation."""


class Conflict(PolypodError):
    """A conditional write lost a race. ``bucket`` and ``key`` name the record."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"record {bucket}/{key} was changed by another process; try again")
        self.bucket = bucket
        self.key = key


class StateError(PolypodError):
    """The state backend failed."""


class CorruptRecord(StateError):
    """One record cannot be read; ``bucket`` and ``key`` name it."""

    def __init__(self, bucket: str, key: str, reason: str) -> None:
        super().__init__(
            f"record {bucket}/{key} is damaged ({reason}); see 'polypod system check'"
        )
        self.bucket = bucket
        self.key = key


class StorageError(PolypodError):
    """The image or container store failed."""


class HostileLayer(StorageError):
    """A layer tries to leave its root or to harm the host; the message names the entry."""


class ImageInUse(StorageError):
    """An image cannot be removed because a container uses it."""

    exit_code = 2


class StoreAbsent(StorageError):
    """An image store that is needed is detached, or gone; the message names it and the remedy."""


class RuntimeFailure(PolypodError):
    """The OCI runtime or the monitor reported a failure."""


class CommandNotFound(RuntimeFailure):
    """The container's command does not exist."""

    exit_code = 127


class CommandNotExecutable(RuntimeFailure):
    """The container's command cannot be invoked."""

    exit_code = 126


class NetworkError(PolypodError):
    """Network setup or teardown failed."""


class PortInUse(NetworkError):
    """A host port to publish is taken by somebody else."""

    exit_code = 126


class RegistryError(PolypodError):
    """A registry cannot be reached, or its answer is damaged or of no use."""


class RegistryDenied(RegistryError):
    """The registry wants other credentials, or these do not allow the action (401, 403)."""


class RegistryNotFound(RegistryError):
    """The registry has no such manifest, blob or repository (404)."""


class ManifestRefused(RegistryError):
    """The registry does not take a manifest, perhaps for its type (400, 406, 415)."""


class PolicyRejected(PolypodError):
    """policy.json does not allow the image."""


class Timeout(PolypodError):
    """Something did not happen in the time allowed."""
