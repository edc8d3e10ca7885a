libpostern_a_SOURCES += \
	gateway/http/body.c gateway/http/body.h \
	gateway/http/transcript.c gateway/http/transcript.h \
	gateway/http/transcript_read.c \
	gateway/http/cgi.c gateway/http/cgi.h \
	gateway/http/cgi_response.c gateway/http/cgi_response.h \
	gateway/http/cgi_tell.c gateway/http/cgi_tell.h \
	gateway/http/conditional.c gateway/http/conditional.h \
	gateway/http/cookie.c gateway/http/cookie.h \
	gateway/http/date.c gateway/http/date.h \
	gateway/http/environ.c gateway/http/environ.h \
	gateway/http/field.c gateway/http/field.h \
	gateway/http/head.c gateway/http/head.h \
	gateway/http/method.c gateway/http/method.h \
	gateway/http/multipart.c gateway/http/multipart.h \
	gateway/http/outcome.c gateway/http/outcome.h \
	gateway/http/pairs.c gateway/http/pairs.h \
	gateway/http/pattern.c gateway/http/pattern.h \
	gateway/http/problem.c gateway/http/problem.h \
	gateway/http/request.c gateway/http/request.h \
	gateway/http/response.c gateway/http/response.h \
	gateway/http/router.c gateway/http/router.h \
	gateway/http/status.c gateway/http/status.h \
	gateway/http/target.c gateway/http/target.h \
	gateway/http/urlencoded.c gateway/http/urlencoded.h \
	gateway/http/forwarded.c gateway/http/forwarded.h \
	gateway/http/framing.c gateway/http/framing.h gateway/http/framing_parts.h gateway/http/framing_run.c \
	gateway/http/form.c gateway/http/peer.h
