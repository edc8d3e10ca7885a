check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_unit_CFLAGS = $(TEST_CFLAGS)
tests_unit_unit_LDADD = $(POSTERN_LIBS) $(CHECK_LIBS)
tests_unit_unit_SOURCES = tests/unit/main.c tests/unit/suites.h \
	tests/unit/test_conditional.c \
	tests/unit/test_cookie.c \
	tests/unit/test_date.c \
	tests/unit/test_facts.c \
	tests/unit/test_field.c \
	tests/unit/test_method.c \
	tests/unit/test_multipart.c \
	tests/unit/test_settings.c \
	tests/unit/test_target.c \
	tests/unit/test_urlencoded.c
