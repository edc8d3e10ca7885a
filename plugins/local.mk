# Programs only to automake: PLUGIN_LINK makes them shared objects.
EXTRA_DIST += plugins/static/README.md

pluginexec_PROGRAMS += plugins/static.so
plugins_static_so_SOURCES = plugins/static/static.c plugins/static/listing.c plugins/static/listing.h \
	plugins/static/mime.c plugins/static/mime.h plugins/static/path.c plugins/static/path.h
plugins_static_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) -D_FILE_OFFSET_BITS=64
plugins_static_so_CFLAGS = $(PLUGIN_CFLAGS)
plugins_static_so_LDFLAGS = $(PLUGIN_LINK)
