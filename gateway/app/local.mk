bin_PROGRAMS += postern
postern_SOURCES = \
	gateway/app/arguments.c gateway/app/arguments.h \
	gateway/app/autopsy.c \
	gateway/app/call.c \
	gateway/app/check.c \
	gateway/app/command.h gateway/app/commands.c \
	gateway/app/compile.c gateway/app/compile.h \
	gateway/app/control.c gateway/app/control_line.c gateway/app/control_line.h \
	gateway/app/embedded.h \
	gateway/app/host.c \
	gateway/app/inspect.c \
	gateway/app/main.c \
	gateway/app/new.c \
	gateway/app/ready_fd.c gateway/app/ready_fd.h \
	gateway/app/replay.c gateway/app/replay.h \
	gateway/app/run.c \
	gateway/app/serve.c \
	gateway/app/status.c \
	gateway/app/takeover_check.c \
	gateway/app/zygote.c
nodist_postern_SOURCES = gateway/app/embedded.c
postern_LDADD = $(POSTERN_LIBS)

# What postern new and postern run x.c write out; ngi.h comes along so that a scaffold builds without an installed SDK.
EMBEDDED = ngi.h scaffold/plugin.c scaffold/Makefile scaffold/test.sh
CLEANFILES += gateway/app/embedded.c
EXTRA_DIST += gateway/app/embed
gateway/app/embedded.c: $(top_srcdir)/gateway/app/embed $(top_srcdir)/sdk/ngi.h $(EMBEDDED:%=$(top_srcdir)/sdk/%)
	$(AM_V_GEN)$(MKDIR_P) gateway/app && \
	$(SHELL) $(top_srcdir)/gateway/app/embed $(top_srcdir)/sdk $(EMBEDDED) >$@.tmp && mv $@.tmp $@
