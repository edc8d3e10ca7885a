# Programs only to automake: PLUGIN_LINK makes them shared objects.
EXTRA_DIST += plugins/static/README.md

pluginexec_PROGRAMS += plugins/static.so
plugins_static_so_SOURCES = plugins/static/static.c plugins/static/listing.c plugins/static/listing.h \
	plugins/static/mime.c plugins/static/mime.h plugins/static/path.c plugins/static/path.h
plugins_static_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) -D_FILE_OFFSET_BITS=64
plugins_static_so_CFLAGS = $(PLUGIN_CFLAGS)
plugins_static_so_LDFLAGS = $(PLUGIN_LINK)

# gateway/fcgi/record.c is the one codec of the project's: of this side, too.
EXTRA_DIST += plugins/fastcgi/README.md
pluginexec_PROGRAMS += plugins/fastcgi.so
plugins_fastcgi_so_SOURCES = plugins/fastcgi/fastcgi.c \
	plugins/fastcgi/address.c plugins/fastcgi/address.h \
	plugins/fastcgi/call.c plugins/fastcgi/call.h \
	plugins/fastcgi/cgi_head.c plugins/fastcgi/cgi_head.h \
	plugins/fastcgi/environ.c plugins/fastcgi/environ.h \
	plugins/fastcgi/exchange.c plugins/fastcgi/exchange.h \
	plugins/fastcgi/journal.c plugins/fastcgi/journal.h \
	plugins/fastcgi/link.c plugins/fastcgi/link.h \
	plugins/fastcgi/params.c plugins/fastcgi/params.h \
	plugins/fastcgi/script.c plugins/fastcgi/script.h \
	plugins/fastcgi/site.h \
	plugins/fastcgi/wait.c plugins/fastcgi/wait.h \
	gateway/fcgi/record.c gateway/fcgi/record.h
plugins_fastcgi_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)/gateway -D_GNU_SOURCE
plugins_fastcgi_so_CFLAGS = $(PLUGIN_CFLAGS)
plugins_fastcgi_so_LDFLAGS = $(PLUGIN_LINK)
