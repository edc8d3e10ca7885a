libpostern_a_SOURCES += \
	gateway/plugin/bundle.c gateway/plugin/bundle.h \
	gateway/plugin/call.c gateway/plugin/call.h \
	gateway/plugin/claims.c gateway/plugin/claims.h \
	gateway/plugin/crash.c gateway/plugin/crash.h \
	gateway/plugin/crash_file.c gateway/plugin/crash_file.h \
	gateway/plugin/crash_facts.c gateway/plugin/crash_facts.h \
	gateway/plugin/description.c gateway/plugin/description.h \
	gateway/plugin/facts.c gateway/plugin/facts.h \
	gateway/plugin/facts_json.c \
	gateway/plugin/facts_print.c \
	gateway/plugin/facts_text.c gateway/plugin/facts_text.h \
	gateway/plugin/facts_undefined.c gateway/plugin/facts_undefined.h \
	gateway/plugin/flags.c gateway/plugin/flags.h \
	gateway/plugin/host.c gateway/plugin/host.h \
	gateway/plugin/module.c gateway/plugin/module.h \
	gateway/plugin/options.c gateway/plugin/options.h \
	gateway/plugin/plugin.c gateway/plugin/plugin.h \
	gateway/plugin/registry.c gateway/plugin/registry.h \
	gateway/plugin/rung.c gateway/plugin/rung.h \
	gateway/plugin/runner.h \
	gateway/plugin/trust.c gateway/plugin/trust.h
