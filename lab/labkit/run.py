"""The one door to other programs: every command of the lab is started here, so that an error always
carries the command line and what it said."""

import os
import shlex
import subprocess
import time


class LabError(Exception):
    """What could not be done, with the evidence; printed once, by the command line."""


def run(*argv, check=True, text_in=None, env=None, timeout=120):
    """Runs a command to its end. Its output is text; a non-zero exit raises LabError unless check=False."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, input=text_in, env=env, timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, errors="replace",
                              stdin=None if text_in is not None else subprocess.DEVNULL)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: run script/bootstrap") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"no answer in {timeout} s: {shlex.join(argv)}") from None
    if check and done.returncode != 0:
        raise LabError(f"exit {done.returncode}: {shlex.join(argv)}\n{done.stdout.strip()}")
    return done


def output(*argv, **options):
    return run(*argv, **options).stdout


def succeeds(*argv, **options):
    return run(*argv, check=False, **options).returncode == 0


def detach(argv, log, env=None):
    """Starts a daemon in a session of its own: it outlives this process and the shell above it."""
    with open(log, "ab") as sink:
        return subprocess.Popen([str(word) for word in argv], env=env, start_new_session=True, cwd="/",
                                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)


def wait_until(condition, seconds, what, log=None):
    """Polls condition() until it holds; past the deadline the tail of the log is the evidence."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"not within {seconds} s: {what}{tail(log)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def tail(log, lines=15):
    if not log or not os.path.exists(log):
        return ""
    with open(log, errors="replace") as file:
        return "\n" + "".join(file.readlines()[-lines:]).rstrip()
