"""What a process gives up before it looks at what a stranger wrote: Linux's seccomp and limits.

For child processes that are started for one such look and end after it. Nothing here can be taken
back by the process that calls it.

Numbers of system calls: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h of Linux. The filter's form: Documentation/userspace-api/
seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from enum import StrEnum

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000
_CLONE_THREAD = 0x10000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

# name: (x86_64, aarch64); None where an architecture has no such call.
_COMPUTING: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "getcwd": (79, 17),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "set_tid_address": (218, 96),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
"""All that a process needs that has its input, and hands back its output through open pipes."""

_REACHING_OUT: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "mount": (165, 40),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "unshare": (272, 97),
    "accept4": (288, 242),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "execveat": (322, 281),
    "sendmmsg": (307, 269),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
}
"""Networks, other programs and other processes."""

_CLONE = (56, 220)
_CLONE3 = (435, 435)
_SECCOMP = (317, 277)
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


class Freedom(StrEnum):
    """What a locked process may still do."""

    COMPUTE = "compute"
    """Read and write what is open already; open nothing, start nothing, reach nothing."""

    FILES = "files"
    """That, and files; no network, no other program, no other process."""


def limit(*, memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Bound what this process takes.

    Args:
        memory_bytes: beyond what it has mapped by now.
        cpu_s: of processor time in all.
        file_bytes: largest file it may write.
    """
    mapped = 0
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a kernel's file
            mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    for kind, most in (
        (resource.RLIMIT_AS, mapped + memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def leave_network() -> bool:
    """Move to a network namespace without any interface; whether the machine lets us.

    To be called before there are threads.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return bool(
        library.unshare(_CLONE_NEWNET) == 0 or library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    )


def lock(freedom: Freedom) -> bool:
    """Give up every system call but those of a freedom, in every thread; whether it holds.

    What is given up fails with EPERM. False where the system or processor has no such filter.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    at = list(_ARCHITECTURES).index(machine)
    library = ctypes.CDLL(None, use_errno=True)
    # No debugger of the same user looks in, and no program gains rights; the filter needs that.
    library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    program = _program(_ARCHITECTURES[machine], at, freedom)
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    done = library.syscall(
        ctypes.c_long(_SECCOMP[at]),
        ctypes.c_ulong(_SET_MODE_FILTER),
        ctypes.c_ulong(_FLAG_TSYNC),
        ctypes.c_char_p(described),
    )
    return bool(done == 0)


def _program(architecture: int, at: int, freedom: Freedom) -> bytes:
    """The filter as the kernel reads it."""

    def step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("HBBI", code, then, otherwise, value)

    def answer(numbers: dict[str, tuple[int | None, int | None]], what: int) -> list[bytes]:
        known = [pair[at] for pair in numbers.values()]
        return [
            part
            for number in known
            if number is not None
            for part in (step(_EQUAL, number, 0, 1), step(_RETURN, what))
        ]

    refuse = _ERRNO | errno.EPERM
    steps = [
        step(_LOAD, _ARCH),
        step(_EQUAL, architecture, 1, 0),
        step(_RETURN, _KILL_PROCESS),
        step(_LOAD, _NUMBER),
        # Calls of the x32 kind would pass under other numbers.
        step(_AT_LEAST, _X32, 0, 1),
        step(_RETURN, _KILL_PROCESS),
        # Its arguments lie behind a pointer, which a filter cannot follow; C libraries then take
        # the older call, of which threads are told from processes.
        step(_EQUAL, _CLONE3[at], 0, 1),
        step(_RETURN, _ERRNO | errno.ENOSYS),
        step(_EQUAL, _CLONE[at], 0, 4),
        step(_LOAD, _FIRST_ARGUMENT),
        step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        step(_RETURN, _ALLOW),
        step(_RETURN, refuse),
    ]
    if freedom is Freedom.COMPUTE:
        steps += [*answer(_COMPUTING, _ALLOW), step(_RETURN, refuse)]
    else:
        steps += [*answer(_REACHING_OUT, refuse), step(_RETURN, _ALLOW)]
    return b"".join(steps)
