check_PROGRAMS += tests/integration/integration
dist_check_SCRIPTS += tests/integration/in-hosts
TESTS += tests/integration/integration tests/integration/in-hosts
tests_integration_integration_CPPFLAGS = $(TEST_CPPFLAGS)
tests_integration_integration_CFLAGS = $(TEST_CFLAGS)
tests_integration_integration_LDADD = $(CHECK_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
tests_integration_integration_SOURCES = tests/integration/main.c tests/integration/suites.h \
	tests/integration/support.c tests/integration/support.h \
	tests/integration/gate.c tests/integration/gate.h \
	tests/integration/application.c tests/integration/application.h gateway/fcgi/record.c \
	tests/integration/generations.c tests/integration/generations.h \
	tests/integration/load.c tests/integration/load.h \
	tests/integration/edge.c tests/integration/edge.h \
	tests/integration/families.c tests/integration/families.h \
	tests/harness/client.c tests/harness/client.h \
	tests/harness/command.c tests/harness/command.h \
	tests/integration/hosting.c tests/integration/hosting.h \
	tests/harness/fcgi.c tests/harness/fcgi.h \
	tests/harness/gateway.c tests/harness/gateway.h \
	tests/harness/scratch.c tests/harness/scratch.h \
	tests/integration/test_access_log.c \
	tests/integration/test_connections.c \
	tests/integration/test_edge.c \
	tests/integration/test_edge_connections.c \
	tests/integration/test_endings.c \
	tests/integration/test_environ.c \
	tests/integration/test_examples.c \
	tests/integration/test_failures.c \
	tests/integration/test_files.c \
	tests/integration/test_input.c \
	tests/integration/test_intake.c \
	tests/integration/test_slow.c \
	tests/integration/test_life.c \
	tests/integration/test_listeners.c \
	tests/integration/test_output.c \
	tests/integration/test_proxies.c \
	tests/integration/test_routing.c \
	tests/integration/test_scenarios.c \
	tests/integration/test_static_files.c \
	tests/integration/test_threads.c \
	tests/integration/test_executor.c \
	tests/integration/test_deadlines.c \
	tests/integration/test_cancel.c \
	tests/integration/test_later.c \
	tests/integration/test_background.c \
	tests/integration/test_streaming.c \
	tests/integration/test_stream_body.c \
	tests/integration/test_crashes.c \
	tests/integration/test_fastcgi_plugin.c \
	tests/integration/test_fastcgi_faults.c \
	tests/integration/test_fastcgi_connections.c \
	tests/integration/test_fastcgi_servers.c \
	tests/integration/test_host.c \
	tests/integration/test_generations.c \
	tests/integration/test_workers.c \
	tests/integration/test_handover.c \
	tests/integration/test_takeover.c \
	tests/integration/test_quarantine.c \
	tests/integration/test_file_changes.c \
	tests/integration/test_control.c \
	tests/integration/test_host_faults.c \
	tests/integration/test_host_losses.c

# Plugins for what no example does.
INTEGRATION_PLUGINS = tests/integration/plugins/answers.so tests/integration/plugins/endings.so \
	tests/integration/plugins/inputs.so tests/integration/plugins/routes.so tests/integration/plugins/threads.so
INTEGRATION_PLUGINS += tests/integration/plugins/calls.so tests/integration/plugins/hosted.so tests/integration/plugins/turns.so \
	tests/integration/plugins/isolated.so \
	tests/integration/plugins/promises.so tests/integration/plugins/flows.so tests/integration/plugins/intakes.so
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

INTEGRATION_PLUGINS += tests/integration/plugins/scenarios.so
tests_integration_plugins_scenarios_so_SOURCES = tests/integration/plugins/scenarios.c
tests_integration_plugins_scenarios_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_scenarios_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_scenarios_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_calls_so_SOURCES = tests/integration/plugins/calls.c tests/integration/plugins/gate.h
tests_integration_plugins_calls_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_calls_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_calls_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_isolated_so_SOURCES = tests/integration/plugins/isolated.c
tests_integration_plugins_isolated_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_isolated_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_isolated_so_LDFLAGS = $(PLUGIN_LINK)
tests_integration_plugins_turns_so_SOURCES = tests/integration/plugins/turns.c
tests_integration_plugins_turns_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_turns_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_turns_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_promises_so_SOURCES = tests/integration/plugins/promises.c tests/integration/plugins/gate.h
tests_integration_plugins_promises_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_promises_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_promises_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_flows_so_SOURCES = tests/integration/plugins/flows.c tests/integration/plugins/gate.h
tests_integration_plugins_flows_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_flows_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_flows_so_LDFLAGS = $(PLUGIN_LINK)

tests_integration_plugins_intakes_so_SOURCES = tests/integration/plugins/intakes.c tests/integration/plugins/gate.h
tests_integration_plugins_intakes_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_intakes_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_intakes_so_LDFLAGS = $(PLUGIN_LINK)

INTEGRATION_PLUGINS += tests/integration/plugins/edges.so
tests_integration_plugins_edges_so_SOURCES = tests/integration/plugins/edges.c
tests_integration_plugins_edges_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_edges_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_edges_so_LDFLAGS = $(PLUGIN_LINK)

INTEGRATION_PLUGINS += tests/integration/plugins/faults.so
tests_integration_plugins_faults_so_SOURCES = tests/integration/plugins/faults.c tests/integration/plugins/gate.h
tests_integration_plugins_faults_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_faults_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_faults_so_LDFLAGS = $(PLUGIN_LINK)

# -g whatever CFLAGS says: its functions and lines are looked for in backtraces.
INTEGRATION_PLUGINS += tests/integration/plugins/crashes.so
tests_integration_plugins_crashes_so_SOURCES = tests/integration/plugins/crashes.c
tests_integration_plugins_crashes_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_crashes_so_CFLAGS = $(PLUGIN_CFLAGS) -g
tests_integration_plugins_crashes_so_LDFLAGS = $(PLUGIN_LINK)
tests_integration_plugins_hosted_so_SOURCES = tests/integration/plugins/hosted.c
tests_integration_plugins_hosted_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_integration_plugins_hosted_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_integration_plugins_hosted_so_LDFLAGS = $(PLUGIN_LINK)
