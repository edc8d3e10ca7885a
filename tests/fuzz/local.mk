# Fuzz targets: fuzz_NAME.c, corpus/NAME, and dictionary/NAME where words help. make check replays the corpora, with any
# compiler; ./dev fuzz fuzzes, in build-fuzz. A further target has its name in the three lists, and its blocks below.
FUZZ_TARGETS = tests/fuzz/answer tests/fuzz/conditional tests/fuzz/config tests/fuzz/facts \
	tests/fuzz/fcgi tests/fuzz/forwarded tests/fuzz/framing tests/fuzz/multipart tests/fuzz/request tests/fuzz/response \
	tests/fuzz/router tests/fuzz/transcript
FUZZERS = tests/fuzz/answer-fuzzer tests/fuzz/conditional-fuzzer tests/fuzz/config-fuzzer \
	tests/fuzz/facts-fuzzer tests/fuzz/fcgi-fuzzer tests/fuzz/forwarded-fuzzer tests/fuzz/framing-fuzzer \
	tests/fuzz/multipart-fuzzer tests/fuzz/request-fuzzer tests/fuzz/response-fuzzer tests/fuzz/router-fuzzer \
	tests/fuzz/transcript-fuzzer
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
EXTRA_PROGRAMS += $(FUZZERS)
CLEANFILES += $(FUZZERS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/dictionary

# What replaces libFuzzer under make check.
check_LIBRARIES += tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
tests_fuzz_libreplay_a_CPPFLAGS = $(TEST_CPPFLAGS)
FUZZ_REPLAY = tests/fuzz/libreplay.a
FUZZ_FILES = tests/fuzz/fuzz.h tests/fuzz/pieces.c tests/fuzz/pieces.h
LIBFUZZER = $(AM_LDFLAGS) -fsanitize=fuzzer

tests_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c $(FUZZ_FILES)
tests_fuzz_answer_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_answer_fuzzer_SOURCES = $(tests_fuzz_answer_SOURCES)
tests_fuzz_answer_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_answer_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_conditional_SOURCES = tests/fuzz/fuzz_conditional.c $(FUZZ_FILES)
tests_fuzz_conditional_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_conditional_fuzzer_SOURCES = $(tests_fuzz_conditional_SOURCES)
tests_fuzz_conditional_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_conditional_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_FILES)
tests_fuzz_config_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_config_fuzzer_SOURCES = $(tests_fuzz_config_SOURCES)
tests_fuzz_config_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_config_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_facts_SOURCES = tests/fuzz/fuzz_facts.c $(FUZZ_FILES)
tests_fuzz_facts_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_facts_fuzzer_SOURCES = $(tests_fuzz_facts_SOURCES)
tests_fuzz_facts_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_facts_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_fcgi_SOURCES = tests/fuzz/fuzz_fcgi.c $(FUZZ_FILES)
tests_fuzz_fcgi_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_fcgi_fuzzer_SOURCES = $(tests_fuzz_fcgi_SOURCES)
tests_fuzz_fcgi_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fcgi_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_forwarded_SOURCES = tests/fuzz/fuzz_forwarded.c $(FUZZ_FILES)
tests_fuzz_forwarded_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_forwarded_fuzzer_SOURCES = $(tests_fuzz_forwarded_SOURCES)
tests_fuzz_forwarded_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_forwarded_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_framing_SOURCES = tests/fuzz/fuzz_framing.c $(FUZZ_FILES)
tests_fuzz_framing_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_framing_fuzzer_SOURCES = $(tests_fuzz_framing_SOURCES)
tests_fuzz_framing_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_framing_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_multipart_SOURCES = tests/fuzz/fuzz_multipart.c $(FUZZ_FILES)
tests_fuzz_multipart_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_multipart_fuzzer_SOURCES = $(tests_fuzz_multipart_SOURCES)
tests_fuzz_multipart_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_multipart_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_request_SOURCES = tests/fuzz/fuzz_request.c $(FUZZ_FILES)
tests_fuzz_request_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_request_fuzzer_SOURCES = $(tests_fuzz_request_SOURCES)
tests_fuzz_request_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_request_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_response_SOURCES = tests/fuzz/fuzz_response.c $(FUZZ_FILES)
tests_fuzz_response_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_response_fuzzer_SOURCES = $(tests_fuzz_response_SOURCES)
tests_fuzz_response_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_response_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_router_SOURCES = tests/fuzz/fuzz_router.c $(FUZZ_FILES) tests/harness/route_shapes.c tests/harness/route_shapes.h
tests_fuzz_router_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_router_fuzzer_SOURCES = $(tests_fuzz_router_SOURCES)
tests_fuzz_router_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_router_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_transcript_SOURCES = tests/fuzz/fuzz_transcript.c $(FUZZ_FILES)
tests_fuzz_transcript_LDADD = $(FUZZ_REPLAY) $(POSTERN_LIBS)
tests_fuzz_transcript_fuzzer_SOURCES = $(tests_fuzz_transcript_SOURCES)
tests_fuzz_transcript_fuzzer_LDFLAGS = $(LIBFUZZER)
tests_fuzz_transcript_fuzzer_LDADD = $(POSTERN_LIBS)
