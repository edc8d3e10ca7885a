libpostern_a_SOURCES += \
	gateway/http/conditional.c gateway/http/conditional.h \
	gateway/http/cookie.c gateway/http/cookie.h \
	gateway/http/date.c gateway/http/date.h \
	gateway/http/field.c gateway/http/field.h \
	gateway/http/method.c gateway/http/method.h \
	gateway/http/multipart.c gateway/http/multipart.h \
	gateway/http/pairs.c gateway/http/pairs.h \
	gateway/http/router.c gateway/http/router.h \
	gateway/http/status.c gateway/http/status.h \
	gateway/http/target.c gateway/http/target.h \
	gateway/http/urlencoded.c gateway/http/urlencoded.h
