"""Which commands there are and which module holds each; nothing is imported here.

A module ``polypod.cli.commands.<module>`` defines ``COMMAND``. Several paths may
share one module: ``container rm`` is ``rm``.
"""

from __future__ import annotations

# group -> one line, shown by the help
GROUPS: dict[str, str] = {
    "artifact": "Manage OCI artifacts",
    "container": "Manage containers",
    "image": "Manage images",
    "image trust": "Manage container image trust policy",
    "manifest": "Manipulate manifest lists and image indexes",
    "network": "Manage networks",
    "plugin": "Manage the plugins that the engine is put together from",
    "pod": "Manage pods (of which there are none yet)",
    "system": "Manage the engine and its storage",
    "system connection": "List the remote services that podman knows",
    "volume": "Manage volumes",
}

# path -> (module, one line, section of the help)
TREE: dict[str, tuple[str, str, str]] = {
    "attach": ("attach", "Attach to a running container", "Containers"),
    "commit": ("commit", "Create new image based on the changed container", "Images"),
    "completion": ("completion", "Generate a shell completion script", ""),
    "create": ("create", "Create but do not start a container", "Containers"),
    "events": ("events", "Show polypod system events", "System"),
    "exec": ("exec", "Run a process in a running container", "Containers"),
    "export": ("export", "Export container's filesystem contents as a tar archive", "Containers"),
    "history": ("history", "Show history of a specified image", "Images"),
    "images": ("images", "List images in local storage", "Images"),
    "import": ("import_", "Import a tarball to create a filesystem image", "Images"),
    "info": ("info", "Display system information", "System"),
    "init": ("init", "Initialize one or more containers", "Containers"),
    "inspect": ("inspect", "Display the configuration of object denoted by ID", "Containers"),
    "kill": ("kill", "Kill one or more running containers with a specific signal", "Containers"),
    "load": ("load", "Load image(s) from a tar archive", "Images"),
    "login": ("login", "Log in to a container registry", "System"),
    "logout": ("logout", "Log out of a container registry", "System"),
    "logs": ("logs", "Fetch the logs of one or more containers", "Containers"),
    "pause": ("pause", "Pause all the processes in one or more containers", "Containers"),
    "port": ("port", "List port mappings or a specific mapping for the container", "Containers"),
    "pull": ("pull", "Pull an image from a registry", "Images"),
    "ps": ("ps", "List containers", "Containers"),
    "push": ("push", "Push an image to a specified destination", "Images"),
    "rename": ("rename", "Rename an existing container", "Containers"),
    "restart": ("restart", "Restart one or more containers", "Containers"),
    "rm": ("rm", "Remove one or more containers", "Containers"),
    "rmi": ("rmi", "Remove one or more images from local storage", "Images"),
    "run": ("run", "Run a command in a new container", "Containers"),
    "save": ("save", "Save image(s) to an archive", "Images"),
    "search": ("search", "Search registry for image", "Images"),
    "start": ("start", "Start one or more containers", "Containers"),
    "stop": ("stop", "Stop one or more containers", "Containers"),
    "tag": ("tag", "Add an additional name to a local image", "Images"),
    "unpause": ("unpause", "Unpause the processes in one or more containers", "Containers"),
    "untag": ("untag", "Remove a name from a local image", "Images"),
    "version": ("version", "Display the version information", "System"),
    "wait": ("wait", "Block on one or more containers", "Containers"),
    "artifact add": ("artifact_add", "Add an OCI artifact to the local store", ""),
    "artifact extract": ("artifact_extract", "Extract an OCI artifact to a local path", ""),
    "artifact inspect": ("artifact_inspect", "Inspect an OCI artifact", ""),
    "artifact ls": ("artifact_ls", "List OCI artifacts", ""),
    "artifact pull": ("artifact_pull", "Pull an OCI artifact", ""),
    "artifact push": ("artifact_push", "Push an OCI artifact", ""),
    "artifact rm": ("artifact_rm", "Remove one or more OCI artifacts", ""),
    "container attach": ("attach", "Attach to a running container", ""),
    "container cleanup": (
        "container_cleanup",
        "Clean up network and mountpoints of one or more containers",
        "",
    ),
    "container commit": ("commit", "Create new image based on the changed container", ""),
    "container create": ("create", "Create but do not start a container", ""),
    "container export": ("export", "Export container's filesystem contents as a tar archive", ""),
    "container exec": ("exec", "Run a process in a running container", ""),
    "container exists": ("container_exists", "Check if a container exists in local storage", ""),
    "container init": ("init", "Initialize one or more containers", ""),
    "container inspect": ("container_inspect", "Display the configuration of a container", ""),
    "container kill": ("kill", "Kill one or more running containers with a specific signal", ""),
    "container list": ("ps", "List containers", ""),
    "container logs": ("logs", "Fetch the logs of one or more containers", ""),
    "container pause": ("pause", "Pause all the processes in one or more containers", ""),
    "container port": ("port", "List port mappings or a specific mapping for the container", ""),
    "container prune": ("container_prune", "Remove all non running containers", ""),
    "container ps": ("ps", "List containers", ""),
    "container rename": ("rename", "Rename an existing container", ""),
    "container restart": ("restart", "Restart one or more containers", ""),
    "container rm": ("rm", "Remove one or more containers", ""),
    "container run": ("run", "Run a command in a new container", ""),
    "container start": ("start", "Start one or more containers", ""),
    "container stop": ("stop", "Stop one or more containers", ""),
    "container unpause": ("unpause", "Unpause the processes in one or more containers", ""),
    "container wait": ("wait", "Block on one or more containers", ""),
    "image exists": ("image_exists", "Check if an image exists in local storage", ""),
    "image history": ("history", "Show history of a specified image", ""),
    "image import": ("import_", "Import a tarball to create a filesystem image", ""),
    "image inspect": ("image_inspect", "Display the configuration of an image", ""),
    "image list": ("images", "List images in local storage", ""),
    "image load": ("load", "Load image(s) from a tar archive", ""),
    "image mount": ("image_mount", "Mount an image's root filesystem", ""),
    "image prune": ("image_prune", "Remove unused images", ""),
    "image pull": ("pull", "Pull an image from a registry", ""),
    "image push": ("push", "Push an image to a specified destination", ""),
    "image rm": ("rmi", "Remove one or more images from local storage", ""),
    "image save": ("save", "Save image(s) to an archive", ""),
    "image scp": ("image_scp", "Securely copy images", ""),
    "image search": ("search", "Search registry for image", ""),
    "image sign": ("image_sign", "Sign an image", ""),
    "image tag": ("tag", "Add an additional name to a local image", ""),
    "image tree": ("image_tree", "Print layer hierarchy of an image in a tree format", ""),
    "image trust set": (
        "image_trust_set",
        "Set default trust policy or a new trust policy for a registry",
        "",
    ),
    "image trust show": ("image_trust_show", "Display trust policy for the system", ""),
    "image unmount": ("image_unmount", "Unmount an image's root filesystem", ""),
    "image untag": ("untag", "Remove a name from a local image", ""),
    "manifest add": (
        "manifest_add",
        "Add images or artifacts to a manifest list or image index",
        "",
    ),
    "manifest annotate": (
        "manifest_annotate",
        "Add or update information about an entry in a manifest list or image index",
        "",
    ),
    "manifest create": ("manifest_create", "Create manifest list or image index", ""),
    "manifest exists": (
        "manifest_exists",
        "Check if a manifest list exists in local storage",
        "",
    ),
    "manifest inspect": (
        "manifest_inspect",
        "Display the contents of a manifest list or image index",
        "",
    ),
    "manifest push": (
        "manifest_push",
        "Push a manifest list or image index to a registry",
        "",
    ),
    "manifest remove": (
        "manifest_remove",
        "Remove an item from a manifest list or image index",
        "",
    ),
    "manifest rm": (
        "manifest_rm",
        "Remove manifest list or image index from local storage",
        "",
    ),
    "network create": ("network_create", "Create networks for containers and pods", ""),
    "network exists": ("network_exists", "Check if network exists", ""),
    "network inspect": ("network_inspect", "Inspect one or more networks", ""),
    "network ls": ("network_ls", "List networks", ""),
    "network prune": ("network_prune", "Remove unused networks", ""),
    "network rm": ("network_rm", "Remove networks", ""),
    "plugin check": ("plugin_check", "Check that the chosen plugins work on this host", ""),
    "plugin inspect": ("plugin_inspect", "Display what is known about one or more plugins", ""),
    "plugin ls": ("plugin_ls", "List installed plugins", ""),
    "pod exists": ("pod_exists", "Check if a pod exists in local storage", ""),
    "pod kill": ("pod_kill", "Send the specified signal or SIGKILL to containers in pod", ""),
    "pod ps": ("pod_ps", "List pods", ""),
    "pod rm": ("pod_rm", "Remove one or more stopped pods and their containers", ""),
    "system check": ("system_check", "Check storage and state for damage", ""),
    "system connection list": (
        "system_connection_list",
        "List destinations of remote services",
        "",
    ),
    "system df": ("system_df", "Show disk usage", ""),
    "system events": ("events", "Show polypod system events", ""),
    "system info": ("info", "Display system information", ""),
    "system migrate": ("system_migrate", "Move the state to another backend", ""),
    "system prune": ("system_prune", "Remove unused data", ""),
    "volume create": ("volume_create", "Create a new volume", ""),
    "volume exists": ("volume_exists", "Check if volume exists", ""),
    "volume export": ("volume_export", "Export volumes", ""),
    "volume import": ("volume_import", "Import a tarball contents into a volume", ""),
    "volume inspect": (
        "volume_inspect",
        "Display detailed information on one or more volumes",
        "",
    ),
    "volume ls": ("volume_ls", "List volumes", ""),
    "volume prune": ("volume_prune", "Remove unused volumes", ""),
    "volume rm": ("volume_rm", "Remove one or more volumes", ""),
}

# another spelling -> path
ALIASES: dict[str, str] = {
    "artifact list": "artifact ls",
    "artifact remove": "artifact rm",
    "container ls": "container list",
    "image ls": "image list",
    "image umount": "image unmount",
    "network list": "network ls",
    "network remove": "network rm",
    "plugin list": "plugin ls",
    "pod list": "pod ps",
    "pod ls": "pod ps",
    "pod remove": "pod rm",
    "system connection ls": "system connection list",
    "volume list": "volume ls",
    "volume remove": "volume rm",
}

# Not listed by the help.
HIDDEN: frozenset[str] = frozenset(("completion",))


def resolve(words: list[str]) -> tuple[str, list[str]]:
    """Return the longest command or group that ``words`` begin with, and what follows it."""
    path, index = "", 0
    while index < len(words) and path not in TREE:
        longer = f"{path} {words[index]}" if path else words[index]
        longer = ALIASES.get(longer, longer)
        if longer not in TREE and longer not in GROUPS:
            break
        path, index = longer, index + 1
    return path, words[index:]
