libpostern_a_SOURCES += \
	gateway/proc/drain.c gateway/proc/drain.h \
	gateway/proc/ready.c gateway/proc/ready.h \
	gateway/proc/signals.c gateway/proc/signals.h \
	gateway/proc/trial.c gateway/proc/trial.h \
	gateway/proc/worker.c gateway/proc/worker.h
