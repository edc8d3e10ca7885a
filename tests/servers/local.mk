# The same tests behind each of the usual web servers. One that is not installed is a SKIP.
SERVER_TESTS = tests/servers/nginx tests/servers/apache tests/servers/lighttpd
check_PROGRAMS += $(SERVER_TESTS)
TESTS += $(SERVER_TESTS)
SERVER_TEST_FILES = tests/servers/main.c tests/servers/front.c tests/servers/front.h \
	tests/integration/support.c tests/integration/support.h \
	tests/harness/client.c tests/harness/client.h \
	tests/harness/command.c tests/harness/command.h \
	tests/harness/gateway.c tests/harness/gateway.h \
	tests/harness/scratch.c tests/harness/scratch.h
SERVERS_LIBS = $(CHECK_LIBS) $(CURL_LIBS)

tests_servers_nginx_SOURCES = $(SERVER_TEST_FILES)
tests_servers_nginx_CPPFLAGS = $(TEST_CPPFLAGS) -DSERVER='"nginx"'
tests_servers_nginx_CFLAGS = $(TEST_CFLAGS)
tests_servers_nginx_LDADD = $(SERVERS_LIBS)

tests_servers_apache_SOURCES = $(SERVER_TEST_FILES)
tests_servers_apache_CPPFLAGS = $(TEST_CPPFLAGS) -DSERVER='"apache"'
tests_servers_apache_CFLAGS = $(TEST_CFLAGS)
tests_servers_apache_LDADD = $(SERVERS_LIBS)

tests_servers_lighttpd_SOURCES = $(SERVER_TEST_FILES)
tests_servers_lighttpd_CPPFLAGS = $(TEST_CPPFLAGS) -DSERVER='"lighttpd"'
tests_servers_lighttpd_CFLAGS = $(TEST_CFLAGS)
tests_servers_lighttpd_LDADD = $(SERVERS_LIBS)
