# Fuzz targets: fuzz_NAME.c and corpus/NAME. make check replays the corpora, with any compiler. To fuzz, in a build of its
# own (a crash that is found goes into the corpus, with its fix):
#   ../configure CC=clang CXX=clang++ --enable-asan --enable-ubsan CFLAGS='-g -O1 -fsanitize=fuzzer-no-link'
#   make tests/fuzz/fcgi-fuzzer && mkdir found && tests/fuzz/fcgi-fuzzer -max_total_time=60 found ../tests/fuzz/corpus/fcgi
# A further target has its name in the two lists, and the two blocks below for it.
FUZZ_TARGETS = tests/fuzz/answer tests/fuzz/fcgi tests/fuzz/forwarded tests/fuzz/framing
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
EXTRA_PROGRAMS += tests/fuzz/answer-fuzzer tests/fuzz/fcgi-fuzzer tests/fuzz/forwarded-fuzzer tests/fuzz/framing-fuzzer
EXTRA_DIST += tests/fuzz/corpus
FUZZ_FILES = tests/fuzz/fuzz.h

tests_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c tests/fuzz/replay.c $(FUZZ_FILES)
tests_fuzz_answer_CPPFLAGS = $(TEST_CPPFLAGS) -DTARGET='"answer"'
tests_fuzz_answer_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_answer_LDADD = $(POSTERN_LIBS)

tests_fuzz_answer_fuzzer_SOURCES = tests/fuzz/fuzz_answer.c $(FUZZ_FILES)
tests_fuzz_answer_fuzzer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_answer_fuzzer_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_answer_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_answer_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_fcgi_SOURCES = tests/fuzz/fuzz_fcgi.c tests/fuzz/replay.c $(FUZZ_FILES)
tests_fuzz_fcgi_CPPFLAGS = $(TEST_CPPFLAGS) -DTARGET='"fcgi"'
tests_fuzz_fcgi_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_fcgi_LDADD = $(POSTERN_LIBS)

tests_fuzz_fcgi_fuzzer_SOURCES = tests/fuzz/fuzz_fcgi.c $(FUZZ_FILES)
tests_fuzz_fcgi_fuzzer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fcgi_fuzzer_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_fcgi_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fcgi_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_forwarded_SOURCES = tests/fuzz/fuzz_forwarded.c tests/fuzz/replay.c $(FUZZ_FILES)
tests_fuzz_forwarded_CPPFLAGS = $(TEST_CPPFLAGS) -DTARGET='"forwarded"'
tests_fuzz_forwarded_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_forwarded_LDADD = $(POSTERN_LIBS)

tests_fuzz_forwarded_fuzzer_SOURCES = tests/fuzz/fuzz_forwarded.c $(FUZZ_FILES)
tests_fuzz_forwarded_fuzzer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_forwarded_fuzzer_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_forwarded_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_forwarded_fuzzer_LDADD = $(POSTERN_LIBS)

tests_fuzz_framing_SOURCES = tests/fuzz/fuzz_framing.c tests/fuzz/replay.c $(FUZZ_FILES)
tests_fuzz_framing_CPPFLAGS = $(TEST_CPPFLAGS) -DTARGET='"framing"'
tests_fuzz_framing_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_framing_LDADD = $(POSTERN_LIBS)

tests_fuzz_framing_fuzzer_SOURCES = tests/fuzz/fuzz_framing.c $(FUZZ_FILES)
tests_fuzz_framing_fuzzer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_framing_fuzzer_CFLAGS = $(TEST_CFLAGS)
tests_fuzz_framing_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_framing_fuzzer_LDADD = $(POSTERN_LIBS)
CLEANFILES += tests/fuzz/answer-fuzzer tests/fuzz/fcgi-fuzzer tests/fuzz/forwarded-fuzzer tests/fuzz/framing-fuzzer
