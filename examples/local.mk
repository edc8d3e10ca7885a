# Programs only to automake: PLUGIN_LINK makes them shared objects. They are built and never installed.
EXTRA_DIST += examples/README.md examples/site/index.html

noinst_PROGRAMS += examples/hello.so
examples_hello_so_SOURCES = examples/hello/hello.c
examples_hello_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_hello_so_CFLAGS = $(PLUGIN_CFLAGS) -std=c99
examples_hello_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/echo.so
examples_echo_so_SOURCES = examples/echo/echo.c
examples_echo_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_echo_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_echo_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/environ.so
examples_environ_so_SOURCES = examples/environ/environ.c
examples_environ_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_environ_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_environ_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/sleep.so
examples_sleep_so_SOURCES = examples/sleep/sleep.c
examples_sleep_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_sleep_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_sleep_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/spin.so
examples_spin_so_SOURCES = examples/spin/spin.c
examples_spin_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_spin_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_spin_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/form.so
examples_form_so_SOURCES = examples/form/form.c
examples_form_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_form_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_form_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/stream.so
examples_stream_so_SOURCES = examples/stream/stream.c
examples_stream_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_stream_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_stream_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/future.so
examples_future_so_SOURCES = examples/future/future.c
examples_future_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_future_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_future_so_LDFLAGS = $(PLUGIN_LINK)

noinst_PROGRAMS += examples/background.so
examples_background_so_SOURCES = examples/background/background.c
examples_background_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
examples_background_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_background_so_LDFLAGS = $(PLUGIN_LINK)

if HAVE_SQLITE
noinst_PROGRAMS += examples/items.so
examples_items_so_SOURCES = examples/items/items.c examples/items/place.c examples/items/place.h \
	examples/items/store.c examples/items/store.h
examples_items_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(SQLITE_CFLAGS)
examples_items_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_items_so_LDFLAGS = $(PLUGIN_LINK)
examples_items_so_LDADD = $(SQLITE_LIBS)
endif

if HAVE_PNG
noinst_PROGRAMS += examples/mandelbrot.so
examples_mandelbrot_so_SOURCES = examples/mandelbrot/mandelbrot.c examples/mandelbrot/picture.c \
	examples/mandelbrot/picture.h
examples_mandelbrot_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(PNG_CFLAGS)
examples_mandelbrot_so_CFLAGS = $(PLUGIN_CFLAGS)
examples_mandelbrot_so_LDFLAGS = $(PLUGIN_LINK)
examples_mandelbrot_so_LDADD = $(PNG_LIBS)
endif
