check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_CPPFLAGS = $(TEST_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_unit_unit_CFLAGS = $(TEST_CFLAGS)
tests_unit_unit_LDADD = $(POSTERN_LIBS) $(CHECK_LIBS) $(CURL_LIBS)
tests_unit_unit_SOURCES = tests/unit/main.c tests/unit/suites.h \
	tests/unit/facts_fixture.c tests/unit/facts_fixture.h \
	tests/harness/client.c tests/harness/client.h \
	tests/harness/fcgi.c tests/harness/fcgi.h \
	tests/harness/route_shapes.c tests/harness/route_shapes.h \
	tests/unit/host_fixture.c tests/unit/host_fixture.h \
	tests/unit/run_fixture.c tests/unit/run_fixture.h \
	tests/unit/sandbox_fixture.c tests/unit/sandbox_fixture.h \
	tests/unit/settings_fixture.c tests/unit/settings_fixture.h \
	tests/unit/test_ahead.c \
	tests/unit/test_arena.c \
	tests/unit/test_body.c \
	tests/unit/test_buffer.c \
	tests/unit/test_cgi.c \
	tests/unit/test_cgi_response.c \
	tests/unit/test_cgi_tell.c \
	tests/unit/test_channel.c \
	tests/unit/test_circuit.c \
	tests/unit/test_claims.c \
	tests/unit/test_crash_file.c \
	tests/unit/test_crash_line.c \
	tests/unit/test_described.c \
	tests/unit/test_conditional.c \
	tests/unit/test_cookie.c \
	tests/unit/test_counters.c \
	tests/unit/test_date.c \
	tests/unit/test_description.c \
	tests/unit/test_environ.c \
	tests/unit/test_executor.c \
	tests/unit/test_facts.c \
	tests/unit/test_facts_hostile.c \
	tests/unit/test_facts_printing.c \
	tests/unit/test_facts_refusals.c \
	tests/unit/test_facts_undefined.c \
	tests/unit/test_fastcgi.c \
	plugins/fastcgi/address.c plugins/fastcgi/cgi_head.c plugins/fastcgi/params.c plugins/fastcgi/script.c \
	tests/unit/test_field.c \
	tests/unit/test_file.c \
	tests/unit/test_files_watch.c \
	tests/unit/test_form.c \
	tests/unit/test_forwarded.c \
	tests/unit/test_framing.c \
	tests/unit/test_crowd.c \
	tests/unit/test_patience.c \
	tests/unit/test_hosts.c \
	tests/unit/test_last_words.c \
	tests/unit/test_later.c \
	tests/unit/test_listener.c \
	tests/unit/test_log.c \
	tests/unit/test_map.c \
	tests/unit/test_mapped_file.c \
	tests/unit/test_method.c \
	tests/unit/test_multipart.c \
	tests/unit/test_network.c \
	tests/unit/test_options.c \
	tests/unit/test_outcome.c \
	tests/unit/test_outcome_conditional.c \
	tests/unit/test_passing.c \
	tests/unit/test_pattern.c \
	tests/unit/test_peek.c \
	tests/unit/test_pipe.c \
	tests/unit/test_placement.c \
	tests/unit/test_quarantine.c \
	tests/unit/test_reactor.c \
	tests/unit/test_record.c \
	tests/unit/test_report.c \
	tests/unit/test_request.c \
	tests/unit/test_requester.c \
	tests/unit/test_responder.c \
	tests/unit/test_response.c \
	tests/unit/test_response_body.c \
	tests/unit/test_router.c \
	tests/unit/test_router_random.c \
	tests/unit/test_sandbox.c tests/unit/test_sandbox_options.c \
	tests/unit/test_settings.c \
	tests/unit/test_settings_refusals.c \
	tests/unit/test_sockets.c \
	tests/unit/test_target.c \
	tests/unit/test_task.c \
	tests/unit/test_text.c \
	tests/unit/test_transcript.c \
	tests/unit/test_urlencoded.c tests/unit/test_verdict.c \
	tests/unit/test_wait_status.c

# Its own zygotes, hosts and reactor take the place of those in the library.
check_PROGRAMS += tests/unit/nursery
TESTS += tests/unit/nursery
tests_unit_nursery_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_nursery_CFLAGS = $(TEST_CFLAGS)
tests_unit_nursery_LDADD = $(POSTERN_LIBS) $(CHECK_LIBS)
tests_unit_nursery_SOURCES = tests/unit/nursery.c \
	tests/unit/facts_fixture.c tests/unit/facts_fixture.h
