libpostern_a_SOURCES += \
	gateway/proc/drain.c gateway/proc/drain.h \
	gateway/proc/ready.c gateway/proc/ready.h \
	gateway/proc/sandbox.c gateway/proc/sandbox.h gateway/proc/sandbox_parts.h \
	gateway/proc/sandbox_files.c gateway/proc/sandbox_filter.c gateway/proc/sandbox_ids.c \
	gateway/proc/sandbox_landlock.c gateway/proc/sandbox_limits.c gateway/proc/sandbox_mounts.c \
	gateway/proc/sandbox_process.c \
	gateway/proc/signals.c gateway/proc/signals.h \
	gateway/proc/trial.c gateway/proc/trial.h \
	gateway/proc/worker.c gateway/proc/worker.h
