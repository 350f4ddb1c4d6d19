#!/bin/sh
# Creates the two roles and their database; running it again changes nothing but the passwords.
#
# The image of PostgreSQL runs it once, when its data folder is empty; elsewhere run it as a
# superuser (PGHOST, PGUSER ... are psql's). What to create stands in the two addresses, the ones
# that Overread is given: postgresql://ROLE:PASSWORD@HOST/DATABASE, password without % and @.
set -eu

read_secret() { # NAME: its value, or what is in the file that NAME_FILE names
    eval "value=\${$1:-}; file=\${$1_FILE:-}"
    if [ -n "$value" ]; then printf '%s' "$value"; else cat "$file"; fi
}
part() { # ADDRESS NUMBER: 1 role, 2 password, 3 database
    printf '%s' "$1" | sed -nE "s#^postgres(ql)?://([^:@/]+):([^@/]+)@[^/]*/([^?]+).*#\\$(($2 + 1))#p"
}

owner_url=$(read_secret OVERREAD_OWNER_DATABASE_URL)
runtime_url=$(read_secret DATABASE_URL)
owner=$(part "$owner_url" 1) runtime=$(part "$runtime_url" 1) database=$(part "$owner_url" 3)
if [ -z "$owner" ] || [ -z "$runtime" ] || [ -z "$database" ] || [ "$owner" = "$runtime" ]; then
    echo "create-roles: both addresses must name a role, a password and a database" >&2
    exit 2
fi
if [ -n "${POSTGRES_USER:-}" ]; then export PGUSER="$POSTGRES_USER"; fi

# The passwords come in by the environment of psql: an argument would be seen by ps.
OWNER_PASSWORD=$(part "$owner_url" 2) RUNTIME_PASSWORD=$(part "$runtime_url" 2)
export OWNER_PASSWORD RUNTIME_PASSWORD
run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set owner="$owner" --set runtime="$runtime" --set database="$database" "$@"; }

run --dbname postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv runtime_password RUNTIME_PASSWORD
SELECT format('CREATE ROLE %I', name) FROM (VALUES (:'owner'), (:'runtime')) AS wanted (name)
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE :"runtime" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'runtime_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'owner')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"runtime";
SQL
run --dbname "$database" <<'SQL'
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"runtime";
SQL
