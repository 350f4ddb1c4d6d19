"""docker-compose.yml and Dockerfile against the schema, and against the project that they run.

There is no Docker engine in a test: what can be known without one is checked here.
"""

import importlib.util
import json
import re
import shlex
import stat
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from django.core.management import get_commands

from portal import env
from tests.operations.two_roles import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("prepare", "airlock", "web", "worker-cpu", "worker-gpu", "general")
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
SETTINGS_OF_OTHERS = {"POSTGRES_PASSWORD_FILE"}


def stages():
    """Return the instructions of each stage, those of the stages it is built on included."""
    found, current = {}, []
    for line in DOCKERFILE.splitlines():
        words = line.split(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "FROM":
            base, _, name = words[1].partition(" AS ")
            current = found[name] = list(found.get(base, []))
        else:
            current.append((words[0], words[1]))
    return found


STAGES = stages()


def command_of(name):
    """Return what a service runs: its own command, else that of its image."""
    service = SERVICES[name]
    if "command" in service:
        return service["command"]
    return json.loads([text for word, text in STAGES[target(name)] if word == "CMD"][-1])


def target(name):
    return SERVICES[name]["build"]["target"]


def copied(stage):
    """Return which files of the project are in a stage."""
    files = set()
    for word, text in STAGES[stage]:
        if word == "COPY":
            *sources, _ = shlex.split(text)
            for source in sources:
                for path in ROOT.glob(source):
                    files |= (
                        {path} if path.is_file() else {p for p in path.rglob("*") if p.is_file()}
                    )
    return {p.relative_to(ROOT) for p in files if "__pycache__" not in p.parts}


def test_the_file_is_what_the_compose_specification_takes():
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_a_planted_mistake_is_seen():
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text())
    broken = COMPOSE | {"services": {"web": {"image": "x", "prots": ["80"]}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(broken)


def test_all_parts_are_there():
    assert set(SERVICES) == {"db", "redis", "nginx", *OURS}


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_is_built_from_a_stage_that_exists(name):
    assert target(name) in STAGES
    assert SERVICES[name]["build"]["context"] == "."


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_has_no_right_that_it_does_not_need(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    users = [text for word, text in STAGES[target(name)] if word == "USER"]
    assert users[-1] in {"overread", "airlock"}


def test_the_airlock_has_no_network_no_secret_no_data_and_its_own_user():
    airlock = SERVICES["airlock"]
    assert airlock["network_mode"] == "none"
    assert "networks" not in airlock
    assert "secrets" not in airlock
    assert airlock["volumes"] == ["airlock:/run/overread"]
    uid, gid = airlock["user"].split(":")
    assert f"--uid {uid} --gid overread" in DOCKERFILE
    assert f"groupadd --gid {gid} overread" in DOCKERFILE
    assert f"uid={uid},gid={gid}" in COMPOSE["volumes"]["airlock"]["driver_opts"]["o"]


def test_only_nginx_can_be_reached_and_what_keeps_data_reaches_nobody():
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["nginx"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("db", "redis", "prepare", "worker-cpu", "worker-gpu", "general"):
        assert SERVICES[name]["networks"] == ["inside"]


@pytest.mark.parametrize("name", ["db", *OURS])
def test_every_variable_is_a_setting(name):
    for variable in SERVICES[name].get("environment", {}):
        plain = variable.removesuffix("_FILE")
        known = variable in env.KNOWN or (variable != plain and plain in env.MAY_BE_FILES)
        assert known or variable in SETTINGS_OF_OTHERS, variable


def test_every_variable_of_an_image_is_a_setting():
    told = re.findall(r"\b(OVERREAD_\w+)=", DOCKERFILE)
    assert set(told) == {"OVERREAD_DATA", "OVERREAD_LOG_FORMAT"}
    assert set(told) <= env.KNOWN


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_secret_that_is_named_is_given_and_made(name, tmp_path):
    given = set(SERVICES[name].get("secrets", []))
    assert given <= set(COMPOSE["secrets"])
    text = json.dumps(SERVICES[name])
    if name == "nginx":
        text += (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == given


def test_the_owner_of_the_tables_is_known_where_it_is_needed_alone():
    knowing = {n for n, s in SERVICES.items() if "owner_database_url" in s.get("secrets", [])}
    assert knowing == {"db", "prepare"}


def test_make_secrets_makes_them_once_and_they_fit_together(tmp_path):
    folder = tmp_path / "secrets"
    made = [read_secrets(folder), read_secrets(folder)]
    assert made[0] == made[1]
    names = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert names == set(made[0]) | {"tls_certificate", "tls_key"}
    assert folder.stat().st_mode & 0o777 == 0o700
    owner, runtime = urlsplit(made[0]["owner_database_url"]), urlsplit(made[0]["database_url"])
    assert (owner.hostname, owner.path) == (runtime.hostname, runtime.path) == ("db", "/overread")
    assert owner.username != runtime.username
    assert len({owner.password, runtime.password, made[0]["redis_password"]}) == 3
    redis = urlsplit(made[0]["redis_url"])
    assert (redis.hostname, redis.password) == ("redis", made[0]["redis_password"])
    assert len(made[0]["secret_key"]) >= 50
    assert len(made[0]["metrics_token"]) >= 24


def read_secrets(folder):
    script = ROOT / "deploy/make-secrets.sh"
    subprocess.run([script, folder], check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("name", list(SERVICES))
def test_volumes_and_files_exist(name):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).is_file()
        else:
            assert source in COMPOSE["volumes"]


def test_the_portal_and_the_airlock_meet_at_one_socket():
    command = command_of("airlock")
    socket = command[command.index("--socket") + 1]
    for name in ("web", "worker-cpu", "worker-gpu", "general"):
        assert SERVICES[name]["environment"]["OVERREAD_AIRLOCK_SOCKET"] == socket
        assert "airlock:/run/overread" in SERVICES[name]["volumes"]
    assert socket.startswith("/run/overread/")
    assert socket in SERVICES["airlock"]["healthcheck"]["test"][-1]
    data = [text for word, text in STAGES["portal"] if word == "ENV" and "OVERREAD_DATA" in text]
    assert "OVERREAD_DATA=/data" in data[-1]
    assert "data:/data" in SERVICES["web"]["volumes"]


def test_commands_are_those_of_the_project():
    prepare = command_of("prepare")
    assert prepare[:2] == ["python", "manage.py"]
    assert prepare[2] in get_commands()
    probe = SERVICES["web"]["healthcheck"]["test"]
    assert importlib.util.find_spec(probe[probe.index("-m") + 1])
    config = command_of("web")[command_of("web").index("--config") + 1]
    assert importlib.util.find_spec(config.removeprefix("python:"))
    for name, queue in (("worker-cpu", "inference"), ("general", "general")):
        assert command_of(name)[command_of(name).index("-Q") + 1] == queue


def test_workers_run_as_serve_runs_them():
    from worker.supervisor import programs

    for service, queue in (("worker-cpu", programs.INFERENCE), ("general", programs.GENERAL)):
        served = programs.celery(queue, {}, lock=0).command
        ours = command_of(service)
        assert set(ours[1:]) <= set(served)
        assert ours[0] == "celery"


def test_the_port_is_the_same_everywhere():
    command = command_of("web")
    port = command[command.index("--bind") + 1].rpartition(":")[2]
    probe = SERVICES["web"]["healthcheck"]["test"]
    assert probe[probe.index("--port") + 1] == port
    assert f"server web:{port};" in (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert ("EXPOSE", port) in STAGES["portal"]


def test_the_gpu_worker_waits_for_its_profile_and_reserves_a_device():
    gpu = SERVICES["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    device = gpu["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["capabilities"] == ["gpu"]
    assert [n for n, s in SERVICES.items() if s.get("profiles")] == ["worker-gpu"]


def test_the_portal_believes_the_one_proxy_that_stands_before_it():
    """Else all people share nginx's address, and one who guesses keeps everybody out."""
    assert SERVICES["web"]["environment"]["OVERREAD_TRUSTED_PROXIES"] == "1"
    nginx = (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in nginx
    assert "`OVERREAD_TRUSTED_PROXIES=1`" in (ROOT / "docs/deployment.md").read_text()


def test_redis_keeps_what_it_is_told():
    assert "--appendonly yes" in " ".join(SERVICES["redis"]["command"])
    assert "redis:/data" in SERVICES["redis"]["volumes"]


@pytest.mark.parametrize("stage", ["portal", "airlock", "worker"])
def test_an_image_installs_from_its_lock(stage):
    locks = [t for w, t in STAGES[stage] if w == "RUN" and "requirements/" in t]
    assert f"requirements/{stage}.txt" in locks[-1]
    assert all("--require-hashes" in lock for lock in locks)
    assert Path(f"requirements/{stage}.txt") in copied(stage)


def test_the_portal_has_no_tensorflow_and_the_airlock_no_django():
    portal, airlock = (
        (ROOT / f"requirements/{name}.txt").read_text() for name in ("portal", "airlock")
    )
    assert not re.search(r"^(tensorflow|keras|numpy|pydicom)==", portal, re.M)
    assert not re.search(r"^(django|celery|redis|psycopg2-binary)==", airlock, re.M)
    assert not [p for p in copied("portal") if p.parts[0] == "inference"]
    assert not [p for p in copied("airlock") if p.parts[0] in {"portal", "worker", "templates"}]


WITHOUT_OTHERS = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nothing())
{act}
"""


def in_image(stage, tmp_path, act):
    """Run Python with the files of an image and nothing that its lock leaves out."""
    for file in copied(stage):
        place = tmp_path / "image" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(ROOT / file)
    lock = (ROOT / f"requirements/{stage}.txt").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.M))
    missing = {
        module
        for module, distributions in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", d).lower() for d in distributions} & locked
    }
    script = WITHOUT_OTHERS.format(missing=missing, act=act)
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path / "image",
        env={"OVERREAD_DATA": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


MIGRATE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "migrate", "--verbosity", "0"])
execute_from_command_line(["manage.py", "check"])
import portal.wsgi, worker.supervisor.gunicorn_conf
from django.test import Client
assert Client().get("/healthz", headers={"Host": "127.0.0.1"}).status_code == 200
assert Client().get("/sign-in", headers={"Host": "127.0.0.1"}).status_code == 200
"""


def test_the_portal_runs_with_what_its_image_holds(tmp_path):
    done = in_image("portal", tmp_path, MIGRATE)
    assert done.returncode == 0, done.stderr


def test_the_airlock_runs_with_what_its_image_holds(tmp_path):
    act = "import inference.airlock.server; inference.airlock.server.preload()"
    done = in_image("airlock", tmp_path, act)
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_not_locked_is_missing_there(tmp_path):
    done = in_image("portal", tmp_path, "import tensorflow")
    assert "No module named 'tensorflow'" in done.stderr


def test_the_build_context_holds_what_the_images_copy():
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert {path.parts[0] for stage in STAGES for path in copied(stage)} == allowed


@pytest.mark.parametrize("script", ["make-secrets.sh", "postgres/create-roles.sh"])
def test_scripts_can_be_run_and_read_by_everybody(script):
    assert (ROOT / "deploy" / script).stat().st_mode & 0o555 == 0o555
    assert stat.S_ISREG((ROOT / "deploy" / script).stat().st_mode)
    subprocess.run(["sh", "-n", ROOT / "deploy" / script], check=True)


def test_commands_of_the_documentation_name_services_users_and_commands_that_exist():
    text = (ROOT / "docs/deployment.md").read_text()
    run = re.findall(
        r"docker compose run --rm (?:--volume \S+ )?(\S+)(?: python manage.py (\S+))?", text
    )
    assert len(run) >= 5
    for service, command in run:
        assert service.rstrip("`).") in SERVICES
        assert command in {"", *get_commands()}
    stopped = re.search(r"docker compose stop ([\w -]+?)\s+#", text)[1].split()
    assert set(stopped) == set(SERVICES) - {"db", "prepare", "worker-gpu"}
    uid, gid = re.search(r"--owner (\d+) --group (\d+)", text).groups()
    assert (
        f"useradd --uid {uid} --gid overread --no-create-home --home-dir /tmp overread"
        in DOCKERFILE
    )
    assert f"groupadd --gid {gid} overread" in DOCKERFILE
    for path in re.findall(r"`?(deploy/[\w./-]+\w)", text):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"manage\.py (\w+)", text):
        assert command in get_commands(), command


def test_the_systemd_unit_runs_serve_with_known_settings():
    unit = (ROOT / "deploy/systemd/overread.service").read_text()
    assert "manage.py serve" in unit
    assert set(re.findall(r"\b(OVERREAD_\w+)=", unit)) <= env.KNOWN
    assert int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]) > 10  # serve stops within 10 s
