"""Work that may hang or eat all memory (hostile mail, training, solving) runs in a child process that can be killed.

The child lives on for the next call and goes after a while without any. `python -m tresen.kernel.child module:function`
is its side: calls come in on standard input and answers go out on standard output, each a length and a pickle.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import struct
import subprocess
import sys
import time
from importlib import import_module
from threading import Lock, Timer
from typing import IO, Any

_HEAD = struct.Struct("!Q")
_CHUNK = 65_536
_READY = b"ready"
START_MAX = 60.0  # s until the child has imported what it needs


class ChildFailed(Exception):
    """The call raised, took too long or took too much; `str()` says which. The child of a bad call is gone."""


class Child:
    """Calls `target` ("module:function") in a process of its own, one call at a time.

    `memory`: bytes of address space it may take; `idle`: seconds without a call after which it goes.
    """

    def __init__(self, target: str, *, memory: int = 2 * 1024**3, idle: float = 60.0) -> None:
        self.target, self.memory, self.idle = target, memory, idle
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._timer: Timer | None = None

    def call(self, *args: Any, timeout: float) -> Any:
        """The function's result. Raises ChildFailed after `timeout` seconds, and for whatever the function raises."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
            try:
                return self._ask(pickle.dumps(args), time.monotonic() + timeout)
            finally:
                self._timer = Timer(self.idle, self.end)
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> None:
        """Ends the process, if there is one and nobody is calling it."""
        if self._lock.acquire(blocking=False):
            try:
                self._kill()
            finally:
                self._lock.release()

    def _ask(self, question: bytes, deadline: float) -> Any:
        begun = time.monotonic()
        try:
            process = self._process if self._process and self._process.poll() is None else self._start()
            assert process.stdin is not None and process.stdout is not None
            deadline += time.monotonic() - begun  # getting ready is not the call's time
            process.stdin.write(_HEAD.pack(len(question)) + question)
            process.stdin.flush()
            (size,) = _HEAD.unpack(_read(process.stdout, _HEAD.size, deadline))
            good, answer = pickle.loads(_read(process.stdout, size, deadline))  # noqa: S301 - our own child
        except (OSError, EOFError) as error:
            self._kill()
            raise ChildFailed("took too long" if isinstance(error, TimeoutError) else "ended abruptly") from error
        if not good:
            raise ChildFailed(answer)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", __name__, self.target, str(self.memory)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdout is not None
        _read(self._process.stdout, len(_READY), time.monotonic() + START_MAX)
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    parts, missing = [], size
    while missing:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        part = os.read(pipe.fileno(), min(missing, _CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def serve(target: str, memory: int) -> None:
    """The child's side: answers until its parent closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    module, _, name = target.partition(":")
    function = getattr(import_module(module), name)
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the function prints must not mix with the answers
    answers.write(_READY)
    answers.flush()
    while head := calls.read(_HEAD.size):
        args = pickle.loads(calls.read(*_HEAD.unpack(head)))  # noqa: S301 - our own parent
        try:
            answer = (True, function(*args))
        except Exception as error:  # goes to the caller as text
            answer = (False, f"{type(error).__name__}: {error}"[:1000])
        packed = pickle.dumps(answer)
        answers.write(_HEAD.pack(len(packed)) + packed)
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
