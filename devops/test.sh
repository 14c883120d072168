#!/usr/bin/env bash
# Runs every Rust test against one MariaDB for all of them, and ends with one line "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
log=target/test.log
mkdir -p target
: >$log
status=0

run() { # run COMMAND...: shows and keeps its output
  "$@" 2>&1 | tee -a $log
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
}

# The tests themselves do not depend on it: without this each of their processes would start a MariaDB of its own.
if [ -z "${CELLAR_TEST_MARIADB_URL:-}" ] && PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null; then
  coproc MARIADB { exec setsid devops/test-server.sh mariadb - 0; }
  if read -r _ port _ <&"${MARIADB[0]}"; then
    export CELLAR_TEST_MARIADB_URL=mysql://cellar:cellar-test@127.0.0.1:$port
  else
    status=1
  fi
fi

if cargo nextest --version >/dev/null 2>&1; then
  run cargo nextest run --no-fail-fast
  run cargo test --doc --no-fail-fast
else
  run cargo test --no-fail-fast
fi
exec devops/totals.sh $status $log
