libpostern_a_SOURCES += \
	gateway/fcgi/inner.h \
	gateway/fcgi/record.c gateway/fcgi/record.h \
	gateway/fcgi/requester.c gateway/fcgi/requester.h \
	gateway/fcgi/responder.c gateway/fcgi/responder.h
