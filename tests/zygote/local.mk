# Zygotes and their host processes, without the gateway around them: what run/ does for both is played by the tests. This
# program is the zygote, too: it executes itself.
check_PROGRAMS += tests/zygote/zygote
TESTS += tests/zygote/zygote
tests_zygote_zygote_CPPFLAGS = $(TEST_CPPFLAGS)
tests_zygote_zygote_CFLAGS = $(TEST_CFLAGS)
tests_zygote_zygote_LDADD = $(POSTERN_LIBS) $(CHECK_LIBS) $(CURL_LIBS)
tests_zygote_zygote_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=reactor_add -Wl,--wrap=reactor_change -Wl,--wrap=reactor_remove \
	-Wl,--wrap=reactor_set -Wl,--wrap=reactor_unset -Wl,--wrap=reactor_ask \
	-Wl,--wrap=reactor_flush -Wl,--wrap=hosts_came -Wl,--wrap=hosts_ended
tests_zygote_zygote_SOURCES = tests/zygote/main.c tests/zygote/fixture.c tests/zygote/fixture.h \
	tests/zygote/test_zygote.c gateway/app/autopsy.c gateway/app/zygote.c \
	tests/harness/client.c tests/harness/client.h \
	tests/harness/fcgi.c tests/harness/fcgi.h \
	tests/harness/command.c tests/harness/command.h \
	tests/harness/gateway.c tests/harness/gateway.h \
	tests/harness/scratch.c tests/harness/scratch.h
