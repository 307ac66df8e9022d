#!/bin/sh
# A health check: `sh answers.sh SECONDS COMMAND…` has a command ask a program of this container
# whether it is there, and waits so long for it, three times. It ends with 1 where the answer is a bad
# one or nobody listens, as while it starts; with 3 where what listens says nothing: that hangs, and
# has to be started again.
seconds=$1
shift
for _ in 1 2 3; do
    timeout "$seconds" "$@"
    said=$?
    case $said in
        0) exit 0 ;;
        124 | 143) ;; # the command was cut off: what `timeout` of GNU says, and of busybox
        *) exit 1 ;;
    esac
done
exit 3
