libpostern_a_SOURCES += \
	gateway/net/connection.h \
	gateway/net/crowd.c gateway/net/crowd.h \
	gateway/net/exchange.c gateway/net/exchange.h \
	gateway/net/intake.c gateway/net/intake.h \
	gateway/net/listener.c gateway/net/listener.h \
	gateway/net/proxy.c gateway/net/proxy.h \
	gateway/net/shared_socket.c gateway/net/shared_socket.h \
	gateway/net/patience.c gateway/net/patience.h \
	gateway/net/send.c gateway/net/send.h \
	gateway/net/server.c gateway/net/server.h
