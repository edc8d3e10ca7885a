libpostern_a_SOURCES += \
	gateway/run/background.c gateway/run/background.h \
	gateway/run/circuit.c gateway/run/circuit.h \
	gateway/run/dispatch.c gateway/run/dispatch.h \
	gateway/run/executor.c gateway/run/executor.h \
	gateway/run/hosts.c gateway/run/hosts_processes.c gateway/run/hosts.h gateway/run/hosts_parts.h \
	gateway/run/lane.c gateway/run/lane.h \
	gateway/run/later.c gateway/run/later.h \
	gateway/run/pipe.c gateway/run/pipe.h \
	gateway/run/neighbours.c gateway/run/neighbours.h \
	gateway/run/placement.c gateway/run/placement.h \
	gateway/run/reactor.c gateway/run/reactor.h \
	gateway/run/remote.c gateway/run/remote.h gateway/run/remote_parts.h \
	gateway/run/remote_ahead.c gateway/run/remote_call.c gateway/run/remote_response.c gateway/run/remote_send.c \
	gateway/run/slots.c gateway/run/slots.h \
	gateway/run/solo.c gateway/run/solo.h \
	gateway/run/runner.c gateway/run/runner.h \
	gateway/run/service.c gateway/run/service.h \
	gateway/run/stream.c gateway/run/stream.h \
	gateway/run/task.c gateway/run/task.h gateway/run/task_parts.h \
	gateway/run/task_cancel.c gateway/run/task_run.c gateway/run/task_store.c \
	gateway/run/upload.c gateway/run/upload.h \
	gateway/run/watch.c gateway/run/watch.h
