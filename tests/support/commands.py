"""Runs of the command line without the time that Python takes to start: each is a fork of a process that has imported it all.

python -m tests.support.commands SOCKET serves; run() asks it. Where a test is about starting, or dying, it starts Python itself.
"""

import array
import atexit
import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from pathlib import Path

from tests.support import ROOT

# Imported inside of functions, by chatschema and by what it uses.
_LIBRARIES = (
    "psycopg", "yoyo", "faker", "nacl.public", "rich.table", "dotenv", "zstandard", "hmac", "secrets", "postgast",
)  # fmt: skip
_served: dict[int, str] = {}


def run(arguments: list[str], *, cwd: Path, env: dict[str, str], stdin: str, timeout: float) -> "subprocess.CompletedProcess[str]":
    """Run the command line as subprocess.run() would; stdin and the answers are files. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        given.write(stdin)
        given.seek(0)
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(_server())
            fds = array.array("i", [given.fileno(), out.fileno(), err.fileno()])
            request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": env}).encode()
            server.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            server.sendall(request)
            server.settimeout(timeout)
            pid = int.from_bytes(_read(server, 4), "big")
            try:
                answer = server.recv(4)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout) from None
        out.seek(0)
        err.seek(0)
        code = int.from_bytes(answer, "big") if answer else -9
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def _server() -> str:
    """Return the socket of this process's server, started when there is none yet."""
    if os.getpid() not in _served:
        path = str(Path(tempfile.mkdtemp(prefix="chatschema-commands-")) / "socket")
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([sys.executable, "-m", "tests.support.commands", path], env=env)
        atexit.register(process.kill)
        while not Path(path).exists():
            assert process.poll() is None, "the server of commands did not start"
            time.sleep(0.01)
        _served[os.getpid()] = path
    return _served[os.getpid()]


def _read(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = connection.recv(size - len(content))
        assert piece, "the other side has gone"
        content += piece
    return content


def serve(path: str) -> None:
    """Fork for each request; the fork answers with its process id, and with its exit code when it ends."""
    import importlib
    import pkgutil

    import chatschema

    modules = [module.name for module in pkgutil.walk_packages(chatschema.__path__, "chatschema.") if "__main__" not in module.name]
    for name in (*_LIBRARIES, *modules):
        # Only bulk seeds need numpy, which is an extra: their tests fail without it, and no others.
        with suppress(ModuleNotFoundError) if name.startswith("chatschema.seed.bulk") else nullcontext():
            importlib.import_module(name)
    # The forks would copy each page on which the garbage collector marks an object, and few live long enough to need it.
    gc.freeze()
    gc.set_threshold(50_000)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(64)
    Path(path + ".new").rename(path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent = os.getppid()
    listener.settimeout(5)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            listener.close()
            connection.settimeout(None)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_answer(connection))
        connection.close()


def _answer(connection: socket.socket) -> int:
    header, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_LEN(3 * 4))
    fds = array.array("i")
    fds.frombytes(ancillary[0][2][:12])
    request = json.loads(_read(connection, int.from_bytes(header, "big")))
    connection.sendall(os.getpid().to_bytes(4, "big"))
    connection.set_inheritable(False)
    for standard, fd in enumerate(fds):
        os.dup2(fd, standard)
        os.close(fd)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    # Forks begin with the same numbers, and what waits by chance would wait in step.
    random.seed()
    code = _run(request["arguments"])
    connection.sendall(code.to_bytes(4, "big"))
    return code


def _run(arguments: list[str]) -> int:
    import traceback

    from chatschema.cli import main
    from tests.support import dying

    dying.install(os.environ.get("CHATSCHEMA_TEST_DYING", ""))
    sys.argv = ["chatschema", *arguments]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as the interpreter does at its end
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


if __name__ == "__main__":
    serve(sys.argv[1])
