"""Programs as their users run them, in processes of their own, that start in no time.

Every process is forked from one that has imported what takes seconds and has computed nothing: most
programs here would take longer to import it than to run.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import runpy
import select
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]


def run(module: str, *arguments, timeout: int = 300) -> subprocess.CompletedProcess:
    """`python -m module arguments`, started in the checkout and waited for.

    Args:
        module: Dotted name.
        *arguments: Of the program; anything that can be a string.
        timeout: Seconds.

    Raises:
        subprocess.TimeoutExpired: If it takes longer.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        command = [module, *map(str, arguments)]
        request = {
            "command": command,
            "files": [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)],
        }
        server = _server()
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            _end(server)
            _server.cache_clear()
            raise subprocess.TimeoutExpired(command, timeout)
        code = int(server.stdout.readline())
        texts = [file.seek(0) or file.read() for file in (out, err)]
    return subprocess.CompletedProcess(command, code, *texts)


@functools.cache
def _server():
    """The process that all programs of this process are forked from."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.programs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        start_new_session=True,
    )
    atexit.register(_end, process)
    return process


def _end(server):
    """Kills it and the program that runs, if any."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)


def _next_program():
    """What to run, in a child; the parent tells how each child ended, until it is left alone."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            return request
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()


def _become(request):
    """Lets this process be the one that the shell would have started."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in enumerate(request["files"], start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), descriptor)
    sys.argv = request["command"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    import keras  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import tensorflow as tf  # noqa: F401

    _become(_next_program())
