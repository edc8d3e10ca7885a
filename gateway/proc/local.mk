libpostern_a_SOURCES += \
	gateway/proc/autopsy.c gateway/proc/autopsy.h \
	gateway/proc/backtrace.c \
	gateway/proc/drain.c gateway/proc/drain.h \
	gateway/proc/mapped_file.c gateway/proc/mapped_file.h \
	gateway/proc/ready.c gateway/proc/ready.h \
	gateway/proc/signals.c gateway/proc/signals.h \
	gateway/proc/trial.c gateway/proc/trial.h \
	gateway/proc/worker.c gateway/proc/worker.h
