/* Plugins are built here, while the tests run, with the compilers that are there; then what the file says of itself is
 * read, and the file is damaged in every way that comes to mind. */
#include "plugin/facts.h"

#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <jansson.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/flags.h"
#include "sdk/ngi.h"
#include "tests/unit/suites.h"

#ifndef TEST_SRCDIR
#define TEST_SRCDIR "."
#endif

static const char small_plugin[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r) { return ngi_text(r, 200, \"hello\"); }\n"
    "NGI_PLUGIN(\"small\", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", hello),\n"
    "    NGI_ROUTE(NGI_POST | NGI_DELETE, \"/items/{id}\", hello, NGI_MAY_BLOCK | NGI_SERIAL))\n";

static const char full_plugin[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r) { (void)r; return 200; }\n"
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_ANY, \"/\", hello),\n"
    "    NGI_ROUTE(NGI_PUT, \"/{x}\", hello), { 0 } };\n"
    "static const ngi_option_spec options[] = { { \"quality\", NGI_INT, \"80\", 1, 100, \"JPEG quality\" },\n"
    "    { \"file\", NGI_STRING, NULL, 0, 0, NULL }, { \"share\", NGI_FLOAT, \"0.5\", 0.25, 0.75, NULL }, { 0 } };\n"
    "NGI_PLUGIN_FULL(.name = \"full\", .version = \"2.1\", .summary = \"All of it\", .flags = NGI_ISOLATE,\n"
    "    .routes = rows, .options = options)\n";

/* -nostdlib and one page size: a file small enough to be damaged byte by byte. */
#define TINY "-O2 -nostdlib -s -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id"

static char dir[64];
static struct facts *facts;
static ngi_error err;

static void make_dir(void)
{
    strcpy(dir, "/tmp/postern-facts-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void forget(void)
{
    facts_free(facts);
    facts = NULL;
    err = (ngi_error){ 0 };
}

__attribute__((format(printf, 1, 2)))
static bool shell(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    size_t n = (size_t)snprintf(command, sizeof command, "cd %s && { ", dir);
    va_start(ap, fmt);
    n += (size_t)vsnprintf(command + n, sizeof command - n, fmt, ap);
    va_end(ap);
    ck_assert_uint_lt(n + 20, sizeof command);
    strcpy(command + n, "; } >log 2>&1");
    return system(command) == 0;
}

static void write_file(const char *name, const void *data, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(file_write_all(fd, data, n), 0);
    close(fd);
}

/* x.so from C; false if that compiler or linker will not have these flags. */
static bool can_build(const char *compiler, const char *source, const char *flags)
{
    write_file("x.c", source, strlen(source));
    return shell("%s -shared -fPIC -I%s/sdk %s -o x.so", compiler, TEST_SRCDIR, flags);
}

static void build(const char *source, const char *flags)
{
    char with_source[512];
    snprintf(with_source, sizeof with_source, "x.c %s", flags);
    ck_assert_msg(can_build("cc", source, with_source), "cc fails: is the SDK in %s/sdk?", TEST_SRCDIR);
}

static int inspect(const char *name)
{
    char path[128];
    forget();
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    int rc = facts_read(fd, &facts, &err);
    close(fd);
    ck_assert_int_eq(rc, err.code);
    ck_assert((rc == NGI_OK) == (facts != NULL));
    return rc;
}

static void inspect_good(void)
{
    ck_assert_msg(inspect("x.so") == NGI_OK, "%s", err.text);
}

static void ck_assert_refused(const char *name, int code, const char *words)
{
    ck_assert_int_eq(inspect(name), code);
    ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" is not in \"%s\"", words, err.text);
}

static char *load(const char *name, size_t *ret_length)
{
    char path[128], *data;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    ck_assert_int_eq(file_read(path, 1 << 24, &data, ret_length), 0);
    return data;
}

/* Reads the facts of bytes that were damaged, and prints them: whatever comes out, it does come back. */
static int survive(int fd, const char *data, size_t n, FILE *nowhere)
{
    struct facts *found = NULL;
    ngi_error why = { 0 };
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(pwrite(fd, data, n, 0), (ssize_t)n);
    int rc = facts_read(fd, &found, &why);
    ck_assert_int_eq(rc, why.code);
    if (rc == NGI_OK) {
        ck_assert_int_eq(facts_print(found, "x", nowhere), NGI_OK);
        ck_assert_int_eq(facts_print_json(found, "x", nowhere), NGI_OK);
    } else {
        ck_assert_str_ne(why.text, "");
    }
    facts_free(found);
    return rc;
}

static char *printed(int (*print)(const struct facts *facts, const char *path, FILE *out))
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    ck_assert_int_eq(print(facts, "/dir/x.so", out), NGI_OK);
    fclose(out);
    return text;
}

/* ------------------------------------------------------------------------------------------- what is read --- */

static void ck_assert_small(const char *how)
{
    ck_assert_msg(inspect("x.so") == NGI_OK, "%s: %s", how, err.text);
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
    { "cc", "-O0 x.c" }, { "cc", "-O2 x.c" }, { "cc", "-O2 -g3 -flto x.c" }, { "cc", "-O2 -s x.c" },
    { "cc", "-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections x.c" },
    { "cc", "-O2 -Wl,-z,pack-relative-relocs x.c" }, { "cc", "-fvisibility=hidden -Wl,-z,now -Wl,-z,relro x.c" },
    { "cc", "-Wl,--hash-style=sysv x.c" }, { "cc", "-Wl,--hash-style=both -Wl,-Bsymbolic x.c" },
    { "cc", TINY " x.c" }, { "cc", "-fsanitize=address x.c" }, { "cc", "-fsanitize=undefined x.c" },
    { "cc", "-fuse-ld=gold x.c" }, { "c++", "-x c++ x.c" }, { "c++", "-x c++ -O2 -flto x.c" },
    { "c++", "-x c++ -std=c++20 -fno-exceptions x.c" }, { "clang", "-O0 x.c" }, { "clang", "-O2 x.c" },
    { "clang", "-O2 -fuse-ld=lld x.c" }, { "clang", "-fuse-ld=lld -Wl,--pack-dyn-relocs=relr x.c" },
    { "clang", "-flto -fuse-ld=lld x.c" }, { "clang", "-fuse-ld=lld -Wl,--gc-sections -s x.c" },
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
    snprintf(source, sizeof source, "#include <stdlib.h>\n__attribute__((constructor)) static void start(void)"
             " { abort(); }\n%s", small_plugin);
    build(source, "");
    ck_assert_small("with a constructor");
}
END_TEST

START_TEST(an_entry_written_by_hand_has_no_metadata)
{
    build("#include <ngi.h>\nconst ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"
          "{ (void)host; (void)err; return 0; }\n", "-Wl,--build-id=none");
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
    char *data = load("x.so", &n);
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
          "NGI_SECTION_ static const struct { uint32_t size, abi; void *other; } self = { 16, 2u << 16, 0 };\n", "");
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
          "    { { .size = sizeof self, .abi = NGI_ABI + 3, .name = \"new\", .routes = rows }, \"later\" };\n", "");
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
          "    .name = \"old\", .routes = rows, .options = options };\n", "");
    inspect_good();
    ck_assert_str_eq(facts->name, "old");
    ck_assert_uint_eq(facts->route_count, 1);
    ck_assert_uint_eq(facts->option_count, 0);
}
END_TEST

START_TEST(a_name_that_is_an_exported_variable_is_followed)
{
    build("#include <ngi.h>\nextern const char names[];\nconst char names[] = \"no exported\";\n"
          "NGI_PLUGIN_FULL(.name = names + 3)\n", "");
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

/* -------------------------------------------------------------------------------- what nothing would define --- */

static const char caller[] =
    "#include <ngi.h>\nint far_away(void);\nstatic int hello(ngi_request *r) { (void)r; return far_away(); }\n"
    "NGI_PLUGIN(\"caller\", \"1\", NGI_ROUTE(NGI_GET, \"/\", hello))\n";

static void ck_assert_undefined(size_t i, const char *text)
{
    ck_assert_uint_gt(facts->undefined_count, i);
    ck_assert_str_eq(facts->undefined[i], text);
}

START_TEST(a_missing_symbol_is_named)
{
    build(caller, "");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 1);
    ck_assert_undefined(0, "far_away");
}
END_TEST

START_TEST(a_weak_symbol_may_be_missing)
{
    build("#include <ngi.h>\nint far_away(void) __attribute__((weak));\n"
          "static int hello(ngi_request *r) { (void)r; return far_away ? far_away() : 200; }\n"
          "NGI_PLUGIN(\"caller\", \"1\", NGI_ROUTE(NGI_GET, \"/\", hello))\n", "");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
}
END_TEST

START_TEST(a_needed_library_is_searched_beside_the_plugin)
{
    build("int far_away(void); int farther(void); int far_away(void) { return farther(); }\n", "");
    ck_assert(shell("mv x.so libfar.so"));
    build(caller, "-L. -lfar -Wl,-rpath,/nowhere:'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->needed_count, facts->needed_count > 1 ? 2 : 1);
    ck_assert_str_eq(facts->needed[0], "libfar.so");
    ck_assert_uint_eq(facts->undefined_count, 0);
}
END_TEST

START_TEST(symbols_of_libraries_that_libraries_need_count)
{
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,-soname,libinner.so");
    ck_assert(shell("mv x.so libinner.so"));
    build("int unrelated(void); int unrelated(void) { return 0; }\n",
          "-Wl,-soname,libouter.so -Wl,--no-as-needed -L. -linner -Wl,-rpath,'${ORIGIN}'");
    ck_assert(shell("mv x.so libouter.so"));
    build(caller, "-Wl,--no-as-needed -Wl,--unresolved-symbols=ignore-all -L. -louter -Wl,-rpath,'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
    ck_assert(shell("rm libinner.so"));
    inspect_good();
    ck_assert_undefined(0, "needed library libinner.so not found (libouter.so needs it)");
    ck_assert_undefined(1, "far_away");
}
END_TEST

START_TEST(a_missing_library_is_named_before_its_symbols)
{
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,-soname,libpostern-gone.so.7");
    ck_assert(shell("mv x.so libgone.so"));
    build(caller, "-L. -lgone");
    inspect_good();
    ck_assert_undefined(0, "needed library libpostern-gone.so.7 not found");
    ck_assert_undefined(1, "far_away");
    ck_assert_uint_eq(facts->undefined_count, 2);
}
END_TEST

static void build_versioned(const char *version)
{
    ck_assert(shell("echo '%s { global: far_away; };' >map", version));
    build("int far_away(void); int far_away(void) { return 200; }\n", "-Wl,--version-script=map -Wl,-soname,libv.so");
    ck_assert(shell("mv x.so libv.so"));
}

START_TEST(a_symbol_of_another_version_does_not_count)
{
    build_versioned("FAR_2.0");
    build(caller, "-L. -lv -Wl,-rpath,'$ORIGIN'");
    inspect_good();
    ck_assert_uint_eq(facts->undefined_count, 0);
    ck_assert(shell("mv x.so keep.so"));
    build_versioned("FAR_1.0");
    ck_assert_int_eq(inspect("keep.so"), NGI_OK);
    ck_assert_uint_eq(facts->undefined_count, 1);
    ck_assert_undefined(0, "far_away@FAR_2.0");
}
END_TEST

/* ------------------------------------------------------------------------------------------- what is refused --- */

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
    char *data = load("x.so", &n);
    memcpy(&header, data, sizeof header);
    bool here = header.e_machine == EM_AARCH64;
    header.e_machine = here ? EM_X86_64 : EM_AARCH64;
    memcpy(data, &header, sizeof header);
    write_file("x.so", data, n);
    ck_assert_refused("x.so", NGI_EABI, here ? "built for x86-64, this gateway is " :
                      "built for aarch64, this gateway is ");
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
    char *data = load("x.so", &n);
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
          "NGI_PLUGIN_FULL(.name = \"x\", .routes = rows)\n", "");
    ck_assert_refused("x.so", NGI_EPARSE, "its route table does not end within 10000 rows: end it with { 0 }");
    build("#include <ngi.h>\nstatic const ngi_option_spec rows[2000] = { [0 ... 1999] = { \"a\", 2, 0, 0, 0, 0 } };\n"
          "NGI_PLUGIN_FULL(.name = \"x\", .options = rows)\n", "");
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
          "    { NGI_GET, (const char *)8, 0, 0 }, { 0 } };\nNGI_PLUGIN_FULL(.name = \"x\", .routes = rows)\n", "");
    ck_assert_refused("x.so", NGI_EPARSE, "the pattern of route 2 does not lie within the file");
}
END_TEST

/* --------------------------------------------------------------------------------------------- hostile bytes --- */

/* Each byte in turn: all bits, one bit, and the two values that lengths and counts fear most. */
START_TEST(no_single_byte_brings_the_reader_down)
{
    size_t n, accepted = 0;
    build(_i ? full_plugin : caller, _i ? TINY " -Wl,-z,pack-relative-relocs" : TINY);
    char *data = load("x.so", &n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (size_t i = 0; i < n; i++) {
        const char good = data[i];
        const char values[] = { (char)~good, (char)(good ^ 1 << i % 8), 0, (char)0xff };
        for (size_t k = 0; k < sizeof values; k++) {
            data[i] = values[k];
            accepted += survive(fd, data, n, nowhere) == NGI_OK;
        }
        data[i] = good;
    }
    ck_assert_int_eq(survive(fd, data, n, nowhere), NGI_OK);
    ck_assert_uint_gt(accepted, 0);
    fclose(nowhere);
    close(fd);
    free(data);
}
END_TEST

START_TEST(no_length_brings_the_reader_down)
{
    size_t n;
    build(full_plugin, TINY);
    char *data = load("x.so", &n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (size_t i = 0; i < n; i++)
        ck_assert_int_ne(survive(fd, data, i, nowhere), NGI_OK);
    fclose(nowhere);
    close(fd);
    free(data);
}
END_TEST

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Words that are pointers, offsets or sizes in an ELF file become small, huge, unaligned, or one another. */
static void corrupt_words(char *data, size_t n, uint64_t *state)
{
    static const uint64_t values[] = { 0, 1, 7, 8, 0x3f, 0x1000, 0x7fffffff, 0xffffffff, 1ull << 32, 1ull << 62,
                                       INT64_MAX, 1ull << 63, UINT64_MAX - 7, UINT64_MAX };
    for (uint64_t k = random_next(state) % 4 + 1; k > 0; k--) {
        uint64_t word = values[random_next(state) % (sizeof values / sizeof *values)];
        size_t at = random_next(state) % (n / 8) * 8, width = random_next(state) % 2 ? 8 : 4;
        if (random_next(state) % 3 == 0)
            word = random_next(state) % (2 * n);
        if (random_next(state) % 4 == 0)
            memcpy(&word, data + random_next(state) % (n - 8), 8);
        memcpy(data + at, &word, width);
    }
}

START_TEST(corrupt_pointers_do_not_bring_the_reader_down)
{
    enum { ROUNDS = 4000 };
    size_t n;
    uint64_t state = 1;
    build(_i ? full_plugin : caller, _i ? TINY " -Wl,-z,pack-relative-relocs" : TINY);
    char *data = load("x.so", &n), *copy = malloc(n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "w");
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, data, n);
        corrupt_words(copy, n, &state);
        survive(fd, copy, n, nowhere);
    }
    fclose(nowhere);
    close(fd);
    free(copy);
    free(data);
}
END_TEST

START_TEST(words_beside_a_huge_sparse_file_do_not_exhaust_memory)
{
    enum { ROUNDS = 300 };
    size_t n;
    uint64_t state = 7;
    build(full_plugin, TINY);
    char *data = load("x.so", &n), *copy = malloc(n);
    int fd = memfd_create("facts", MFD_CLOEXEC);
    for (int round = 0; round < ROUNDS; round++) {
        struct facts *found = NULL;
        memcpy(copy, data, n);
        corrupt_words(copy, n, &state);
        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(pwrite(fd, copy, n, 0), (ssize_t)n);
        ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
        facts_read(fd, &found, NULL);
        facts_free(found);
    }
    close(fd);
    free(copy);
    free(data);
}
END_TEST

/* ------------------------------------------------------------------------------------------- what is printed --- */

START_TEST(facts_print_as_a_table)
{
    build(full_plugin, TINY "=0xabcdef01");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_str_eq(text,
                     "file       /dir/x.so\n"
                     "name       full\n"
                     "version    2.1\n"
                     "summary    All of it\n"
                     "interface  NGI 1.0\n"
                     "build-id   abcdef01\n"
                     "flags      NGI_ISOLATE\n"
                     "routes     ANY  /\n"
                     "           PUT  /{x}\n"
                     "options    quality  int     default 80   1 to 100      JPEG quality\n"
                     "           file     string  required\n"
                     "           share    float   default 0.5  0.25 to 0.75\n"
                     "needs      none\n"
                     "unresolved none\n");
    free(text);
}
END_TEST

START_TEST(facts_print_as_json)
{
    const char *name, *pattern, *method, *flag, *type, *value, *abi;
    double least;
    int most, entry;
    json_t *absent;
    build(full_plugin, TINY);
    inspect_good();
    char *text = printed(facts_print_json);
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_int_eq(json_unpack(object, "{s:s, s:s, s:[s], s:[{s:[s], s:s, s:[]}, {}], s:b,"
                                 " s:[{s:s, s:s, s:i}, {s:o}, {s:f}], s:[], s:[]}",
                                 "name", &name, "abi", &abi, "flags", &flag, "routes", "methods", &method, "pattern",
                                 &pattern, "flags", "entry", &entry, "options", "type", &type, "default", &value,
                                 "max", &most, "default", &absent, "min", &least, "needs", "unresolved"), 0);
    ck_assert_str_eq(name, "full");
    ck_assert_str_eq(abi, "1.0");
    ck_assert_str_eq(flag, "NGI_ISOLATE");
    ck_assert_str_eq(method, "ANY");
    ck_assert_str_eq(pattern, "/");
    ck_assert_str_eq(type, "int");
    ck_assert_str_eq(value, "80");
    ck_assert_int_eq(most, 100);
    ck_assert(json_is_null(absent));
    ck_assert_double_eq(least, 0.25);
    ck_assert(entry);
    json_decref(object);
    free(text);
}
END_TEST

START_TEST(bytes_from_the_file_reach_neither_terminal_nor_json_unescaped)
{
    build("#include <ngi.h>\nNGI_PLUGIN_FULL(.name = \"a\\033[31m\\nb\", .version = \"\\377\\302\\233\\303\\274\","
          " .summary = \"\\355\\240\\200\")\n", "");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_ptr_nonnull(strstr(text, "name       a\\x1b[31m\\nb\n"));
    ck_assert_ptr_nonnull(strstr(text, "version    \\xff\\xc2\\x9b\303\274\n"));
    ck_assert_ptr_nonnull(strstr(text, "summary    \\xed\\xa0\\x80\n"));
    free(text);
    text = printed(facts_print_json);
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "name")), "a\033[31m\nb");
    ck_assert_str_eq(json_string_value(json_object_get(object, "version")), "\357\277\275\302\233\303\274");
    for (const char *c = text; *c; c++)
        ck_assert((*c >= ' ' && *c < 0x7f) || *c == '\n');
    json_decref(object);
    free(text);
}
END_TEST

START_TEST(numbers_that_are_none_print)
{
    build("#include <ngi.h>\nstatic const ngi_option_spec rows[] = {\n"
          "    { \"a\", 77, \"\", __builtin_nan(\"\"), __builtin_inf(), \"\" }, { 0 } };\n"
          "NGI_PLUGIN_FULL(.name = \"x\", .options = rows)\n", "");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_ptr_nonnull(strstr(text, "options    a  type 77  default   nan to inf\n"));
    free(text);
    text = printed(facts_print_json);
    ck_assert_ptr_nonnull(strstr(text, "\"min\": null"));
    free(text);
}
END_TEST

START_TEST(a_plugin_without_entry_or_metadata_says_so)
{
    build("int nothing(void); int nothing(void) { return 0; }\n", "-Wl,--build-id=none -nostdlib");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_str_eq(text,
                     "file       /dir/x.so\n"
                     "interface  not described in the file (no section ngi_plugin): known once it is loaded\n"
                     "entry      none: it exports no function ngi_plugin_v1\n"
                     "needs      none\n"
                     "unresolved none\n");
    free(text);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    build(full_plugin, TINY);
    inspect_good();
    FILE *full = fopen("/dev/full", "w");
    ck_assert_int_eq(facts_print(facts, "x", full), NGI_EIO);
    fclose(full);
    full = fopen("/dev/full", "w");
    ck_assert_int_eq(facts_print_json(facts, "x", full), NGI_EIO);
    fclose(full);
}
END_TEST

START_TEST(flags_have_names)
{
    char text[FLAGS_TEXT_SIZE];
    flags_list(0, text);
    ck_assert_str_eq(text, "");
    flags_list(NGI_MAY_BLOCK | NGI_SERIAL, text);
    ck_assert_str_eq(text, "NGI_MAY_BLOCK, NGI_SERIAL");
    flags_list(0x40, text);
    ck_assert_str_eq(text, "0x40");
    flags_list(0xffffffff, text);
    ck_assert_str_eq(text, "NGI_MAY_BLOCK, NGI_NEVER_BLOCKS, NGI_SERIAL, NGI_ISOLATE, 0xfffffff0");
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

static TCase *add_case(Suite *suite, const char *name, double seconds)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, seconds);
    tcase_add_checked_fixture(tests, make_dir, remove_dir);
    tcase_add_checked_fixture(tests, NULL, forget);
    suite_add_tcase(suite, tests);
    return tests;
}

Suite *facts_suite(void)
{
    Suite *suite = suite_create("facts");
    TCase *tests = add_case(suite, "reading", 60);
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
    tests = add_case(suite, "undefined", 60);
    tcase_add_test(tests, a_missing_symbol_is_named);
    tcase_add_test(tests, a_weak_symbol_may_be_missing);
    tcase_add_test(tests, a_needed_library_is_searched_beside_the_plugin);
    tcase_add_test(tests, symbols_of_libraries_that_libraries_need_count);
    tcase_add_test(tests, a_missing_library_is_named_before_its_symbols);
    tcase_add_test(tests, a_symbol_of_another_version_does_not_count);
    tests = add_case(suite, "refusing", 60);
    tcase_add_test(tests, what_is_no_elf_file_is_shown_by_its_beginning);
    tcase_add_test(tests, other_kinds_of_elf_files_are_refused_with_the_remedy);
    tcase_add_test(tests, another_machine_is_named);
    tcase_add_test(tests, a_file_cut_short_says_so);
    tcase_add_test(tests, tables_without_end_are_refused);
    tcase_add_test(tests, a_lying_structure_is_refused);
    tests = add_case(suite, "hostile", 300);
    tcase_add_loop_test(tests, no_single_byte_brings_the_reader_down, 0, 2);
    tcase_add_test(tests, no_length_brings_the_reader_down);
    tcase_add_loop_test(tests, corrupt_pointers_do_not_bring_the_reader_down, 0, 2);
    tcase_add_test(tests, words_beside_a_huge_sparse_file_do_not_exhaust_memory);
    tests = add_case(suite, "printing", 60);
    tcase_add_test(tests, facts_print_as_a_table);
    tcase_add_test(tests, facts_print_as_json);
    tcase_add_test(tests, bytes_from_the_file_reach_neither_terminal_nor_json_unescaped);
    tcase_add_test(tests, numbers_that_are_none_print);
    tcase_add_test(tests, a_plugin_without_entry_or_metadata_says_so);
    tcase_add_test(tests, a_full_disk_is_an_error);
    tcase_add_test(tests, flags_have_names);
    return suite;
}
