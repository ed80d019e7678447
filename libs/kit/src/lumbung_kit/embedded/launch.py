"""Becomes a server program: takes on an account, ties its life to its parent's, then exec()s the program.

Run as a script by `process.Child`, never imported: `python -I -S launch.py UID GID PARENT SIGNAL -- PROGRAM
ARG...` (UID and GID -1 mean: stay who you are). Only the standard library, so that it starts in some
milliseconds, and no `preexec_fn`, which is unsafe in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: the program replaces this process, or the process exits with a sentence."""
    separator = arguments.index("--")
    uid, gid, parent, death_signal = (int(word) for word in arguments[:separator])
    program = arguments[separator + 1 :]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    tie_to_parent(parent, death_signal)
    os.execv(program[0], program)  # noqa: S606 - becoming this program is the purpose


def tie_to_parent(parent: int, death_signal: int) -> None:
    """Sees to it that this process gets `death_signal` when the process `parent` is gone, however it ended.

    Comes after the change of account, which would clear it on Linux. On Linux it is the *thread* that started
    us whose end counts; `Supervisor` starts its servers from threads that live as long as it does.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    else:
        _watch_from_aside(parent, os.getpid(), death_signal)
    if os.getppid() != parent:
        sys.exit("the parent ended while the server was being started")


def _watch_from_aside(parent: int, server: int, death_signal: int) -> None:
    """Where the kernel has no parent-death signal (macOS, BSD): a small process waits for either to end."""
    if os.fork() != 0:
        return
    os.closerange(0, 3)
    if _first_to_end(parent, server) == parent:
        os.kill(server, death_signal)
    os._exit(0)


def _first_to_end(parent: int, server: int) -> int:
    import select

    queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
    watch = [
        select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)  # type: ignore[attr-defined,unused-ignore]
        for pid in (parent, server)
    ]
    try:
        return int(queue.control(watch, 1, None)[0].ident)
    except ProcessLookupError:
        return parent


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(sys.argv[1:])
