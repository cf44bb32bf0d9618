"""A network's own iptables rules, as netavark makes them: found in a dump, removed in one step.

netavark removes them one by one, and the kernel waits for its readers (10 to 25 ms) at
each step: with the last container of a network that is 110 ms of the 165 that a
teardown takes. One ``iptables-restore`` takes 25, and the interfaces can go meanwhile.
Anything that does not look exactly as expected is left to netavark.
"""

from __future__ import annotations

import os

from polypod.kit.spawn import spawn, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    Tables = dict[str, list[str]]

_FORWARD = "NETAVARK_FORWARD"
_MULTICAST = "224.0.0.0/4"


def find_program(search_path: str) -> str:
    """The iptables that netavark will call, "" when there is none."""
    for directory in search_path.split(":"):
        path = os.path.join(directory, "iptables")
        if directory and os.access(path, os.X_OK):
            return path
    return ""


class Process:
    """A running program with its input and output in memory files."""

    def __init__(self, argv: list[str], stdin: str = "", keep: tuple[int, ...] = ()) -> None:
        self._files = [os.memfd_create(f"iptables-{n}", os.MFD_CLOEXEC) for n in range(3)]
        try:
            os.pwrite(self._files[0], stdin.encode(), 0)
            source, sink, errors = self._files
            self._pid = spawn(argv, stdin=source, stdout=sink, stderr=errors, keep=keep)
        except BaseException:
            self._close()
            raise

    def finish(self) -> tuple[int, str]:
        """Wait for it; exit code and output."""
        code = wait(self._pid)
        sink = self._files[1]
        output = os.pread(sink, os.fstat(sink).st_size, 0)
        self._close()
        return code, output.decode(errors="replace")

    def _close(self) -> None:
        for fd in self._files:
            os.close(fd)


def start_dump(iptables: str) -> Process:
    """Start dumping all IPv4 rules."""
    return Process([iptables + "-save"])


def start_removal(iptables: str, script: str, lock: int) -> Process:
    """Start removing what ``script`` (of :func:`removal`) names; each table at once or not at all.

    ``lock`` stays open in it, so that it is waited for when we are killed.
    """
    return Process([iptables + "-restore", "--noflush", "--wait"], script, keep=(lock,))


def removal(dump: str, subnets: list[str]) -> str:
    """The script that removes the rules of a network of these subnets from an iptables-save dump.

    "" when there are no such rules, or when they are not just those that netavark makes
    for a bridge without published ports and DNS.
    """
    tables = _tables(dump)
    filters = [rule for subnet in subnets for rule in _filter_rules(subnet)]
    lines = tables.get("filter", [])
    if any(rule not in lines for rule in filters):
        return ""
    nat = _nat_removal(tables.get("nat", []), subnets)
    if not nat or _strangers(lines, filters, subnets):
        return ""
    steps = ["*nat", *nat, "COMMIT", "*filter"]
    steps += ["-D" + rule[2:] for rule in filters]
    return "\n".join([*steps, "COMMIT", ""])


def _filter_rules(subnet: str) -> list[str]:
    return [
        f"-A {_FORWARD} -d {subnet} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A {_FORWARD} -s {subnet} -j ACCEPT",
    ]


def _nat_removal(lines: list[str], subnets: list[str]) -> list[str]:
    chains: list[str] = []
    expected: list[str] = []
    steps: list[str] = []
    for subnet in subnets:
        start = f"-A POSTROUTING -s {subnet} -j NETAVARK-"
        jumps = [line for line in lines if line.startswith(start)]
        if len(jumps) != 1:
            return []
        chain = jumps[0].rpartition(" ")[2]
        if chain not in chains:
            chains.append(chain)
            expected.append(f"-A {chain} ! -d {_MULTICAST} -j MASQUERADE")
        expected += [jumps[0], f"-A {chain} -d {subnet} -j ACCEPT"]
        steps.append("-D" + jumps[0][2:])
    if any(rule not in lines for rule in expected):
        return []
    # netavark declares a chain for published ports as well, which is empty without any.
    ports = [chain.replace("NETAVARK-", "NETAVARK-DN-", 1) for chain in chains]
    declared = [name for name in ports if any(line.startswith(f":{name} ") for line in lines)]
    if _strangers(lines, expected, [*subnets, *chains, *declared]):
        return []
    for chain in (*chains, *declared):
        steps += [f"-F {chain}", f"-X {chain}"]
    return steps


def _strangers(lines: list[str], expected: list[str], words: list[str]) -> bool:
    """Whether a rule that is not expected has to do with these subnets or chains."""
    return any(
        line not in expected and any(word in line.split() for word in words)
        for line in lines
        if line.startswith("-A")
    )


def _tables(dump: str) -> Tables:
    tables: Tables = {}
    lines: list[str] = []
    for line in dump.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line[1:], [])
        elif line.startswith((":", "-A")):
            lines.append(line)
    return tables
