/* The handshake: the entry function and the two fields that are read before any other. */
#include "tests/refusals/refusal.h"

#define ROUTES "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
/* A plugin whose structure begins with the given size and abi. */
#define ENTRY(size, abi)                                                                                               \
    ROUTES "static ngi_plugin self = { .name = \"x\", .routes = rows };\n"                                             \
           "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"                                   \
           "{ (void)host, (void)err; self.size = " size "; self.abi = " abi "; return &self; }"

START_TEST(a_library_that_is_no_plugin_has_no_entry_symbol)
{
    given("x.so", "int no_plugin;");
    refused("DIR/x.so: no entry symbol ngi_plugin_v1: write NGI_PLUGIN(…) in the source, or export that function");
}
END_TEST

START_TEST(a_hidden_entry_symbol_is_none)
{
    scratch_write(&dir, "local.map", "{ local: *; };\n");
    given_linked("x.so", ENTRY("sizeof self", "NGI_ABI"), "-Wl,--version-script=DIR/local.map");
    refused("DIR/x.so: no entry symbol ngi_plugin_v1: write NGI_PLUGIN(…) in the source, or export that function");
}
END_TEST

START_TEST(an_entry_of_a_newer_major_only_is_named)
{
    given("x.so", "NGI_EXPORT_ const void *ngi_plugin_v2(void);\nconst void *ngi_plugin_v2(void) { return 0; }");
    refused("DIR/x.so: it exports ngi_plugin_v2; this gateway speaks NGI 1.0: build it with this gateway's ngi.h");
}
END_TEST

START_TEST(a_newer_major_in_the_structure_is_named)
{
    given("x.so", ENTRY("sizeof self", "2u << 16"));
    refused("DIR/x.so: it was built for NGI 2.0, this gateway speaks 1.0: build it with this gateway's ngi.h");
}
END_TEST

START_TEST(a_structure_without_version_is_refused)
{
    given("x.so", ENTRY("sizeof self", "0"));
    refused("DIR/x.so: it was built for NGI 0.0, this gateway speaks 1.0: build it with this gateway's ngi.h");
}
END_TEST

START_TEST(a_structure_too_short_for_its_routes_is_refused)
{
    given("x.so", ENTRY("offsetof(ngi_plugin, routes)", "NGI_ABI"));
    refused("DIR/x.so: its descriptor has 40 bytes, name and routes need 48: set size to sizeof(ngi_plugin)");
}
END_TEST

START_TEST(null_without_words_is_refused)
{
    given("x.so", "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"
                  "{ (void)host, (void)err; return 0; }");
    refused("DIR/x.so: its entry function returned NULL and did not say why");
}
END_TEST

START_TEST(null_with_words_gives_the_plugins_own)
{
    given("x.so", "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"
                  "{ ngi_error_set(err, NGI_ENOENT, \"no model in %s\", host->software ? \"/srv/models\" : \"\");"
                  " return 0; }");
    refused("DIR/x.so: its entry function refused: no model in /srv/models");
}
END_TEST

Suite *entry_suite(void)
{
    Suite *suite = suite_create("entry");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_library_that_is_no_plugin_has_no_entry_symbol);
    tcase_add_test(tests, a_hidden_entry_symbol_is_none);
    tcase_add_test(tests, an_entry_of_a_newer_major_only_is_named);
    tcase_add_test(tests, a_newer_major_in_the_structure_is_named);
    tcase_add_test(tests, a_structure_without_version_is_refused);
    tcase_add_test(tests, a_structure_too_short_for_its_routes_is_refused);
    tcase_add_test(tests, null_without_words_is_refused);
    tcase_add_test(tests, null_with_words_gives_the_plugins_own);
    return suite;
}
