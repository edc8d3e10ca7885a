/* What is refused, and the remedy in its exact words. */
#include "plugin/facts.h"

#include <check.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

START_TEST(what_is_no_elf_file_is_shown_by_its_beginning)
{
    write_file("x.so", "#!/bin/sh\nexit\n", 15);
    ck_assert_refused("x.so", NGI_EABI,
                      "not an ELF file: it begins with \"#!/bin/sh\" (a plugin is a shared object: cc -shared -fPIC)");
    write_file("x.so", "\033[2J\377x", 6);
    ck_assert_refused("x.so", NGI_EABI, "begins with \"\\x1b[2J\\xffx\"");
    write_file("x.so", "", 0);
    ck_assert_refused("x.so", NGI_EABI, "an empty file");
    ck_assert_refused(".", NGI_EABI, "a directory, not a file");
}
END_TEST

START_TEST(other_kinds_of_elf_files_are_refused_with_the_remedy)
{
    build(small_plugin, "-s");
    ck_assert(shell("echo 'int main(void) { return 0; }' >m.c && cc -c m.c -o m.o && cc -fPIE -pie m.c -o pie && "
                    "cc -no-pie m.c -o fixed"));
    ck_assert_refused("m.o", NGI_EABI, "a relocatable object file (.o): link it with cc -shared");
    ck_assert_refused("pie", NGI_EABI, "an executable, not a shared object: link it with -shared");
    ck_assert_refused("fixed", NGI_EABI, "an executable, not a shared object: link it with -shared");
}
END_TEST

START_TEST(another_machine_is_named)
{
    size_t n;
    ElfW(Ehdr) header;
    build(small_plugin, TINY);
    char *data = read_back("x.so", &n);
    memcpy(&header, data, sizeof header);
    bool here = header.e_machine == EM_AARCH64;
    header.e_machine = here ? EM_X86_64 : EM_AARCH64;
    memcpy(data, &header, sizeof header);
    write_file("x.so", data, n);
    ck_assert_refused("x.so", NGI_EABI,
                      here ? "built for x86-64, this gateway is " : "built for aarch64, this gateway is ");
    ck_assert_refused("x.so", NGI_EABI, ": build it on or for this machine");
    header.e_machine = 60000;
    memcpy(data, &header, sizeof header);
    write_file("x.so", data, n);
    ck_assert_refused("x.so", NGI_EABI, "built for machine 60000, ");
    free(data);
}
END_TEST

START_TEST(a_file_cut_short_says_so)
{
    size_t n;
    build(small_plugin, "");
    char *data = read_back("x.so", &n);
    write_file("x.so", data, n - 1);
    ck_assert_refused("x.so", NGI_EPARSE, "cut short: its section table ends at byte ");
    write_file("x.so", data, 100);
    ck_assert_refused("x.so", NGI_EPARSE, "cut short: its program header table ends at byte ");
    write_file("x.so", data, 20);
    ck_assert_refused("x.so", NGI_EPARSE, "cut short: 20 bytes hold no ELF header");
    free(data);
}
END_TEST

START_TEST(tables_without_end_are_refused)
{
    build("#include <ngi.h>\nstatic int hello(ngi_request *r) { (void)r; return 200; }\n"
          "static const ngi_route rows[20000] = { [0 ... 19999] = { NGI_GET, \"/\", hello, 0 } };\n"
          "NGI_PLUGIN_FULL(.name = \"x\", .routes = rows)\n",
          "");
    ck_assert_refused("x.so", NGI_EPARSE, "its route table does not end within 10000 rows: end it with { 0 }");
    build("#include <ngi.h>\nstatic const ngi_option_spec rows[2000] = { [0 ... 1999] = { \"a\", 2, 0, 0, 0, 0 } };\n"
          "NGI_PLUGIN_FULL(.name = \"x\", .options = rows)\n",
          "");
    ck_assert_refused("x.so", NGI_EPARSE, "its option table does not end within 1000 rows");
}
END_TEST

START_TEST(a_lying_structure_is_refused)
{
    build("#include <ngi.h>\nNGI_SECTION_ static const ngi_plugin self = { .size = 4000, .abi = NGI_ABI };\n", "");
    ck_assert_refused("x.so", NGI_EPARSE, "it says it has 4000 bytes, its section has ");
    build("#include <ngi.h>\nNGI_PLUGIN_FULL(.name = (const char *)0x1234)\n", "");
    ck_assert_refused("x.so", NGI_EPARSE, "its ngi_plugin structure is damaged: its name does not lie within the file");
    build("#include <ngi.h>\nstatic const ngi_route rows[] = { { NGI_GET, \"/\", 0, 0 },\n"
          "    { NGI_GET, (const char *)8, 0, 0 }, { 0 } };\nNGI_PLUGIN_FULL(.name = \"x\", .routes = rows)\n",
          "");
    ck_assert_refused("x.so", NGI_EPARSE, "the pattern of route 2 does not lie within the file");
}
END_TEST

Suite *facts_refusals_suite(void)
{
    Suite *suite = suite_create("facts_refusals");
    TCase *tests = facts_case(suite, "refusing", 60);
    tcase_add_test(tests, what_is_no_elf_file_is_shown_by_its_beginning);
    tcase_add_test(tests, other_kinds_of_elf_files_are_refused_with_the_remedy);
    tcase_add_test(tests, another_machine_is_named);
    tcase_add_test(tests, a_file_cut_short_says_so);
    tcase_add_test(tests, tables_without_end_are_refused);
    tcase_add_test(tests, a_lying_structure_is_refused);
    return suite;
}
