/*
 * life.h - the programs of a run end when the script that started them does, however it does.
 *
 * A front door names itself in $FERRY_RUN, and each of its subshells that waits for programs adds
 * itself: words like 4711:123456, process and start time (field 22 of /proc/PID/stat, which tells
 * it from another process of the same number). When one of them is gone, the program is sent
 * SIGTERM as by an operator, and after a minute SIGKILL. A pipe of which the door has the only
 * write end would do the same, but bash's subshells inherit every descriptor of their parent.
 */
#pragma once

/*
 * Begins to watch, in a thread that does nothing else; without $FERRY_RUN there is nothing to do.
 * A process that is gone already ends the program before this returns. Nor does a limit on the
 * size of files end it from now on: the write fails then, as on a full disk, which is told.
 */
void life_watch(void);
