/* What a file says of itself, however it was built. */
#include "plugin/facts.h"

#include <check.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

static void ck_assert_small(const char *how)
{
    ck_assert_msg(inspect("x.so") == NGI_OK, "%s: %s", how, refusal.text);
    ck_assert_msg(facts->has_entry && facts->has_metadata, "%s", how);
    ck_assert_str_eq(facts->name, "small");
    ck_assert_str_eq(facts->version, "1.0");
    ck_assert_ptr_null(facts->summary);
    ck_assert_uint_eq(facts->size, sizeof(ngi_plugin));
    ck_assert_uint_eq(facts->abi, NGI_ABI);
    ck_assert_uint_eq(facts->route_count, 2);
    ck_assert_str_eq(facts->routes[0].pattern, "/");
    ck_assert_str_eq(facts->routes[1].pattern, "/items/{id}");
    ck_assert_uint_eq(facts->routes[1].methods, NGI_POST | NGI_DELETE);
    ck_assert_uint_eq(facts->routes[1].flags, NGI_MAY_BLOCK | NGI_SERIAL);
    ck_assert_uint_eq(facts->option_count, 0);
    ck_assert_msg(facts->undefined_count == 0, "%s: %s", how, facts->undefined[0]);
}

/* Compilers and linkers lay pointers out in different ways; rows that this machine cannot build are passed over. */
static const struct {
    const char *compiler, *flags;
} builds[] = {
    { "cc", "-O0 x.c" },
    { "cc", "-O2 x.c" },
    { "cc", "-O2 -g3 -flto x.c" },
    { "cc", "-O2 -s x.c" },
    { "cc", "-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections x.c" },
    { "cc", "-O2 -Wl,-z,pack-relative-relocs x.c" },
    { "cc", "-fvisibility=hidden -Wl,-z,now -Wl,-z,relro x.c" },
    { "cc", "-Wl,--hash-style=sysv x.c" },
    { "cc", "-Wl,--hash-style=both -Wl,-Bsymbolic x.c" },
    { "cc", TINY " x.c" },
    { "cc", "-fsanitize=address x.c" },
    { "cc", "-fsanitize=undefined x.c" },
    { "cc", "-fuse-ld=gold x.c" },
    { "c++", "-x c++ x.c" },
    { "c++", "-x c++ -O2 -flto x.c" },
    { "c++", "-x c++ -std=c++20 -fno-exceptions x.c" },
    { "clang", "-O0 x.c" },
    { "clang", "-O2 x.c" },
    { "clang", "-O2 -fuse-ld=lld x.c" },
    { "clang", "-fuse-ld=lld -Wl,--pack-dyn-relocs=relr x.c" },
    { "clang", "-flto -fuse-ld=lld x.c" },
    { "clang", "-fuse-ld=lld -Wl,--gc-sections -s x.c" },
    { "clang++", "-x c++ -O2 x.c" },
};

START_TEST(plugins_are_read_however_they_were_built)
{
    if (!can_build(builds[_i].compiler, small_plugin, builds[_i].flags)) {
        ck_assert_int_ne(_i, 0);
        return;
    }
    ck_assert_small(builds[_i].flags);
}
END_TEST

START_TEST(all_members_are_read)
{
    build(full_plugin, "-Wl,--build-id=0x0123456789abcdef");
    inspect_good();
    ck_assert_str_eq(facts->build_id, "0123456789abcdef");
    ck_assert_str_eq(facts->summary, "All of it");
    ck_assert_uint_eq(facts->flags, NGI_ISOLATE);
    ck_assert_uint_eq(facts->routes[0].methods, NGI_ANY);
    ck_assert_uint_eq(facts->option_count, 3);
    ck_assert_str_eq(facts->options[0].name, "quality");
    ck_assert_int_eq(facts->options[0].type, NGI_INT);
    ck_assert_str_eq(facts->options[0].default_value, "80");
    ck_assert_double_eq(facts->options[0].max, 100);
    ck_assert_str_eq(facts->options[0].help, "JPEG quality");
    ck_assert_ptr_null(facts->options[1].default_value);
    ck_assert_ptr_null(facts->options[1].help);
}
END_TEST

START_TEST(no_code_of_the_plugin_runs)
{
    char source[1024];
    snprintf(source, sizeof source,
             "#include <stdlib.h>\n__attribute__((constructor)) static void start(void)"
             " { abort(); }\n%s",
             small_plugin);
    build(source, "");
    ck_assert_small("with a constructor");
}
END_TEST

START_TEST(an_entry_written_by_hand_has_no_metadata)
{
    build("#include <ngi.h>\nconst ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *refusal)\n"
          "{ (void)host; (void)refusal; return 0; }\n",
          "-Wl,--build-id=none");
    inspect_good();
    ck_assert(facts->has_entry);
    ck_assert(!facts->has_metadata);
    ck_assert_ptr_null(facts->name);
    ck_assert_ptr_null(facts->build_id);
}
END_TEST

START_TEST(a_file_without_section_table_still_shows_its_entry)
{
    static const char *const styles[] = { TINY " -Wl,--hash-style=gnu", TINY " -Wl,--hash-style=sysv" };
    ElfW(Ehdr) header;
    size_t n;
    build(small_plugin, styles[_i]);
    char *data = read_back("x.so", &n);
    memcpy(&header, data, sizeof header);
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    memcpy(data, &header, sizeof header);
    write_file("x.so", data, n);
    free(data);
    inspect_good();
    ck_assert(facts->has_entry);
    ck_assert(!facts->has_metadata);
}
END_TEST

START_TEST(an_entry_of_another_major_version_is_named)
{
    build("#include <ngi.h>\nvoid ngi_plugin_v2(void);\nvoid ngi_plugin_v2(void) { }\nvoid ngi_plugin_vx(void) { }\n"
          "NGI_SECTION_ static const struct { uint32_t size, abi; void *other; } self = { 16, 2u << 16, 0 };\n",
          "");
    inspect_good();
    ck_assert(!facts->has_entry);
    ck_assert_str_eq(facts->other_entry, "ngi_plugin_v2");
    ck_assert(facts->has_metadata);
    ck_assert_uint_eq(facts->abi, 2u << 16);
    ck_assert_ptr_null(facts->name);
}
END_TEST

START_TEST(a_newer_minor_with_more_members_is_read)
{
    build("#include <ngi.h>\nstatic const ngi_route rows[] = { { NGI_GET, \"/new\", 0, 0 }, { 0 } };\n"
          "NGI_SECTION_ static const struct { ngi_plugin now; const char *later; } self =\n"
          "    { { .size = sizeof self, .abi = NGI_ABI + 3, .name = \"new\", .routes = rows }, \"later\" };\n",
          "");
    inspect_good();
    ck_assert_uint_eq(facts->abi, NGI_ABI + 3);
    ck_assert_uint_gt(facts->size, sizeof(ngi_plugin));
    ck_assert_str_eq(facts->name, "new");
    ck_assert_str_eq(facts->routes[0].pattern, "/new");
}
END_TEST

START_TEST(members_behind_a_shorter_structure_are_zero)
{
    build("#include <ngi.h>\nstatic const ngi_route rows[] = { { NGI_GET, \"/old\", 0, 0 }, { 0 } };\n"
          "static const ngi_option_spec options[] = { { \"no\", NGI_INT, 0, 0, 0, 0 }, { 0 } };\n"
          "NGI_SECTION_ static const ngi_plugin self = { .size = offsetof(ngi_plugin, init), .abi = NGI_ABI,\n"
          "    .name = \"old\", .routes = rows, .options = options };\n",
          "");
    inspect_good();
    ck_assert_str_eq(facts->name, "old");
    ck_assert_uint_eq(facts->route_count, 1);
    ck_assert_uint_eq(facts->option_count, 0);
}
END_TEST

START_TEST(a_name_that_is_an_exported_variable_is_followed)
{
    build("#include <ngi.h>\nextern const char names[];\nconst char names[] = \"no exported\";\n"
          "NGI_PLUGIN_FULL(.name = names + 3)\n",
          "");
    inspect_good();
    ck_assert_str_eq(facts->name, "exported");
}
END_TEST

START_TEST(a_name_in_another_library_is_left_to_the_loader)
{
    build("extern const char shared_name[]; const char shared_name[] = \"there\";\n", "");
    ck_assert(shell("mv x.so libshared.so"));
    build("#include <ngi.h>\nextern const char shared_name[];\nNGI_PLUGIN_FULL(.name = shared_name)\n",
          "-L. -lshared -Wl,-rpath,'$ORIGIN'");
    inspect_good();
    ck_assert(facts->has_entry);
    ck_assert(!facts->has_metadata);
    ck_assert_uint_eq(facts->undefined_count, 0);
}
END_TEST

Suite *facts_suite(void)
{
    Suite *suite = suite_create("facts");
    TCase *tests = facts_case(suite, "reading", 60);
    tcase_add_loop_test(tests, plugins_are_read_however_they_were_built, 0, (int)(sizeof builds / sizeof *builds));
    tcase_add_test(tests, all_members_are_read);
    tcase_add_test(tests, no_code_of_the_plugin_runs);
    tcase_add_test(tests, an_entry_written_by_hand_has_no_metadata);
    tcase_add_loop_test(tests, a_file_without_section_table_still_shows_its_entry, 0, 2);
    tcase_add_test(tests, an_entry_of_another_major_version_is_named);
    tcase_add_test(tests, a_newer_minor_with_more_members_is_read);
    tcase_add_test(tests, members_behind_a_shorter_structure_are_zero);
    tcase_add_test(tests, a_name_that_is_an_exported_variable_is_followed);
    tcase_add_test(tests, a_name_in_another_library_is_left_to_the_loader);
    return suite;
}
