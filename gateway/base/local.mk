libpostern_a_SOURCES += \
	gateway/base/address.c gateway/base/address.h \
	gateway/base/arena.c gateway/base/arena.h \
	gateway/base/buffer.c gateway/base/buffer.h \
	gateway/base/clock.h \
	gateway/base/closer.c gateway/base/closer.h \
	gateway/base/file.c gateway/base/file.h \
	gateway/base/interpose.h \
	gateway/base/log.c gateway/base/log.h \
	gateway/base/map.c gateway/base/map.h \
	gateway/base/network.c gateway/base/network.h \
	gateway/base/passing.c gateway/base/passing.h \
	gateway/base/peek.c gateway/base/peek.h \
	gateway/base/report.c gateway/base/report.h \
	gateway/base/scribe.c gateway/base/scribe.h \
	gateway/base/seldom.h \
	gateway/base/text.c gateway/base/text.h \
	gateway/base/wait_status.c gateway/base/wait_status.h
