libpostern_a_SOURCES += \
	gateway/proc/autopsy.c gateway/proc/autopsy.h \
	gateway/proc/backoff.h \
	gateway/proc/backtrace.c \
	gateway/proc/channel.c gateway/proc/channel.h \
	gateway/proc/control.c gateway/proc/control.h \
	gateway/proc/crash_line.c gateway/proc/crash_line.h \
	gateway/proc/crew.c gateway/proc/crew.h \
	gateway/proc/drain.c gateway/proc/drain.h \
	gateway/proc/files_watch.c gateway/proc/files_watch.h \
	gateway/proc/front.c gateway/proc/front.h \
	gateway/proc/generation.c gateway/proc/generation.h \
	gateway/proc/slow.h \
	gateway/proc/guard.c gateway/proc/guard.h \
	gateway/proc/host.c gateway/proc/host.h \
	gateway/proc/huge_pages.c gateway/proc/huge_pages.h \
	gateway/proc/keep_crashes.c gateway/proc/keep_crashes.h \
	gateway/proc/last_words.c gateway/proc/last_words.h \
	gateway/proc/link.c gateway/proc/link.h gateway/proc/link_parts.h \
	gateway/proc/link_head.c gateway/proc/link_body.c gateway/proc/link_call.c gateway/proc/link_answer.c \
	gateway/proc/mapped_file.c gateway/proc/mapped_file.h \
	gateway/proc/nursery.c gateway/proc/nursery.h \
	gateway/proc/orders.c gateway/proc/orders.h \
	gateway/proc/quarantine.c gateway/proc/quarantine.h \
	gateway/proc/ready.c gateway/proc/ready.h \
	gateway/proc/sandbox.c gateway/proc/sandbox.h gateway/proc/sandbox_parts.h \
	gateway/proc/sandbox_files.c gateway/proc/sandbox_filter.c gateway/proc/sandbox_ids.c \
	gateway/proc/sandbox_landlock.c gateway/proc/sandbox_limits.c gateway/proc/sandbox_mounts.c \
	gateway/proc/sandbox_process.c \
	gateway/proc/signals.c gateway/proc/signals.h \
	gateway/proc/sockets.c gateway/proc/sockets.h \
	gateway/proc/state.c gateway/proc/state.h \
	gateway/proc/status.c gateway/proc/status.h \
	gateway/proc/succession.c gateway/proc/succession.h \
	gateway/proc/supervisor.c gateway/proc/supervisor.h \
	gateway/proc/takeover.c gateway/proc/takeover.h gateway/proc/takeover_state.h \
	gateway/proc/takeover_load.c gateway/proc/takeover_save.c \
	gateway/proc/trial.c gateway/proc/trial.h \
	gateway/proc/verdict.c gateway/proc/verdict.h \
	gateway/proc/worker.c gateway/proc/worker.h \
	gateway/proc/zygote.c gateway/proc/zygote.h gateway/proc/zygote_parts.h \
	gateway/proc/zygote_process.c gateway/proc/zygote_serve.c \
	gateway/proc/zygote_child.c gateway/proc/zygote_child.h \
	gateway/proc/zygote_line.c gateway/proc/zygote_line.h \
	gateway/proc/zygote_strays.c gateway/proc/zygote_strays.h \
	gateway/proc/zygote_main.c gateway/proc/zygote_main.h
