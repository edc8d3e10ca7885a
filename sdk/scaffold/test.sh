#!/bin/sh
# Calls @NAME@.so without a socket, and compares what it says with what it should.
postern=${POSTERN:-postern}
failed=0

if ! command -v "$postern" >/dev/null; then
    echo "there is no $postern: make test POSTERN=/path/to/postern" >&2
    exit 1
fi

# expect WHAT WANTED ARGUMENTS…: the last line of the response to `postern call @NAME@.so ARGUMENTS…`
expect() {
    what=$1 wanted=$2
    shift 2
    got=$("$postern" call ./@NAME@.so "$@" | tail -n 1)
    if [ "$got" = "$wanted" ]; then
        echo "ok: $what"
    else
        echo "FAILED: $what: wanted \"$wanted\", got \"$got\""
        failed=1
    fi
}

expect "greets the world"   "Hello, world!" GET /
expect "greets by name"     "Hello, you!"   GET '/?name=you'
expect "decodes the query"  "Hello, a b!"   GET '/?name=a+b'
expect "refuses POST"       "405 Method Not Allowed" POST /

exit $failed
