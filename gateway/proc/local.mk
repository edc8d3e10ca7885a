libpostern_a_SOURCES += \
	gateway/proc/crew.c gateway/proc/crew.h \
	gateway/proc/drain.c gateway/proc/drain.h \
	gateway/proc/front.c gateway/proc/front.h \
	gateway/proc/guard.c gateway/proc/guard.h \
	gateway/proc/host.c gateway/proc/host.h \
	gateway/proc/link.c gateway/proc/link.h gateway/proc/link_answer.c \
	gateway/proc/ready.c gateway/proc/ready.h \
	gateway/proc/signals.c gateway/proc/signals.h \
	gateway/proc/trial.c gateway/proc/trial.h \
	gateway/proc/worker.c gateway/proc/worker.h
