libpostern_a_SOURCES += \
	gateway/conf/settings.c gateway/conf/settings.h \
	gateway/conf/settings_check.c gateway/conf/settings_check.h \
	gateway/conf/settings_extract.c gateway/conf/settings_extract.h \
	gateway/conf/settings_hosts.c gateway/conf/settings_hosts.h \
	gateway/conf/settings_print.c \
	gateway/conf/settings_read.c gateway/conf/settings_read.h \
	gateway/conf/settings_table.c gateway/conf/settings_table.h \
	gateway/conf/settings_tree.c gateway/conf/settings_tree.h \
	gateway/conf/settings_trust.c gateway/conf/settings_trust.h \
	gateway/conf/settings_value.c gateway/conf/settings_value.h \
	gateway/conf/settings_warn.c gateway/conf/settings_warn.h \
	gateway/conf/source.c gateway/conf/source.h
