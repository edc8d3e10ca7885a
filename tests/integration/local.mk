check_PROGRAMS += tests/integration/integration
TESTS += tests/integration/integration
tests_integration_integration_CPPFLAGS = $(TEST_CPPFLAGS)
tests_integration_integration_CFLAGS = $(TEST_CFLAGS)
tests_integration_integration_LDADD = $(CHECK_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
tests_integration_integration_SOURCES = tests/integration/main.c tests/integration/suites.h \
	tests/integration/support.c tests/integration/support.h \
	tests/harness/client.c tests/harness/client.h \
	tests/harness/command.c tests/harness/command.h \
	tests/harness/gateway.c tests/harness/gateway.h \
	tests/harness/scratch.c tests/harness/scratch.h \
	tests/integration/test_access_log.c \
	tests/integration/test_connections.c \
	tests/integration/test_endings.c \
	tests/integration/test_environ.c \
	tests/integration/test_examples.c \
	tests/integration/test_failures.c \
	tests/integration/test_files.c \
	tests/integration/test_input.c \
	tests/integration/test_life.c \
	tests/integration/test_listeners.c \
	tests/integration/test_output.c \
	tests/integration/test_routing.c \
	tests/integration/test_static_files.c \
	tests/integration/test_threads.c

# Plugins for what no example does.
INTEGRATION_PLUGINS = tests/integration/plugins/answers.so tests/integration/plugins/endings.so \
	tests/integration/plugins/inputs.so tests/integration/plugins/routes.so tests/integration/plugins/threads.so
check_PROGRAMS += $(INTEGRATION_PLUGINS)

tests_integration_plugins_answers_so_SOURCES = tests/integration/plugins/answers.c
tests_integration_plugins_answers_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_answers_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_answers_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_endings_so_SOURCES = tests/integration/plugins/endings.c
tests_integration_plugins_endings_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_endings_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_endings_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_inputs_so_SOURCES = tests/integration/plugins/inputs.c
tests_integration_plugins_inputs_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_inputs_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_inputs_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_routes_so_SOURCES = tests/integration/plugins/routes.c
tests_integration_plugins_routes_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_routes_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_routes_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_threads_so_SOURCES = tests/integration/plugins/threads.c
tests_integration_plugins_threads_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_threads_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_threads_so_LDFLAGS = $(PLUGIN_LINK)
