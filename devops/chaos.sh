#!/usr/bin/env bash
# chaos.sh short|long [FILTER]: breaks servers, databases, brokers, networks, disks and clocks on purpose and compares what
# the database has with what the devices measured. Prints a line per case and ends with one line "N passed, N failed".
# All that was said meanwhile is in target/chaos.log. See docs/chaos.md.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never RUST_BACKTRACE=0
set_name=${1:-short} filter=${2:-}
log=target/chaos.log
mkdir -p target
status=0
began=$SECONDS
# Cases mostly wait for each other's outages to pass; those of the long set want the machine for themselves.
threads=4
[ "$set_name" = short ] || threads=1
case $set_name in
  short) cases=(chaos::short:: chaos::machine:: chaos::crowd:: chaos::silent::) ;;
  long) cases=(chaos::long:: safety::soak) ;;
  *) echo "chaos.sh short|long [FILTER]" >&2; exit 1 ;;
esac
[ -z "$filter" ] || cases=("$filter")
if [ "$set_name" = long ]; then
  # Ten thousand devices and a server of a debug build do not fit on two processors.
  cargo build --release --quiet || exit 1
  export CELLAR_TEST_PROGRAM=$PWD/target/release/cellar
fi
run() { cargo test --test it -- --ignored --nocapture "$@"; }
both() {
  if [ "$set_name" = short ] && [ -z "$filter" ]; then
    # Storms take the machine from the cases beside them, so they come last; a crowd is timed, and comes alone.
    local failed=0
    run --test-threads=4 --skip silent_in_a_storm --skip chaos::crowd:: "${cases[@]}" || failed=1
    run --test-threads=1 chaos::crowd:: || failed=1
    run --test-threads=2 silent_in_a_storm || failed=1
    return $failed
  else
    run --test-threads=$threads "${cases[@]}"
  fi
}
both >$log 2>&1 &
tests=$!
trap 'kill $tests 2>/dev/null' INT TERM
# Said as it happens; a case that failed says so in the list at the end.
tail --pid=$tests -n +1 -F $log 2>/dev/null | grep --line-buffered -oE '^chaos: .*' | sed -u 's/^chaos: //'
wait $tests || status=1
if [ $status != 0 ]; then
  echo "== what failed ($log has everything)"
  grep -E -A1 "^thread .*panicked at|^test .*FAILED|^error" $log | tail -n 60
fi
echo "== $((SECONDS - began)) s"
exec devops/totals.sh $status $log
