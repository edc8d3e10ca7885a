# The plugins of these tests are C text in the tests themselves, compiled while they run: most would not link, load or
# survive anywhere else.
check_PROGRAMS += tests/refusals/refusals
TESTS += tests/refusals/refusals
tests_refusals_refusals_CPPFLAGS = $(TEST_CPPFLAGS)
tests_refusals_refusals_CFLAGS = $(TEST_CFLAGS)
tests_refusals_refusals_LDADD = $(CHECK_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
tests_refusals_refusals_SOURCES = tests/refusals/main.c tests/refusals/suites.h \
	tests/refusals/refusal.c tests/refusals/refusal.h tests/refusals/lifecycles.h \
	tests/harness/command.c tests/harness/command.h \
	tests/harness/scratch.c tests/harness/scratch.h \
	tests/harness/gateway.c tests/harness/gateway.h \
	tests/harness/client.c tests/harness/client.h \
	tests/refusals/test_arguments.c \
	tests/refusals/test_call.c \
	tests/refusals/test_claims.c \
	tests/refusals/test_configuration.c \
	tests/refusals/test_descriptor.c \
	tests/refusals/test_entry.c \
	tests/refusals/test_file.c \
	tests/refusals/test_inspect.c \
	tests/refusals/test_lifecycle.c \
	tests/refusals/test_linking.c \
	tests/refusals/test_options.c \
	tests/refusals/test_routes.c \
	tests/refusals/test_scaffold.c \
	tests/refusals/test_together.c \
	tests/refusals/test_trust.c
