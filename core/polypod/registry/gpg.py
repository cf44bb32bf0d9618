"""gpg by its command line: verifying with a given set of keys alone, signing with the user's.

Verifying works in a directory of its own that holds only the keys which policy.json names:
nothing of the user's key ring, options or agent takes part, and the directory is
deleted afterwards. What gpg found is read from its status lines (GnuPG's
doc/DETAILS), never from its messages or its exit code alone, which is 0 for expired keys.
"""

from __future__ import annotations

import os

from ..errors import PolicyRejected, PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from ..kit.spawn import Result

#: The largest signed content, in bytes.
_MAX_CONTENT = 4 << 20
#: Seconds that a call may take; without agents and networks it takes milliseconds.
_TIMEOUT = 60.0
_ISOLATED = (
    "--no-options", "--no-autostart", "--disable-dirmngr", "--batch", "--no-tty",
    "--trust-model", "always", "--no-auto-key-locate", "--no-auto-key-retrieve",
    "--no-auto-check-trustdb", "--logger-file", "/dev/null",
)  # fmt: skip
_REASONS = {
    "BADSIG": "is bad: its content was changed",
    "EXPSIG": "has expired",
    "EXPKEYSIG": "was made by a key that has expired",
    "REVKEYSIG": "was made by a key that is revoked",
    "NO_PUBKEY": "was made by a key that is not accepted",
    "ERRSIG": "cannot be verified",
}
# Only what a plain signed message gives may appear beside the one signature.
_FORBIDDEN = ("BEGIN_DECRYPTION", "DECRYPTION_INFO", "ENC_TO", "UNEXPECTED", "NODATA", "FAILURE")


def program() -> str:
    """The path of gpg; raises ``PolypodError`` where it is not installed."""
    import shutil

    for name in ("gpg", "gpg2"):
        found = shutil.which(name)
        if found:
            return found
    raise PolypodError("gpg is not installed, and simple signatures need it; install gnupg")


class Keyring:
    """The keys that may sign, in a directory of their own. A context manager."""

    def __init__(self, keys: list[tuple[str, bytes]]) -> None:
        """Take over ``keys``, names and contents, armored or not; raises ``PolicyRejected``."""
        import tempfile

        self._gpg = program()
        self._home = tempfile.mkdtemp(prefix="polypod-gpg-")
        self.fingerprints: list[str] = []
        try:
            for name, data in keys:
                self.fingerprints += self._imported(name, data)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Keyring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the directory."""
        from ..kit.atomic import remove_tree

        remove_tree(self._home)

    def _run(self, arguments: list[str], data: bytes) -> Result:
        from ..kit.spawn import run

        argv = [self._gpg, "--homedir", self._home, *_ISOLATED, "--status-fd", "2", *arguments]
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
        return run(argv, env=environment, input=data, timeout=_TIMEOUT)

    def _imported(self, name: str, data: bytes) -> list[str]:
        result = self._run(["--import"], data)
        found = [words[2] for words in _status(result.stderr) if words[0] == "IMPORT_OK"]
        if not found:
            raise PolicyRejected(f"no public keys in {name}")
        return found

    def verify(self, message: bytes) -> tuple[bytes, str]:
        """The signed content of a message, and the fingerprint of the primary key that signed it.

        Raises ``PolicyRejected`` unless the message has exactly one signature, made by
        one of the keys, and neither is expired, revoked or broken.
        """
        # A few kilobytes may be packed gigabytes: what comes out is bounded too.
        bound = ["--max-output", str(_MAX_CONTENT)]
        result = self._run([*bound, "--output", "-", "--verify"], message)
        lines = _status(result.stderr)
        kinds = [words[0] for words in lines]
        valid = [words for words in lines if words[0] == "VALIDSIG"]
        single = all(kinds.count(kind) == 1 for kind in ("NEWSIG", "GOODSIG", "PLAINTEXT"))
        odd = [kind for kind in kinds if kind in _FORBIDDEN or kind in _REASONS]
        if result.code or not single or odd or len(valid) != 1 or len(valid[0]) < 11:
            raise PolicyRejected(_reason(lines, kinds))
        if valid[0][9] != "00":
            raise PolicyRejected("the signature is not one of a binary document")
        primary = valid[0][10]
        if primary not in self.fingerprints:
            raise PolicyRejected(f"signature by key {primary} is not accepted")
        return result.stdout, primary


def _status(output: bytes) -> list[list[str]]:
    """The words of gpg's status lines."""
    found = []
    for line in output.decode("utf-8", "replace").split("\n"):
        head, prefix, rest = line.partition("[GNUPG:] ")
        if prefix and not head and rest.strip():
            found.append(rest.split(" "))
    return found


def _reason(lines: list[list[str]], kinds: list[str]) -> str:
    if kinds.count("NEWSIG") > 1:
        return "the signature's message has more than one signature"
    for kind, reason in _REASONS.items():
        for words in lines:
            if words[0] == kind and (kind != "ERRSIG" or "NO_PUBKEY" not in kinds):
                key = f" ({words[1]})" if len(words) > 1 else ""
                return f"the signature {reason}{key}"
    return "the signature is not a signed OpenPGP message"


def sign(data: bytes, key: str, passphrase: str | None = None) -> bytes:
    """Sign with a secret key of the user's key ring; the message holds data and signature.

    ``key`` is what ``gpg --local-user`` takes: a fingerprint, an e-mail address. Without a
    ``passphrase`` gpg's agent asks the user where that is needed. Raises ``PolypodError``.
    """
    from ..kit.spawn import run

    argv = [program(), "--no-tty", "--local-user", key, "--output", "-"]
    if passphrase is not None:
        if "\n" in passphrase:
            raise PolypodError("invalid passphrase: must not contain a line break")
        # gpg reads one line of passphrase, and then the data.
        argv += ["--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0"]
        data = passphrase.encode() + b"\n" + data
    result = run([*argv, "--sign"], env={**os.environ, "LC_ALL": "C"}, input=data)
    if result.code or not result.stdout:
        raise PolypodError(f"signing with key {key}: {_last_line(result.stderr)}")
    return result.stdout


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    told = lines[-2:] if lines else ["gpg failed without a word"]
    return "; ".join(line.removeprefix("gpg: ") for line in told)


def key_names(data: bytes) -> list[str]:
    """The e-mail addresses (or names) of the keys in a file, as ``image trust show`` lists them."""
    import tempfile

    from ..kit.spawn import run

    with tempfile.TemporaryDirectory(prefix="polypod-gpg-") as home:
        argv = [program(), "--homedir", home, *_ISOLATED, "--with-colons", "--show-keys"]
        result = run(argv, env={**os.environ, "LC_ALL": "C"}, input=data, timeout=_TIMEOUT)
    names = []
    for line in result.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] in ("uid", "pub") and len(fields) > 9 and fields[9]:
            _, found, rest = fields[9].partition("<")
            names.append(rest.partition(">")[0] if found else fields[9])
    return names
