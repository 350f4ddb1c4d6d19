"""The loop that keeps children alive, with children that are shell commands."""

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from tests.chaos.harness import is_running, until
from worker.supervisor import child, output, run
from worker.supervisor.child import Program
from worker.supervisor.run import Supervisor


@pytest.fixture(autouse=True)
def own_signals():
    """The supervisor takes signals of the process; give them back."""
    kept = {
        n: signal.getsignal(n)
        for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    }
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(child, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(run, "WORKERS_STOP_WITHIN", 0.5)
    monkeypatch.setattr(run, "STOP_WITHIN", 1.0)


def program(name, script, **options):
    return Program(name, ["/bin/sh", "-c", script], {"PATH": os.environ["PATH"]}, **options)


def in_the_background(supervisor, act):
    """Call ``act`` beside the loop, which needs the main thread."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_who_keeps_dying_ends_all_with_a_sentence(quick, capsys):
    why = Supervisor([program("bad", "echo no luck; exit 3"), program("good", "sleep 60")]).run()
    out = capsys.readouterr().out
    assert why == "bad keeps dying right after its start; its last lines say why."
    assert out.count("bad       | no luck") == child.TOO_OFTEN
    assert "bad ended with 3" in out


def test_who_is_killed_after_a_while_is_started_again_and_again(quick, capsys, monkeypatch):
    monkeypatch.setattr(child, "AT_ONCE", 0.05)
    supervisor = Supervisor([program("brave", "sleep 60")])
    seen = set()

    def kill_often():
        for _ in range(child.TOO_OFTEN + 3):
            pid = until(lambda: supervisor.children[0].pid not in seen and
                        supervisor.children[0].pid, within=10)  # fmt: skip
            seen.add(pid)
            time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGTERM)

    in_the_background(supervisor, kill_often)
    assert supervisor.run() == ""
    assert len(seen) == child.TOO_OFTEN + 3
    assert "brave was killed by SIGKILL" in capsys.readouterr().out


def test_a_signal_stops_all_and_who_is_used_goes_last(quick, capsys):
    stops = "trap 'echo stopping; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    supervisor = Supervisor([program("used", stops, stops_last=True), program("user", stops)])

    def interrupt():
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)

    in_the_background(supervisor, interrupt)
    assert supervisor.run() == ""
    said = capsys.readouterr().out.splitlines()
    assert said.index("user      | stopping") < said.index("used      | stopping")


def test_a_reader_of_the_output_that_went_away_stops_nobody(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    nobody = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stdout", nobody)
    output.say("to nobody")
    output.say("and again")
    sys.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        nobody.close()


def test_a_reader_of_the_output_that_stands_still_stops_nobody(monkeypatch):
    """A terminal in which somebody pressed Ctrl-S, a pager, a log collector that hangs."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "w") as written:
        monkeypatch.setattr(sys, "stdout", written)
        started = time.monotonic()
        for number in range(200):
            output.say(f"{number} " + "x" * 10_000)
        assert time.monotonic() - started < 3
        os.set_blocking(reader, False)
        first = read.read()
        output.say("the reader is back")
        said = (first + read.read()).decode().splitlines()
        monkeypatch.undo()
    whole = [line for line in said if len(line) > 10_000]
    assert [line.split()[0] for line in whole] == [str(n) for n in range(len(whole))]
    assert 0 < len(whole) < 200
    assert said[-2:] == [
        f"serve     | {200 - len(whole)} lines were left out: nobody read them.",
        "the reader is back",
    ]


def test_a_log_on_a_full_disk_stops_nobody(monkeypatch):
    full = open("/dev/full", "w")  # noqa: PTH123, SIM115 (a device, closed below)
    monkeypatch.setattr(sys, "stdout", full)
    for _ in range(3):
        output.say("x" * 20_000)
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        full.close()


def test_a_terminal_that_knows_few_letters_stops_nobody(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    output.say_as("web", "the model \ufffd is ready in K\xf6ln")
    assert written.getvalue() == b"web       | the model ? is ready in K?ln\n"


@pytest.mark.parametrize("line", ["9" * 5000, "[" * 15_000, '{"a":' * 3_000, "NaN"])
def test_a_line_that_is_hardly_json_is_passed_on_as_it_is(line, settings, capsys):
    settings.OVERREAD_LOG_FORMAT = "json"
    output.say_as("web", line)
    assert json.loads(capsys.readouterr().out)["message"] == line


def test_a_signal_without_a_name_is_buried_too(quick, capsys):
    number = signal.SIGRTMIN + 3
    Supervisor([program("odd", f"kill -{number} $$; sleep 9")]).run()
    assert f"odd was killed by signal {number}" in capsys.readouterr().out


def test_who_cannot_be_started_just_now_is_tried_again(quick, capsys, monkeypatch):
    """No memory for one more process, or a Python that is being replaced."""
    honest, failures = subprocess.Popen, [OSError(errno.ENOMEM, "Cannot allocate memory")] * 2

    def popen(*arguments, **options):
        if failures:
            raise failures.pop()
        return honest(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    supervisor = Supervisor([program("late", "echo up; sleep 60")])

    def terminate():
        until(lambda: supervisor.children[0].pid, within=10)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    in_the_background(supervisor, terminate)
    assert supervisor.run() == ""
    out = capsys.readouterr().out
    assert out.count("late cannot be started: Cannot allocate memory") == 2
    assert "late      | up" in out


def test_who_can_never_be_started_ends_all_with_a_sentence(quick, capsys, monkeypatch):
    def popen(*_arguments, **_options):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", popen)
    assert "keeps dying right after its start" in Supervisor([program("never", "true")]).run()


def test_who_does_not_stop_is_killed(quick, capsys):
    supervisor = Supervisor([program("deaf", "trap '' TERM; echo up; while :; do sleep 1; done")])
    pids = []

    def terminate():
        time.sleep(0.5)
        pids.append(supervisor.children[0].pid)
        os.kill(os.getpid(), signal.SIGTERM)

    in_the_background(supervisor, terminate)
    started = time.monotonic()
    assert supervisor.run() == ""
    assert time.monotonic() - started < 5
    assert not is_running(pids[0])
    assert "deaf does not stop and is killed" in capsys.readouterr().out


def test_output_comes_in_whole_lines_with_names_even_the_last_and_the_endless(quick, capsys):
    script = f"{sys.executable} -c 'print(\"x\" * 50000)'; printf 'no newline'; exit 1"
    Supervisor([program("talker", script)]).run()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("talker    | ", "serve     | ")) for line in lines)
    assert "talker    | no newline" in lines


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path):
    """In a process of its own, killed without a chance to do anything."""
    script = textwrap.dedent("""
        import os, sys
        from worker.supervisor.child import Child, Program
        one = Child(Program("one", ["/bin/sleep", "60"], {}))
        one.start()
        print(one.pid, flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        parent.wait()
        until(lambda: not is_running(pid), within=5, what="the end of the child")
