include_HEADERS += sdk/ngi.h
pkgconfig_DATA += sdk/ngi.pc
EXTRA_DIST += sdk/scaffold/plugin.c sdk/scaffold/Makefile sdk/scaffold/test.sh
