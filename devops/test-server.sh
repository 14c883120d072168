#!/usr/bin/env bash
# Runs one real server for tests, on 127.0.0.1, until standard input closes: so it ends with whoever started it,
# even when that is killed.
#
#   test-server.sh mariadb DIR PORT      prints "mariadb PORT PID" once it answers
#   test-server.sh mosquitto DIR PORT    prints "mosquitto PORT PID"
#
# DIR keeps everything, and a new run on it finds the former content; `-` is a new one that is removed at the end.
# PORT 0 takes a free one.
# MariaDB: user cellar, password cellar-test. Mosquitto: DIR/passwd must exist (see mosquitto_passwd); the access list is
# DIR/mosquitto.acl, or else the project's.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
kind=$1 dir=$2 port=$3
devops=$(cd "$(dirname "$0")" && pwd)
server=
temporary=
if [ "$dir" = - ]; then
  dir=$(mktemp -d)
  temporary=$dir
fi
finish() {
  if [ -n "$server" ]; then
    kill -KILL "$server" || true
    wait "$server" || true
  fi 2>/dev/null
  [ -z "$temporary" ] || rm -rf "$temporary"
}
trap finish EXIT
mkdir -p "$dir"
cd "$dir"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

prepare_mariadb() {
  # A starting server removes temporary tables it finds, those of its neighbours too: each has a folder of its own.
  mkdir -p tmp
  [ -d data/mysql ] || mariadb-install-db --no-defaults --datadir="$dir/data" --user="$(id -un)" \
    --auth-root-authentication-method=normal --skip-test-db --tmpdir="$dir/tmp" >install.log 2>&1 ||
    { echo "mariadb-install-db failed in $dir:" >&2; tail -n 40 install.log >&2; return 1; }
  echo "CREATE USER IF NOT EXISTS cellar@'127.0.0.1' IDENTIFIED BY 'cellar-test';
        GRANT ALL ON *.* TO cellar@'127.0.0.1' WITH GRANT OPTION;" >init.sql
}

start() { # start PORT: begins the server in the background as $server
  case $kind in
    mariadb)
      # The settings are those of production; only places and sizes differ.
      mariadbd --defaults-file="$devops/mariadb.cnf" --datadir="$dir/data" --tmpdir="$dir/tmp" --socket="$dir/mariadb.sock" \
        --pid-file="$dir/mariadb.pid" --port="$1" --bind-address=127.0.0.1 --user="$(id -un)" \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --init-file="$dir/init.sql" >>log 2>&1 </dev/null & ;;
    mosquitto)
      mkdir -p data
      [ -f mosquitto.acl ] || cp "$devops/mosquitto.acl" .
      { sed "s/^listener .*/listener $1 127.0.0.1/" "$devops/mosquitto.conf"; echo "user $(id -un)"; } >mosquitto.conf
      mosquitto -c mosquitto.conf >>log 2>&1 </dev/null & ;;
  esac
  server=$!
}

[ "$kind" != mariadb ] || prepare_mariadb
for _ in 1 2 3 4 5; do
  chosen=$port
  [ "$port" != 0 ] || chosen=$((20000 + RANDOM % 10000))
  ! answers "$chosen" || continue
  start "$chosen"
  for _ in $(seq 600); do
    ! answers "$chosen" || { ready=$chosen; break 2; }
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
  done
done
if [ -z "${ready:-}" ]; then
  echo "$kind did not start in $dir:" >&2
  tail -n 20 log install.log >&2 2>/dev/null || true
  exit 1
fi
echo "$kind $ready $server"
cat >/dev/null
