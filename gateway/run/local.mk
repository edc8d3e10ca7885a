libpostern_a_SOURCES += \
	gateway/run/dispatch.c gateway/run/dispatch.h
