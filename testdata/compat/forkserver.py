# Runs Supervisor's own supervisorctl again and again without starting Python each time, which
# is most of what a call costs: a line of JSON is a call, in a child of its own; the answer
# {"id", "pid"} comes when it runs and {"id", "rc"} when it has ended.
import io
import json
import os
import select
import signal
import sys

from supervisor import supervisorctl


def child(call):
    os.chdir(call['dir'])
    os.environ.clear()
    os.environ.update(entry.split('=', 1) for entry in call['env'])
    for fd, name in enumerate(call['files']):
        new = os.open(name, os.O_RDONLY if fd == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(new, fd)
        os.close(new)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, 'rb', closefd=False), encoding='utf-8')
    sys.stdout = io.TextIOWrapper(os.fdopen(1, 'wb', closefd=False), encoding='utf-8')
    sys.stderr = io.TextIOWrapper(os.fdopen(2, 'wb', closefd=False), encoding='utf-8', errors='backslashreplace')
    sys.argv = call['argv']
    try:
        supervisorctl.main()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def say(**answer):
    os.write(1, (json.dumps(answer) + '\n').encode())


def serve():
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    calls, pending = {}, b''
    while True:
        ready, _, _ = select.select([0, bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
        while calls:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            say(id=calls.pop(pid), rc=os.waitstatus_to_exitcode(status))
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b'\n')
            for line in lines:
                call = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    child(call)
                calls[pid] = call['id']
                say(id=call['id'], pid=pid)


serve()
