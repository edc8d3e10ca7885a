libpostern_a_SOURCES += \
	gateway/fcgi/record.c gateway/fcgi/record.h
