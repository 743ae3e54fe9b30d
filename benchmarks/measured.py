"""Run a command and print what it took, as JSON: SECONDS OUTPUT ERRORS COMMAND...

A small process of its own: a child's peak memory never reads below what its parent held when it was started.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time


def main() -> None:
    """The command's processes are all ended once it has taken SECONDS."""
    limit, output, errors, *command = sys.argv[1:]
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        os.killpg(process.pid, signal.SIGKILL)

    with open(output, "wb") as out, open(errors, "wb") as err:
        signal.signal(signal.SIGALRM, end)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        signal.alarm(int(limit))  # waiting with a timeout would look only now and then
        try:
            code = process.wait()
            seconds = time.perf_counter() - start
        except BaseException:
            end()
            raise
        signal.alarm(0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the command and all it has waited for
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    taken = {"code": code, "ended": ended, "seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak}
    print(json.dumps(taken))


main()
