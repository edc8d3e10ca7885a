libpostern_a_SOURCES += \
	gateway/obs/access.c gateway/obs/access.h \
	gateway/obs/counters.c gateway/obs/counters.h
