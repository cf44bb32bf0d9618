"""``engine.artifacts``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..engine.artifacts import Artifact
    from ..engine.runtime import Runtime
    from ..registry.access import Access


class Artifacts:
    """The OCI artifacts of an engine's store: files under a name, as registries keep them."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def list(self) -> builtins.list[Artifact]:
        """All artifacts; a damaged one says so in its ``damage``."""
        from ..engine.artifacts import list_artifacts

        return list_artifacts(self._rt)

    def get(self, ref: str) -> Artifact:
        """An artifact by full name, digest or the start of one; raises ``NoSuchArtifact``."""
        from ..engine.artifacts import get_artifact

        return get_artifact(self._rt, ref)

    def exists(self, ref: str) -> bool:
        """Whether there is such an artifact."""
        from ..errors import NoSuchArtifact

        try:
            self.get(ref)
        except NoSuchArtifact:
            return False
        return True

    def inspect(self, ref: str) -> dict[str, Any]:
        """Name, manifest and digest, as ``podman artifact inspect`` prints them."""
        from ..engine.artifacts import inspect_artifact

        return inspect_artifact(self._rt, ref)

    def add(
        self,
        name: str,
        paths: Sequence[str],
        *,
        artifact_type: str = "",
        file_type: str = "",
        annotations: Mapping[str, str] | None = None,
        append: bool = False,
        replace: bool = False,
    ) -> str:
        """Make an artifact of files, or append them to one; the digest of its manifest."""
        from ..engine.artifacts_add import AddOptions, add_artifact

        options = AddOptions(
            artifact_type=artifact_type,
            file_type=file_type,
            annotations=dict(annotations or {}),
            append=append,
            replace=replace,
        )
        return add_artifact(self._rt, name, paths, options)

    def extract(
        self, ref: str, target: str, *, title: str = "", digest: str = ""
    ) -> builtins.list[str]:
        """Copy the blobs, or the one of a title or digest, to a file or into a directory; the paths."""
        from ..engine.artifacts_extract import extract_artifact

        return extract_artifact(self._rt, ref, target, title=title, digest=digest)

    def pull(self, name: str, access: Access | None = None) -> str:
        """Fetch an artifact from its registry; its digest. ``access`` says how, see :class:`Access`."""
        from ..engine.artifacts_copy import pull_artifact
        from ..registry.access import Access

        return pull_artifact(self._rt, name, access or Access())

    def push(self, name: str, access: Access | None = None) -> str:
        """Upload an artifact under its name; its digest."""
        from ..engine.artifacts_copy import push_artifact
        from ..registry.access import Access

        return push_artifact(self._rt, name, access or Access())

    def remove(self, *refs: str, ignore: bool = False) -> builtins.list[str]:
        """Remove artifacts; their digests. With ``ignore`` unknown ones are passed over."""
        from ..engine.artifacts import remove_artifacts

        return remove_artifacts(self._rt, refs, ignore=ignore)
