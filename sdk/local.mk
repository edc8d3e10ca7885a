include_HEADERS += sdk/ngi.h
pkgconfig_DATA += sdk/ngi.pc
