#!/bin/sh
# make-secrets.sh FOLDER: writes the secrets that docker-compose.yml names, each at random.
#
# What is there is kept. The files can be read by everybody, since each container has a user of its
# own; the folder can be entered by its owner alone. Certificate and key come from elsewhere.
set -eu
folder=${1:?the folder to write to, such as secrets}
mkdir -p "$folder"
chmod 700 "$folder"
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
write() { # NAME VALUE
    if [ ! -e "$folder/$1" ]; then printf '%s' "$2" >"$folder/$1"; fi
    chmod 444 "$folder/$1"
}
write postgres_password "$(random)"
write owner_database_url "postgresql://overread_owner:$(random)@db:5432/overread"
write database_url "postgresql://overread:$(random)@db:5432/overread"
write redis_password "$(random)"
write redis_url "redis://:$(cat "$folder/redis_password")@redis:6379/0"
write secret_key "$(random)$(random)"
write metrics_token "$(random)"
