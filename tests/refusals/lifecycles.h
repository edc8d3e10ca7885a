/* Plugins that do not survive their own start; each is called "x". */
#ifndef TESTS_REFUSALS_LIFECYCLES_H
#define TESTS_REFUSALS_LIFECYCLES_H

#define CONSTRUCTOR "#include <signal.h>\n#include <unistd.h>\n__attribute__((constructor)) static void begin(void)\n"
#define INIT                                                                                                           \
    "#include <unistd.h>\nstatic int begin(const ngi_host *host, const ngi_config *config, void **ret_state, "         \
    "ngi_error *err)\n"
#define GOOD "NGI_PLUGIN(\"x\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", answer))\n"
#define WITH(member)                                                                                                   \
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"                                  \
    "NGI_PLUGIN_FULL(.name = \"x\", .routes = rows, " member ")\n"
#define WITH_INIT WITH(".init = begin")
#define UNUSED "(void)host, (void)config, (void)ret_state, (void)err; "
#define CRASH "*(volatile int *)0 = 1;"

#define CRASHING_CONSTRUCTOR CONSTRUCTOR "{ " CRASH " }\n" GOOD
#define CRASHING_INIT INIT "{ " UNUSED CRASH " return 0; }\n" WITH_INIT
#define CRASHING_FINI "static void end(void *state) { (void)state; " CRASH " }\n" WITH(".fini = end")
#define ABORTING_INIT INIT "{ " UNUSED "abort(); }\n" WITH_INIT
#define SIGNALLING_INIT "#include <signal.h>\n" INIT "{ " UNUSED "return raise(SIGRTMIN); }\n" WITH_INIT
#define EXITING_CONSTRUCTOR CONSTRUCTOR "{ exit(0); }\n" GOOD
#define EXITING_INIT INIT "{ " UNUSED "_exit(0); }\n" WITH_INIT
#define HANGING_INIT INIT "{ " UNUSED "for (;;) pause(); }\n" WITH_INIT
/* Its helper process outlives init, with all the descriptors it was given. */
#define FORKING_INIT INIT "{ " UNUSED "if (fork() == 0) for (;;) pause(); return NGI_OK; }\n" WITH_INIT
#define FAILING_INIT                                                                                                   \
    INIT "{ (void)ret_state; return ngi_error_set(err, NGI_ENOENT, \"no model for %s at %s; fetch it from \\n%s\", "   \
         "config->name, config->mount, host->software ? \"models.example\" : \"\"); }\n" WITH_INIT
#define SILENT_INIT INIT "{ " UNUSED "return NGI_EIO; }\n" WITH_INIT

#define IN_CONSTRUCTOR " while it was linked (static constructors) or in its entry function"
#define SHOWS_WHERE(path) "; gdb --args postern call " path " GET / shows where"

#endif
